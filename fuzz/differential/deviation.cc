#include "deviation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace writ::differential {
namespace {

using namespace std::literals;
using codec::Json;

// Which of a case's JSON texts a part of the answer depends on.
bool depends_on(std::string_view path, std::string_view text) {
  if (text == "schema")
    return path == "schema" || path == "validation" || path.find("by_schema") != path.npos ||
           path.ends_with(".valid");
  if (text == "entities") return path.starts_with("entities") || path.find(".outcome") != path.npos;
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
  return complained(writ.find("complaints"), "schema") || complained(writ.find("complaints"), "entities") ||
         complained(request_complaints(difference.path, writ), "context");
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
  if (depends_on(difference.path, "entities") && holds_minus_zero(asked.entities)) return true;
  if (!depends_on(difference.path, "context")) return false;
  for (const AskedRequest& request : asked.requests) {
    if (holds_minus_zero(request.context)) return true;
  }
  return false;
}

}  // namespace

std::string_view deviation(const Case& asked, const Difference& difference, const Json& writ) {
  if (is_strict_json(difference, writ)) return "strict JSON";
  if (is_minus_zero(asked, difference)) return "minus zero";
  return {};
}

}  // namespace writ::differential
