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

bool lies_in(std::string_view path, std::string_view part) {
  return path.starts_with(part) || path.find("." + std::string(part)) != path.npos;
}

// Whether a part of the answer depends on a text of the case, named as in the complaints. What a request
// complains of concerns that request alone.
bool depends_on(std::string_view path, std::string_view text) {
  const bool decided = lies_in(path, "outcome");
  if (text == "schema")
    return path == "schema" || path == "validation" || path.find("by_schema") != path.npos ||
           path.ends_with(".valid");
  if (text == "entities") return path.starts_with("entities") || decided;
  if (text == "entities_by_schema") return lies_in(path, text) || lies_in(path, "outcome_by_schema");
  if (text == "policies") {
    return path.starts_with("policies") || path.starts_with("annotations") || path.starts_with("links") ||
           path.starts_with("validation") || decided;
  }
  if (text == "context") return path.starts_with("requests[");
  if (text == "context_by_schema")
    return lies_in(path, text) || path.ends_with(".valid") || lies_in(path, "outcome_by_schema");
  if (text.starts_with("expressions[")) {
    const auto index = text.substr(text.find('['));
    return path == text || path.find("values" + std::string(index)) != path.npos;
  }
  return false;
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

// Whether Writ refused a text that this part of the answer depends on, and said something for which `matches`
// holds.
template <class Matches>
bool is_refused(const Difference& difference, const Json& writ, Matches matches) {
  if (!is_refusal(difference)) return false;
  for (const Json* complaints : {writ.find("complaints"), request_complaints(difference.path, writ)}) {
    if (complaints == nullptr) continue;
    for (const auto& [text, said] : *complaints->if_object()) {
      if (depends_on(difference.path, text) && matches(std::string_view(*said.if_string()))) return true;
    }
  }
  return false;
}

bool says(std::string_view complaint, std::string_view words) {
  return complaint.find(words) != complaint.npos;
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

bool is_nesting(std::string_view complaint) {
  return says(complaint, "nested more than") || says(complaint, "nested too deeply") ||
         says(complaint, "this path has more than");
}

bool is_length_of_name(std::string_view complaint) {
  return says(complaint, "this name has") && says(complaint, "bytes, at most");
}

bool is_strict_policy(std::string_view complaint) {
  return says(complaint, "unknown member") || says(complaint, "expected either `entity`") ||
         says(complaint, "is a method and needs its receiver");
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

// Writ says that there is no such function, or that it is not a value of the type that the schema asks for.
bool is_unknown(const Case& asked, const Difference& difference, const Json& writ) {
  const auto missed_value = [](std::string_view complaint) {
    return says(complaint, "extension function `unknown` does not exist") ||
           says(complaint, "expected a");  // value of a type, an entity reference, an array, an object
  };
  if (!is_refused(difference, writ, missed_value)) return false;
  return std::ranges::any_of(texts_of(asked, difference), [](std::string_view text) {
    return says(text, "\"__extn\"") && says(text, "\"unknown\"");
  });
}

bool is_positional(const Case& asked, const Difference& difference, const Json& writ) {
  const auto missed_object = [](std::string_view complaint) {
    return says(complaint, "an object") || says(complaint, "array") || says(complaint, "an entity needs") ||
           says(complaint, "expected an entity reference") || says(complaint, "expected a value of type");
  };
  if (!is_refused(difference, writ, missed_object)) return false;
  return std::ranges::any_of(texts_of(asked, difference), [](std::string_view text) {
    const auto json = codec::parse_json(text);
    return json && holds_positional_object(*json);
  });
}

// Whether && (or ||) stands directly in &&, which text can't say.
bool holds_chain_in_chain(const Json& json) {
  if (const Json::Array* array = json.if_array())
    return std::ranges::any_of(*array, [](const Json& element) { return holds_chain_in_chain(element); });
  const Json::Object* object = json.if_object();
  if (object == nullptr) return false;
  return std::ranges::any_of(*object, [](const Json::Member& member) {
    const auto& [name, value] = member;
    if (name == "&&" || name == "||") {
      for (const std::string_view side : {"left", "right"}) {
        const Json* operand = value.find(side);
        if (operand != nullptr && operand->find(name) != nullptr) return true;
      }
    }
    return holds_chain_in_chain(value);
  });
}

bool has_other_chains(const Case& asked, const Difference& difference) {
  const auto policies = codec::parse_json(asked.policies);
  return difference.path == "validation.impossible" && policies && holds_chain_in_chain(*policies);
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

// The number -0, not within a string.
bool holds_minus_zero(std::string_view text) {
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && text.substr(at).starts_with("-0")) {
      const char after = at + 2 < text.size() ? text[at + 2] : ' ';
      if (std::string_view(" ,]}\n").find(after) != std::string_view::npos) return true;
    }
  }
  return false;
}

bool is_minus_zero(const Case& asked, const Difference& difference) {
  if (difference.reference != "false" && !difference.reference.empty()) return false;
  return std::ranges::any_of(texts_of(asked, difference), holds_minus_zero);
}

}  // namespace

std::string_view deviation(const Case& asked, const Difference& difference, const Json& writ) {
  const auto refused = [&](auto matches) { return is_refused(difference, writ, matches); };
  const auto refused_saying = [&](std::string_view words) {
    return refused([&](std::string_view complaint) { return says(complaint, words); });
  };
  if (refused(is_strictness)) return "strict JSON";
  if (refused(is_nesting)) return "nesting";
  if (refused(is_length_of_name)) return "length of names";
  if (asked.policies_are_json) {
    if (refused(is_strict_policy)) return "strict policy JSON";
    if (refused_saying("a template needs a slot")) return "templates without slots";
    if (has_other_chains(asked, difference)) return "chains in policy JSON";
  }
  if (is_minus_zero(asked, difference)) return "minus zero";
  if (is_unknown(asked, difference, writ)) return "unknown values";
  if (refused_saying("expected an object, got array") || refused_saying("expected an object, found array") ||
      is_positional(asked, difference, writ))
    return "objects as arrays";
  if (is_slot(asked, difference)) return "slots in expressions";
  return {};
}

}  // namespace writ::differential
