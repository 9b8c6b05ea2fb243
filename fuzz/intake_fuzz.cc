// Exports of other systems, from whoever wrote the file: the first byte chooses the source. What is read
// becomes an import that is the same when it is written and read again, and that a second import does not
// change.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "intake/imports.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  using namespace writ::intake;
  if (size == 0) return 0;
  const auto source = static_cast<Source>(data[0] % source_names().size());
  files::Issues issues;
  Findings findings(issues);
  read_source(source, {{"export", std::string(reinterpret_cast<const char*>(data + 1), size - 1)}}, findings);
  if (issues.has_errors()) return 0;
  const auto now = instant_from_unix_seconds(1'767'225'600);
  const auto first = merge({source, "fuzz", {}}, findings, now);
  if (!first) return 0;
  const auto again = parse_import(import_text(first->after));
  WRIT_CHECK(again.has_value());
  const auto second = merge(*again, findings, now + std::chrono::days(1));
  WRIT_CHECK(second.has_value() && second->difference.empty());
  WRIT_CHECK(import_text(second->after) == import_text(first->after));
  return 0;
}
