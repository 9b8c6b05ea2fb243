#include "server/settings.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

#include "base/notice.h"
#include "oauth/client_authentication.h"
#include "server/app.h"

namespace writ::server {

Duration longest_assertion(const config::Config& config) {
  Duration longest = oauth::kMaxAssertionLifetime;
  for (const auto& issuer : config.trusted_issuers) {
    if (issuer.workloads != nullptr)
      longest = std::max(longest, issuer.max_token_lifetime + issuer.tolerance);
  }
  return longest + token::kClockSkew;
}

http::ServerOptions server_options(const config::Config& config, const config::ListenAddress& listen,
                                   std::size_t room) {
  return {.address = listen.address,
          .port = listen.port,
          .max_connections = room,
          // Nobody alone holds more than half.
          .max_connections_per_source =
              std::min(config.limits.max_connections_per_source, std::max<std::size_t>(room / 2, 1)),
          .proxies = config.proxies,
          .forwarded_by = config.forwarded_by,
          .proxy_protocol = listen.proxy_protocol,
          .tls = listen.tls,
          .max_head_bytes = config.limits.max_head_bytes,
          .max_body_bytes = config.limits.max_body_bytes,
          .max_stream_bytes = config.limits.max_stream_bytes,
          .idle_timeout = config.limits.idle_timeout,
          .body_timeout = config.limits.body_timeout,
          .min_body_rate = config.limits.min_body_bytes_per_second,
          .max_stranger_bytes = config.limits.max_unauthenticated_bytes,
          .max_known_bytes = config.limits.max_authenticated_bytes,
          .http2 = listen.http2,
          .max_streams = config.limits.max_streams};
}

Room room_of(const config::Config& config) {
  const auto descriptors = raise_descriptor_limit();
  const auto wanted = config.limits.max_connections;
  const auto room = room_within(descriptors, wanted, config.gateway_listen.has_value());
  if (room.api < wanted || (config.gateway_listen && room.gateway < wanted))
    say_limit(fmt::format(
        "a limit of {} open files (`ulimit -n`) leaves room for {} connections to `listen.api` and {} to "
        "`listen.gateway`; raise it for the {} of `limits.max_connections`",
        descriptors, room.api, room.gateway, wanted));
  return room;
}

namespace {
// How many addresses an API's requests go to, as far as the configuration tells. A name may have several.
std::size_t addresses_of(const files::YamlNode& api) {
  constexpr std::size_t kOfName = 4;
  const auto* upstream = api.find("upstream");
  if (upstream == nullptr) return 0;
  const auto of_url = [](std::string_view url) {
    const auto host = url.find("://");
    if (host == url.npos || host + 3 >= url.size()) return std::size_t{1};
    return std::isalpha(static_cast<unsigned char>(url[host + 3])) != 0 ? kOfName : std::size_t{1};
  };
  std::size_t all = of_url(upstream->text);
  for (const auto& each : upstream->items) all += of_url(each.text);
  return all;
}
}  // namespace

http::ClientOptions client_options(const config::Config& config, const Room& room) {
  std::size_t pools = 0;
  for (const auto& api : config.apis) pools += addresses_of(api);
  pools = std::max<std::size_t>(pools * config.threads, 1);
  return {.read_timeout = config.limits.upstream_timeout,
          .max_idle_per_origin = std::clamp<std::size_t>(room.idle_upstreams / pools, 1, 256),
          .max_connections_per_origin = std::clamp<std::size_t>(room.gateway / config.threads, 1, 1024)};
}

Result<Instant> first_instant(const audit::Log& log, Instant now, bool accept_clock) {
  const auto written = log.written_until();
  if (!written || *written <= now || accept_clock) return now;
  if (*written - now <= kMaxSetBack) return *written;
  return failure(
      ErrorCode::kConflict,
      fmt::format("the clock was set back: it says {}, but the audit log `{}` was written until {}, and what "
                  "had expired by then would be valid again; set the clock right, or start with "
                  "`--accept-clock` if it was wrong before",
                  audit::format_time(now), log.path().string(), audit::format_time(*written)));
}

bool takes_others(const config::Config& config) {
  return std::ranges::any_of(config.trusted_issuers,
                             [](const auto& issuer) { return issuer.workloads == nullptr; });
}

}  // namespace writ::server
