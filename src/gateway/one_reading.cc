#include "gateway/one_reading.h"

#include <algorithm>
#include <string>

#include "base/characters.h"
#include "codec/ascii.h"
#include "codec/json.h"
#include "codec/twin.h"
#include "http/target.h"

namespace writ::gateway {
namespace {

// Up to so many digits a number is the same to a reader that holds it as a double.
constexpr std::ptrdiff_t kMaxDigits = 15;

// Letters, digits, and what separates words and levels: `page[size]`, `$top`, `filter.from`.
bool is_plain_name(std::string_view name) noexcept {
  return std::ranges::all_of(
      name, [](char c) { return is_letter_or_digit(c) || std::string_view("_-.$[]").contains(c); });
}

// Could some reader take the parameter `other`, or the part of it before a level begins, for `name`?
bool may_stand_for(std::string_view other, std::string_view name) {
  const auto base = other.substr(0, other.find_first_of("[."));
  return codec::may_read_as(other, name) || codec::may_read_as(base, name);
}

// Without its parameters.
std::string media_type(std::string_view content_type) {
  return codec::lowered(
      codec::trimmed(content_type.substr(0, std::min(content_type.find(';'), content_type.size()))));
}

// Types of bodies that no framework takes parameters from.
bool has_no_parameters(std::string_view content_type) {
  constexpr std::string_view kWhole[] = {"application/octet-stream", "application/pdf",
                                         "application/zip",          "application/gzip",
                                         "application/x-ndjson",     "text/csv"};
  constexpr std::string_view kBeginnings[] = {"image/", "audio/", "video/"};
  const auto type = media_type(content_type);
  return std::ranges::find(kWhole, std::string_view(type)) != std::end(kWhole) ||
         std::ranges::any_of(kBeginnings, [&](std::string_view each) { return type.starts_with(each); });
}

}  // namespace

// RFC 8259 §11, RFC 6839 §3.1: in UTF-8, whole, and not encoded. What is of another type, or says more of
// itself, the upstream may read as something else.
bool is_json(const http::Headers& headers) {
  std::optional<std::string_view> given;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto [name, value] = headers[i];
    if (http::equal_ignoring_case(name, "Content-Encoding") ||
        http::equal_ignoring_case(name, "Content-Range"))
      return false;
    if (!http::equal_ignoring_case(name, "Content-Type")) continue;
    if (given) return false;
    given = value;
  }
  if (!given) return false;
  if (*given == "application/json") return true;  // as nearly every one
  const auto type = codec::lowered(*given);
  const std::string_view text = type;
  const auto end = std::min(text.find(';'), text.size());
  const auto parameter = end < text.size() ? codec::trimmed(text.substr(end + 1)) : "charset=utf-8";
  if (parameter != "charset=utf-8" && parameter != R"(charset="utf-8")") return false;
  const auto name = codec::trimmed(text.substr(0, end));
  constexpr std::string_view kApplication = "application/";
  if (!name.starts_with(kApplication)) return false;
  const auto subtype = name.substr(kApplication.size());
  return subtype == "json" || (subtype.ends_with("+json") && http::is_token(subtype));
}

bool body_says_nothing_of(const http::Headers& headers, std::optional<std::string_view> body,
                          std::string_view name) {
  const auto given = headers.find("Content-Type");
  if (!given) return body && body->empty();
  if (is_json(headers)) {
    if (!body) return false;
    if (body->empty()) return true;
    const auto json = codec::parse_json(*body, {.max_bytes = body->size()});
    if (!json) return false;
    const auto* members = json->if_object();
    return members == nullptr || std::ranges::none_of(*members, [&](const auto& member) {
             return may_stand_for(member.first, name);
           });
  }
  return headers.count("Content-Type") == 1 && has_no_parameters(*given);
}

bool body_is_no_form(const http::Headers& headers, std::optional<std::string_view> body) {
  if (body && body->empty()) return true;
  if (headers.count("Content-Type") != 1) return false;
  const auto type = media_type(*headers.find("Content-Type"));
  return type != "application/x-www-form-urlencoded" && !type.starts_with("multipart/");
}

// Whether every reader of the query finds what we do: the parameter `name` where it is spelt so, and nowhere
// else.
bool reads_in_one_way(std::string_view query, std::string_view name) {
  if (query.find(';') != query.npos) return false;
  return http::for_each_parameter(query, [&](std::string_view other) {
    return other == name || (is_plain_name(other) && !may_stand_for(other, name));
  });
}

// Whether no reader finds in the query what stands elsewhere. Some separate parameters by `;`, too.
bool query_says_nothing_of(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto part = query.substr(0, query.find(';'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (!http::for_each_parameter(part, [&](std::string_view other) { return !may_stand_for(other, name); }))
      return false;
  }
  return true;
}

std::optional<std::string_view> only_field(const http::Headers& headers, std::string_view name) {
  std::optional<std::string_view> found;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto field = headers[i];
    const bool same = http::equal_ignoring_case(field.name, name);
    // CGI reads `X_Amount` as `X-Amount`.
    if (!same && !codec::may_read_as(field.name, name)) continue;
    if (!same || found) return std::nullopt;
    found = field.value;
  }
  return found;
}

bool is_parameter_name(std::string_view name) {
  return codec::is_ascii_name(name) && std::ranges::all_of(name, [](char c) {
           return is_letter_or_digit(c) || c == '_' || c == '-' || c == '$';
         });
}

bool fits_double(std::string_view number) noexcept {
  const auto first = std::min(number.find_first_of("123456789"), number.size());
  return std::ranges::count_if(number.substr(first), is_digit) <= kMaxDigits;
}

}  // namespace writ::gateway
