#include "gateway/amounts.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/json_pointer.h"
#include "http/target.h"

namespace writ::gateway {
namespace {

using task::Amount;

std::optional<Amount> amount_of(std::string_view text) {
  const auto amount = Amount::parse(text);
  return amount ? std::optional(*amount) : std::nullopt;
}

// RFC 8259 §11, RFC 6839 §3.1. What is encoded, or of another type, the upstream may read as something else.
bool is_json(const http::Request& request) {
  const auto type = request.headers.find("Content-Type");
  if (!type || request.headers.count("Content-Type") != 1 || request.headers.contains("Content-Encoding"))
    return false;
  std::string name(type->substr(0, type->find(';')));
  while (name.ends_with(' ') || name.ends_with('\t')) name.pop_back();
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return name == "application/json" || (name.starts_with("application/") && name.ends_with("+json"));
}

std::optional<Amount> in_body(std::string_view body, std::string_view pointer) {
  const auto json = codec::parse_json(body, {.max_bytes = body.size()});
  if (!json) return std::nullopt;
  const auto* found = codec::at_pointer(*json, pointer);
  if (found == nullptr) return std::nullopt;
  if (const auto* text = found->if_string()) return amount_of(*text);
  if (!found->is_int() && !found->is_double()) return std::nullopt;
  // The nearest double might be a little less than what is written.
  const auto written = codec::number_text(body, pointer);
  return written ? amount_of(*written) : std::nullopt;
}

}  // namespace

Result<AmountSource> AmountSource::parse(std::string_view text, const std::vector<std::string>& parameters) {
  if (text == "none") return AmountSource(Where::kNowhere, {}, 0);
  const auto space = std::min(text.find(' '), text.size());
  const auto where = text.substr(0, space);
  const std::string name(text.substr(std::min(space + 1, text.size())));
  if (where == "query" && !name.empty() && name.find_first_of("&= ") == name.npos)
    return AmountSource(Where::kQuery, name, 0);
  if (where == "body" && codec::is_json_pointer(name)) return AmountSource(Where::kBody, name, 0);
  if (where == "path") {
    const auto at = std::ranges::find(parameters, name);
    if (at == parameters.end())
      return failure(ErrorCode::kInvalid, fmt::format("the path has no parameter `{}`", name));
    return AmountSource(Where::kPath, name, static_cast<std::size_t>(at - parameters.begin()));
  }
  return failure(
      ErrorCode::kInvalid,
      fmt::format(
          "`{}` is no place of an amount, expected `query NAME`, `path NAME`, `body /POINTER` or `none`",
          text));
}

std::optional<Amount> AmountSource::find(const http::Request& request,
                                         const std::vector<std::string_view>& values,
                                         std::string_view body) const {
  switch (where_) {
    case Where::kNowhere:
      return Amount{0};
    case Where::kQuery: {
      const auto given = http::query_parameter(request.query, name_);
      return given.state == http::QueryState::kOne ? amount_of(given.value) : std::nullopt;
    }
    case Where::kPath:
      return amount_of(values[parameter_]);
    case Where::kBody:
      return is_json(request) ? in_body(body, name_) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace writ::gateway
