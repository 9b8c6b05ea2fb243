// For tests of the proxy: a gateway on a port of its own in front of an upstream, over real loopback sockets.
#pragma once

#include <fmt/format.h>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/proxy.h"
#include "gateway/testing/world.h"
#include "http/testing/loopback.h"

namespace writ::gateway::testing {

using http::testing::RawClient;
using http::testing::RawResponse;
using http::testing::ScriptedUpstream;

// An upstream that answers everything, and remembers what it was asked.
class Upstream {
 public:
  // Gets each request whole.
  using Answer = std::function<http::Response(const http::Request&)>;
  static http::Response ok(const http::Request&) { return http::text_response(200, "from upstream"); }

  explicit Upstream(Answer answer = ok)
      : server_(
            [this, answer = std::move(answer)](http::Exchange exchange) {
              http::Exchange::read_whole_body(std::move(exchange), 0, [this, answer](http::Exchange whole) {
                {
                  const std::lock_guard lock(mutex_);
                  seen_.push_back(whole.request());
                }
                whole.respond(answer(whole.request()));
              });
            },
            {.max_body_bytes = 64 << 20}) {}

  std::uint16_t port() const { return server_.port(); }
  std::vector<http::Request> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<http::Request> seen_;
  http::testing::TestServer server_;
};

struct GatewayOptions {
  http::ClientOptions client = {};
  http::ServerOptions server = {};
  std::string public_origin = {};
  std::string upstream_prefix = {};
  std::size_t threads = 1;
  std::size_t max_read_body_bytes = 1 << 20;
  std::chrono::milliseconds answer_deadline{30'000};
  std::shared_ptr<const Cors> cors = {};
  std::vector<RateSpec> rates = {};
  bool http2 = false;   // to the upstream
  bool stream = false;  // of each route
};

class Gateway {
 public:
  Gateway(World& world, std::uint16_t upstream, const GatewayOptions& options = {})
      : loops_(options.threads),
        client_(loops_, options.client),
        recheck_(
            {.clock = world.clock,
             .verifier = world.tokens.verifier,
             .current = world.current,
             .tasks = world.tasks,
             .record = [&world](audit::Record line,
                                audit::Log::Done done) { world.record(std::move(line), std::move(done)); },
             .writer = world.writer}),
        proxy_(std::make_shared<Proxy>(ProxyOptions{.issuer = std::string(kIssuer),
                                                    .public_origin = options.public_origin,
                                                    .max_read_body_bytes = options.max_read_body_bytes,
                                                    .answer_deadline = options.answer_deadline},
                                       ProxyParts{.loops = loops_,
                                                  .client = client_,
                                                  .enforcer = world.enforcer,
                                                  .current = world.current,
                                                  .keys = *world.tokens.ring,
                                                  .recheck = recheck_})) {
    world.current.replace(
        routes_to("http://127.0.0.1:" + std::to_string(upstream) + options.upstream_prefix, options));
    auto chosen = options.server;
    chosen.port = 0;
    chosen.web_sockets = true;
    server_ = http::Server::start(loops_, chosen, proxy_).value();
  }
  ~Gateway() {
    server_->stop(0ms);
    loops_.stop();
  }
  Gateway(const Gateway&) = delete;

  std::uint16_t port() const { return server_->port(); }
  ProxyStats stats() const { return proxy_->stats(); }
  void stop_streams() { proxy_->stop_streams(); }
  http::ClientStats client_stats() const { return client_.stats(); }

  // One request on a connection of its own.
  RawResponse send(std::string_view request) const { return http::testing::exchange_raw(port(), request); }

 private:
  static std::shared_ptr<const Routes> routes_to(const std::string& upstream, const GatewayOptions& options) {
    http::UpstreamOptions of_upstream;
    of_upstream.http2 = options.http2;
    const auto to = http::Upstream::make("invoices", {upstream}, std::move(of_upstream)).value();
    const auto route = [&](std::string method, std::string path, const std::string& action) {
      return RouteSpec{.method = std::move(method),
                       .path = std::move(path),
                       .api = "invoices",
                       .action = {"Billing::Action", action},
                       .resource_type = "Billing::Invoice",
                       .resource_id = "{invoice}",
                       .attributes = {},
                       .upstream = {},
                       .cors = options.cors,
                       .rates = Rates::of("invoices", action, options.rates),
                       .to = to,
                       .stream = options.stream};
    };
    auto of_tenant = route("GET", "/tenants/{tenant}/invoices/{invoice}", "read");
    of_tenant.attributes = {{"tenant", "{tenant}"}};
    auto spending = route("POST", "/invoices/{invoice}/reads", "read");
    spending.amounts = {{"rows", "body /rows"}};
    spending.labels = {"read:confidential"};
    auto by_query = route("POST", "/invoices/{invoice}/exports", "read");
    by_query.amounts = {{"rows", "query rows"}};
    return std::make_shared<const Routes>(
        Routes::make({route("GET", "/invoices/{invoice}", "read"),
                      route("HEAD", "/invoices/{invoice}", "read"),
                      route("PUT", "/invoices/{invoice}", "refund"),
                      route("POST", "/invoices/{invoice}", "refund"), of_tenant, spending, by_query})
            .value());
  }

  http::Loops loops_;
  http::Client client_;
  enforce::Recheck recheck_;
  std::shared_ptr<Proxy> proxy_;
  std::unique_ptr<http::Server> server_;
};

// "GET /invoices/inv-1 HTTP/1.1" with Host, the token and more fields: "X-A: b\r\n".
inline std::string head(std::string_view line, std::string_view token, std::string_view fields = {}) {
  std::string text(line);
  text += " HTTP/1.1\r\nHost: api.acme.example\r\n";
  if (!token.empty()) text.append("Authorization: Bearer ").append(token).append("\r\n");
  return text.append(fields).append("\r\n");
}

inline std::string chunk(std::string_view text) {
  return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}

// The `error` of an answer that Writ itself gave: "502 upstream_broken".
inline std::string word(const RawResponse& response) {
  const auto body = codec::parse_json(response.body);
  const auto* error = body ? body->find_string("error") : nullptr;
  return std::to_string(response.status) + (error != nullptr ? " " + *error : "");
}

// Not the same at any place, so that a piece lost or doubled shows.
inline std::string long_text(std::size_t size) {
  std::string text;
  for (std::uint32_t i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

}  // namespace writ::gateway::testing
