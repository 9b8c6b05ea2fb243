// Schemas from anyone, in both syntaxes, and policies held against them.
//
// A schema is JSON when it begins with `{`. What follows a line `---` is policies. What is refused is refused
// with issues that can be shown. A schema that is read prints and reads again as the same; one that is right
// in one syntax is right in the other, where that can say it; and no policy makes the validator crash or
// hang.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "cedar/conform.h"
#include "cedar/schema_syntax.h"
#include "cedar/validate.h"
#include "codec/utf8.h"

namespace {

using namespace writ;
using namespace writ::cedar;

void check_issues(std::string_view text, const std::vector<Issue>& issues, bool placed) {
  WRIT_CHECK(!issues.empty() && issues.size() <= kMaxIssues);
  for (const Issue& issue : issues) {
    WRIT_CHECK(placed ? issue.line > 0 && issue.column > 0 : issue.line == 0);
    WRIT_CHECK(issue.span.begin <= text.size());
    WRIT_CHECK(!issue.message.empty() && issue.message.size() <= kMaxMessageBytes);
    WRIT_CHECK(issue.message.find_first_of("\n\r\x1b") == std::string::npos);
    WRIT_CHECK(codec::valid_utf8(issue.message) && codec::valid_utf8(render_issue("f", text, issue)));
  }
}

void check_json(const SchemaFragment& fragment, bool right) {
  const auto again = schema_fragment_from_json(schema_to_json(fragment));
  WRIT_CHECK(again.has_value());
  WRIT_CHECK(schema_to_json(*again) == schema_to_json(fragment));
  WRIT_CHECK(!right || resolve_schema({&*again, 1}).has_value());
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
    check_issues(text, fragment.error(), !is_json);
    return 0;
  }
  const auto schema = resolve_schema({&*fragment, 1}, is_json ? std::string_view() : text);
  if (!schema) check_issues(text, schema.error(), !is_json);
  check_json(*fragment, schema.has_value());
  check_text(*fragment, schema.has_value());
  if (!schema) return 0;
  WRIT_CHECK(entities_from_json("[]", **schema).has_value());
  if (end == input.npos) return 0;
  const auto policy_text = input.substr(end + kSeparator.size());
  const auto policies = parse_policies(policy_text);
  if (!policies) return 0;
  const Validation strict = validate(**schema, *policies, {ValidationMode::kStrict, 1}, policy_text);
  const Validation permissive = validate(**schema, *policies, {ValidationMode::kPermissive, {}}, policy_text);
  for (const Finding& finding : strict.errors) check_issues(policy_text, {finding.issue}, true);
  // Whatever strict mode passes, permissive mode passes, too.
  WRIT_CHECK(!strict.passed() || permissive.passed());
  return 0;
}
