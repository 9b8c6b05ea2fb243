#include "http/url.h"

#include <algorithm>
#include <fmt/format.h>

#include "http/target.h"

namespace writ::http {
namespace {

// RFC 3986 §2: what may stand in a URL, without `#`.
bool is_url_character(char c) {
  constexpr std::string_view kOthers = "-._~:/?[]@!$&'()*+,;=%";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != kOthers.npos;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const auto invalid = [&](std::string_view why) {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` is not a URL that can be asked for: {}",
                                                    text.substr(0, kMaxUrlBytes), why));
  };
  if (text.size() > kMaxUrlBytes) return invalid(fmt::format("it has more than {} bytes", kMaxUrlBytes));
  const auto scheme = text.find("://");
  if (!text.starts_with("https://") && !text.starts_with("http://"))
    return invalid("expected `https://host[:port]/path`");
  if (text.find('#') != text.npos) return invalid("it has a fragment");
  if (!std::ranges::all_of(text, is_url_character))
    return invalid("it has a character that must be percent-encoded");
  const auto begin = std::min(text.find_first_of("/?", scheme + 3), text.size());
  const auto authority = text.substr(scheme + 3, begin - scheme - 3);
  if (authority.find('@') != authority.npos) return invalid("it has a user name in front of its host");
  if (!is_valid_host(authority)) return invalid("the host is not valid");
  auto origin = parse_origin(text.substr(0, begin));
  if (!origin) return std::unexpected(std::move(origin).error());
  std::string target(text.substr(begin));
  if (!target.starts_with('/')) target.insert(0, "/");
  std::string escapes;
  if (!append_normal_escapes(escapes, target)) return invalid("it has an invalid percent-encoding");
  return Url{std::string(text), *std::move(origin), std::move(target)};
}

}  // namespace writ::http
