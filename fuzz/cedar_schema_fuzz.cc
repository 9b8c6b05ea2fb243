// Schemas from anyone, in both syntaxes, and policies held against them.
//
// A schema is JSON when it begins with `{`. What follows a line `---` is policies. A schema that is read
// prints and reads again as the same; one that is right in JSON is right in the Cedar syntax where that can
// say it; and no policy makes the validator crash or hang.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cedar/conform.h"
#include "cedar/schema_syntax.h"
#include "cedar/validate.h"

namespace {

using namespace writ;
using namespace writ::cedar;

void check_json(const SchemaFragment& fragment) {
  const auto again = schema_fragment_from_json(schema_to_json(fragment));
  WRIT_CHECK(again.has_value());
  WRIT_CHECK(schema_to_json(*again) == schema_to_json(fragment));
}

void check_text(const SchemaFragment& fragment, bool right) {
  const auto text = schema_to_text(fragment);
  if (!text) return;
  const auto again = parse_schema_text(*text);
  WRIT_CHECK(again.has_value());
  WRIT_CHECK(schema_to_text(*again) == *text);
  if (right) WRIT_CHECK(schema_from_text(*text).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view kSeparator = "\n---\n";
  const auto end = input.find(kSeparator);
  const auto text = input.substr(0, end);
  const bool is_json = text.starts_with('{');
  const auto fragment = is_json ? parse_schema_json(text) : parse_schema_text(text);
  if (!fragment) {
    WRIT_CHECK(!fragment.error().empty());
    return 0;
  }
  const auto schema = resolve_schema({&*fragment, 1}, is_json ? std::string_view() : text);
  check_json(*fragment);
  check_text(*fragment, schema.has_value());
  if (!schema) return 0;
  WRIT_CHECK(entities_from_json("[]", **schema).has_value());
  if (end == input.npos) return 0;
  const auto policy_text = input.substr(end + kSeparator.size());
  const auto policies = parse_policies(policy_text);
  if (!policies) return 0;
  const Validation strict = validate(**schema, *policies, {ValidationMode::kStrict, 1}, policy_text);
  const Validation permissive = validate(**schema, *policies, {ValidationMode::kPermissive, {}}, policy_text);
  // Whatever strict mode passes, permissive mode passes, too.
  WRIT_CHECK(!strict.passed() || permissive.passed());
  return 0;
}
