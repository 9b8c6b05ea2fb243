#include "http/outbound_proxy.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/ascii.h"
#include "codec/base64url.h"
#include "http/client.h"
#include "http/target.h"

namespace writ::http {
namespace {

constexpr std::size_t kMaxCredentialsBytes = 1024;

bool is_hexadecimal(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// What some resolvers read as an IPv4 address, though it is not one in its usual form: `2130706433`,
// `0x7f.1`.
bool ends_in_a_number(std::string_view name) {
  const auto label = name.substr(name.rfind('.') + 1);
  if (!label.empty() && label.find_first_not_of("0123456789") == label.npos) return true;
  return label.starts_with("0x") && std::ranges::all_of(label.substr(2), is_hexadecimal);
}

std::string plain_name(std::string_view host) {
  auto name = codec::lowered(host);
  if (name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace

Result<OutboundProxy> OutboundProxy::parse(std::string_view url) {
  const auto invalid = [&](std::string_view why) {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` is not a proxy: {}", url, why));
  };
  if (url.find('@') != url.npos)
    return invalid("credentials do not stand in its URL; put them in a file for `credentials_file`");
  if (!url.starts_with("http://")) return invalid("expected `http://host:port`");
  const auto origin = parse_origin(url);
  if (!origin) return invalid("expected `http://host:port`");
  if (!origin->path_prefix.empty()) return invalid("it has a path");
  return OutboundProxy(origin->host, origin->port, fmt::format("{}", origin->authority));
}

Result<void> OutboundProxy::leave_out(std::string_view what) {
  if (networks_left_out_.add(what)) return {};
  const bool wildcard = what.starts_with("*.");
  const auto name = plain_name(wildcard ? what.substr(2) : what);
  if (!is_valid_host(name) || name.find_first_of(":/[*") != name.npos || name.starts_with('.'))
    return failure(
        ErrorCode::kInvalid,
        fmt::format("`{}` is not a host; expected `login.intra.example`, `*.intra.example` for all "
                    "below it, an address, or a block of addresses such as `10.0.0.0/8`",
                    what));
  if (wildcard) {
    suffixes_left_out_.push_back("." + name);
  } else {
    hosts_left_out_.push_back(name);
  }
  return {};
}

Result<void> OutboundProxy::authenticate(const Secret& credentials) {
  const auto text = codec::trimmed(credentials.expose(), "\r\n");
  const auto colon = text.find(':');
  const bool plain = std::ranges::none_of(text, [](char c) { return c >= '\0' && c < ' '; });
  if (colon == text.npos || colon == 0 || !plain || text.size() > kMaxCredentialsBytes)
    return failure(ErrorCode::kInvalid, fmt::format("expected one line `user:password` of at most {} bytes",
                                                    kMaxCredentialsBytes));
  // RFC 7617 §2.
  authorization_ = std::make_shared<const Secret>("Basic " + codec::base64_encode(text));
  return {};
}

bool OutboundProxy::leaves_out(std::string_view host) const {
  if (const auto address = Address::parse(host)) return networks_left_out_.contains(*address);
  const auto name = plain_name(host);
  return std::ranges::find(hosts_left_out_, name) != hosts_left_out_.end() ||
         std::ranges::any_of(suffixes_left_out_, [&](const auto& suffix) { return name.ends_with(suffix); });
}

std::optional<std::string> OutboundProxy::refusal_of_name(std::string_view host) {
  const auto name = plain_name(host);
  // RFC 6761 §6.3.
  if (name == "localhost" || name.ends_with(".localhost"))
    return fmt::format("`{}` is this machine, and the proxy's `{}` is another", host, name);
  if (name.empty() || ends_in_a_number(name))
    return fmt::format("`{}` is neither a name nor an address in its usual form", host);
  return std::nullopt;
}

}  // namespace writ::http
