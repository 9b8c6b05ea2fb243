#include "gateway/amounts.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/json_pointer.h"
#include "codec/twin.h"
#include "http/headers.h"
#include "http/target.h"

namespace writ::gateway {
namespace {

using task::Amount;

// Up to so many digits a number is the same to a reader that holds it as a double.
constexpr std::ptrdiff_t kMaxDigits = 15;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_letter_or_digit(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::optional<Amount> amount_of(std::string_view text) {
  const auto first = std::min(text.find_first_of("123456789"), text.size());
  if (std::ranges::count_if(text.substr(first), is_digit) > kMaxDigits) return std::nullopt;
  const auto amount = Amount::parse(text);
  return amount ? std::optional(*amount) : std::nullopt;
}

std::string lower(std::string_view text) {
  std::string made(text);
  std::ranges::transform(made, made.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
  return made;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// Many frameworks hand out the fields of a form and those of the query as one.
bool is_form(const http::Headers& headers) {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (!http::equal_ignoring_case(headers[i].name, "Content-Type")) continue;
    const auto type = lower(headers[i].value);
    if (type.find("form") != type.npos) return true;
  }
  return false;
}

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

std::optional<Amount> in_body(std::string_view body, std::string_view pointer) {
  const auto json = codec::parse_json(body, {.max_bytes = body.size()});
  if (!json) return std::nullopt;
  const auto* found = codec::at_pointer_alone(*json, pointer);
  if (found == nullptr) return std::nullopt;
  if (const auto* text = found->if_string()) return amount_of(*text);
  if (!found->is_int() && !found->is_double()) return std::nullopt;
  // The nearest double might be a little less than what is written.
  const auto written = codec::number_text(body, pointer);
  return written ? amount_of(*written) : std::nullopt;
}

std::unexpected<Error> unclear(std::string_view name) {
  return failure(
      ErrorCode::kInvalid,
      fmt::format("`{}` cannot name an amount: other readers could take other names for it; a name "
                  "has letters and digits of ASCII, and `_`, `-` or `$`",
                  name));
}

}  // namespace

// RFC 8259 §11, RFC 6839 §3.1: in UTF-8, whole, and not encoded. What is of another type, or says more of
// itself, the upstream may read as something else.
bool is_json(const http::Headers& headers) {
  if (headers.count("Content-Type") != 1 || headers.contains("Content-Encoding") ||
      headers.contains("Content-Range"))
    return false;
  const auto type = lower(*headers.find("Content-Type"));
  const std::string_view text = type;
  const auto end = std::min(text.find(';'), text.size());
  const auto parameter = end < text.size() ? trimmed(text.substr(end + 1)) : "charset=utf-8";
  if (parameter != "charset=utf-8" && parameter != R"(charset="utf-8")") return false;
  const auto name = trimmed(text.substr(0, end));
  constexpr std::string_view kApplication = "application/";
  if (!name.starts_with(kApplication)) return false;
  const auto subtype = name.substr(kApplication.size());
  return subtype == "json" || (subtype.ends_with("+json") && http::is_token(subtype));
}

Result<AmountSource> AmountSource::parse(std::string_view text, const std::vector<std::string>& parameters) {
  if (text == "none") return AmountSource(Where::kNowhere, {}, 0);
  const auto space = std::min(text.find(' '), text.size());
  const auto where = text.substr(0, space);
  const std::string name(text.substr(std::min(space + 1, text.size())));
  if (where == "query" && !name.empty()) {
    const auto letter = [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-' || c == '$'; };
    if (!codec::is_ascii_name(name) || !std::ranges::all_of(name, letter)) return unclear(name);
    return AmountSource(Where::kQuery, name, 0);
  }
  if (where == "body" && codec::is_json_pointer(name)) {
    auto names = codec::pointer_names(name);
    if (!std::ranges::all_of(names, codec::is_ascii_name)) return unclear(name);
    AmountSource source(Where::kBody, name, 0);
    source.member_ = std::move(names.back());
    return source;
  }
  if (where == "path") {
    const auto at = std::ranges::find(parameters, name);
    if (at == parameters.end())
      return failure(ErrorCode::kInvalid, fmt::format("the path has no parameter `{}`", name));
    return AmountSource(Where::kPath, name, static_cast<std::size_t>(at - parameters.begin()));
  }
  return failure(ErrorCode::kInvalid, fmt::format("`{}` does not say where an amount is, expected `query "
                                                  "NAME`, `path NAME`, `body /POINTER` or `none`",
                                                  text));
}

std::optional<Amount> AmountSource::find(const http::Request& request,
                                         const std::vector<std::string_view>& values,
                                         std::string_view body) const {
  switch (where_) {
    case Where::kNowhere:
      return Amount{0};
    case Where::kQuery: {
      if (!reads_in_one_way(request.query, name_) || is_form(request.headers)) return std::nullopt;
      const auto given = http::query_parameter(request.query, name_);
      return given.state == http::QueryState::kOne ? amount_of(given.value) : std::nullopt;
    }
    case Where::kPath:
      return query_says_nothing_of(request.query, name_) ? amount_of(values[parameter_]) : std::nullopt;
    case Where::kBody:
      return is_json(request.headers) && query_says_nothing_of(request.query, member_) ? in_body(body, name_)
                                                                                       : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace writ::gateway
