#include "gateway/amounts.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/json_pointer.h"
#include "codec/twin.h"
#include "gateway/one_reading.h"
#include "http/target.h"

namespace writ::gateway {
namespace {

using task::Amount;

std::optional<Amount> amount_of(std::string_view text) {
  if (!fits_double(text)) return std::nullopt;
  const auto amount = Amount::parse(text);
  return amount ? std::optional(*amount) : std::nullopt;
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

Result<AmountSource> AmountSource::parse(std::string_view text, const std::vector<std::string>& parameters) {
  if (text == "none") return AmountSource(Where::kNowhere, {}, 0);
  const auto space = std::min(text.find(' '), text.size());
  const auto where = text.substr(0, space);
  const std::string name(text.substr(std::min(space + 1, text.size())));
  if (where == "query" && !name.empty()) {
    if (!is_parameter_name(name)) return unclear(name);
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
                                         std::optional<std::string_view> body) const {
  switch (where_) {
    case Where::kNowhere:
      return Amount{0};
    case Where::kQuery: {
      if (!reads_in_one_way(request.query, name_) || !body_says_nothing_of(request.headers, body, name_))
        return std::nullopt;
      const auto given = http::query_parameter(request.query, name_);
      return given.state == http::QueryState::kOne ? amount_of(given.value) : std::nullopt;
    }
    case Where::kPath:
      return query_says_nothing_of(request.query, name_) && body_is_no_form(request.headers, body)
                 ? amount_of(values[parameter_])
                 : std::nullopt;
    case Where::kBody:
      return body && is_json(request.headers) && query_says_nothing_of(request.query, member_)
                 ? in_body(*body, name_)
                 : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace writ::gateway
