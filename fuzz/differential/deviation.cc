#include "deviation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

namespace writ::differential {
namespace {

using namespace std::literals;
using codec::Json;

// Whether Writ refuses, or does not come so far, where the reference goes on.
bool is_refusal(const Difference& difference) {
  return difference.writ == "false" || difference.writ == "null" || difference.writ.empty();
}

// Whether a part of the answer depends on a text of the case, named as in the complaints.
bool depends_on(std::string_view path, std::string_view text) {
  if (text == "schema")
    return path == "schema" || path == "validation" || path.find("by_schema") != path.npos ||
           path.ends_with(".valid");
  if (text == "entities") return path.starts_with("entities") || path.find(".outcome") != path.npos;
  if (text == "policies") {
    return path.starts_with("policies") || path.starts_with("annotations") || path.starts_with("links") ||
           path.starts_with("validation") || path.find(".outcome") != path.npos;
  }
  if (text.starts_with("expressions[")) {
    const auto index = text.substr(text.find('['));
    return path == text || path.find("values" + std::string(index)) != path.npos;
  }
  return path.starts_with("requests[");
}

// The complaints about the request that a path lies in; null for another path.
const Json* request_complaints(std::string_view path, const Json& writ) {
  constexpr std::string_view kRequests = "requests[";
  if (!path.starts_with(kRequests)) return nullptr;
  std::size_t index = 0;
  const auto digits = path.substr(kRequests.size());
  std::from_chars(digits.begin(), digits.end(), index);
  return (*writ.find("requests")->if_array())[index].find("complaints");
}

// What codec::parse_json says of JSON that is well-formed but that Writ does not read.
bool is_strictness(std::string_view complaint) {
  constexpr std::array kMessages{"json: duplicate member name"sv,
                                 "json: integer does not fit"sv,
                                 "json: malformed number, or one out of range"sv,
                                 "json: malformed string"sv,
                                 "json: lone surrogate"sv,
                                 "json: nested deeper"sv};
  return std::ranges::any_of(kMessages,
                             [&](std::string_view message) { return complaint.starts_with(message); });
}

// Writ's JSON reader refused a text that this part of the answer depends on.
bool is_strict_json(const Difference& difference, const Json& writ) {
  const auto complained = [&](const Json* complaints, std::string_view text) {
    const std::string* complaint = complaints != nullptr ? complaints->find_string(text) : nullptr;
    return complaint != nullptr && is_strictness(*complaint) && depends_on(difference.path, text);
  };
  if (!is_refusal(difference)) return false;
  return complained(writ.find("complaints"), "schema") || complained(writ.find("complaints"), "entities") ||
         complained(request_complaints(difference.path, writ), "context");
}

// Writ refused a text that is not JSON, or policies as JSON, saying this.
bool is_refused(const Difference& difference, const Json& writ, std::string_view message) {
  if (!is_refusal(difference)) return false;
  return std::ranges::any_of(*writ.find("complaints")->if_object(), [&](const Json::Member& complaint) {
    const auto& [text, said] = complaint;
    return depends_on(difference.path, text) && said.if_string()->find(message) != std::string::npos;
  });
}

// The reference reads an object from a list of its members' values, too, as serde does.
bool holds_positional_object(const Json& json) {
  if (const Json::Object* object = json.if_object()) {
    return std::ranges::any_of(
        *object, [](const Json::Member& member) { return holds_positional_object(member.second); });
  }
  const Json::Array* array = json.if_array();
  if (array == nullptr) return false;
  const bool pair = array->size() == 2 && (*array)[0].is_string();
  const bool entity = array->size() >= 3 && (*array)[1].is_object() && (*array)[2].is_array();
  return pair || entity || std::ranges::any_of(*array, holds_positional_object);
}

// The JSON texts that this part of the answer depends on.
std::vector<std::string_view> texts_of(const Case& asked, const Difference& difference) {
  std::vector<std::string_view> texts;
  if (depends_on(difference.path, "entities")) texts.push_back(asked.entities);
  if (asked.schema_is_json && depends_on(difference.path, "schema")) texts.push_back(asked.schema);
  if (depends_on(difference.path, "context")) {
    for (const AskedRequest& request : asked.requests) texts.push_back(request.context);
  }
  return texts;
}

bool is_positional(const Case& asked, const Difference& difference) {
  if (!is_refusal(difference)) return false;
  return std::ranges::any_of(texts_of(asked, difference), [](std::string_view text) {
    const auto json = codec::parse_json(text);
    return json && holds_positional_object(*json);
  });
}

bool is_unknown(const Case& asked, const Difference& difference) {
  if (!is_refusal(difference)) return false;
  return std::ranges::any_of(texts_of(asked, difference),
                             [](std::string_view text) { return text.find("\"unknown\"") != text.npos; });
}

// A slot in an expression that stands alone.
bool is_slot(const Case& asked, const Difference& difference) {
  if (difference.path.find("expressions[") == std::string::npos &&
      difference.path.find("values[") == std::string::npos)
    return false;
  std::size_t index = 0;
  const std::string_view digits = std::string_view(difference.path).substr(difference.path.rfind('[') + 1);
  std::from_chars(digits.begin(), digits.end(), index);
  return index < asked.expressions.size() && asked.expressions[index].find('?') != std::string::npos;
}

bool holds_minus_zero(std::string_view text) {
  for (auto at = text.find("-0"); at != text.npos; at = text.find("-0", at + 1)) {
    const char after = at + 2 < text.size() ? text[at + 2] : ' ';
    const char before = at > 0 ? text[at - 1] : ' ';
    if (std::string_view(" ,]}\n").find(after) != std::string_view::npos &&
        std::string_view(" ,[:\n").find(before) != std::string_view::npos)
      return true;
  }
  return false;
}

bool is_minus_zero(const Case& asked, const Difference& difference) {
  if (difference.reference != "false" && !difference.reference.empty()) return false;
  return std::ranges::any_of(texts_of(asked, difference), holds_minus_zero);
}

}  // namespace

std::string_view deviation(const Case& asked, const Difference& difference, const Json& writ) {
  if (is_strict_json(difference, writ)) return "strict JSON";
  if (is_refused(difference, writ, "nested more than") || is_refused(difference, writ, "nested too deeply"))
    return "nesting";
  if (is_refused(difference, writ, "bytes, at most")) return "length of names";
  if (asked.policies_are_json && (is_refused(difference, writ, "unknown member") ||
                                  is_refused(difference, writ, "expected either `entity`")))
    return "strict policy JSON";
  if (asked.policies_are_json && difference.path == "validation.impossible") return "chains in policy JSON";
  if (is_minus_zero(asked, difference)) return "minus zero";
  if (is_unknown(asked, difference)) return "unknown values";
  if (is_positional(asked, difference) || is_refused(difference, writ, "expected an object, got array"))
    return "objects as arrays";
  if (is_slot(asked, difference)) return "slots in expressions";
  return {};
}

}  // namespace writ::differential
