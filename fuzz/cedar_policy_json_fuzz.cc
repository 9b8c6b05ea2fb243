// Policy JSON from anyone: it is refused, or becomes policies that compile, print and are written again the
// same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cedar/compile.h"
#include "cedar/parse.h"
#include "cedar/policy_json.h"
#include "cedar/print.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::cedar;
  const auto policies = parse_policies_json({reinterpret_cast<const char*>(data), size});
  if (!policies) return 0;
  WRIT_CHECK(CompiledPolicySet::compile(*policies).has_value());
  const auto printed = parse_policies(print_policies(*policies));
  WRIT_CHECK(printed.has_value());
  for (std::size_t i = 0; i < policies->policies.size(); ++i)
    WRIT_CHECK(printed->policies[i].same_as(policies->policies[i]));
  const auto written = policies_to_json(*policies);
  if (!written) return 0;
  const auto again = parse_policies_json(written->dump());
  WRIT_CHECK(again.has_value() && again->links.size() == policies->links.size());
  for (std::size_t i = 0; i < policies->policies.size(); ++i)
    WRIT_CHECK(again->policies[i].same_as(policies->policies[i]));
  return 0;
}
