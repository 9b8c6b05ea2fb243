// Policy text from anyone: it is refused, or formatting keeps its meaning and a second time changes nothing.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cedar/format.h"
#include "cedar/parse.h"
#include "cedar/print.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ::cedar;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto formatted = format_policies(text);
  if (!formatted) return 0;
  WRIT_CHECK(format_policies(*formatted) == *formatted);
  const auto policies = parse_policies(text);
  const auto printed = parse_policies(print_policies(*policies));
  WRIT_CHECK(printed.has_value());
  for (const auto& [before, after] : {std::pair(&policies->policies, &printed->policies),
                                      std::pair(&policies->templates, &printed->templates)}) {
    WRIT_CHECK(before->size() == after->size());
    for (std::size_t i = 0; i < before->size(); ++i) WRIT_CHECK((*before)[i].same_as((*after)[i]));
  }
  return 0;
}
