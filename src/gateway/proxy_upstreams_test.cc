// What a request costs and leaves behind when it goes to another address: the same as one that did not.
#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>

#include "gateway/testing/gateway.h"

namespace writ::gateway::proxy_upstreams_test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::Gateway;
using testing::head;
using testing::RawClient;
using testing::ScriptedUpstream;
using testing::Upstream;
using testing::word;
using testing::World;

class ProxyUpstreamsTest : public ::testing::Test {
 protected:
  // The gateway's routes lead to these ports from now on.
  void lead_to(const std::vector<std::uint16_t>& ports, http::UpstreamOptions options = {}) {
    std::vector<std::string> urls;
    for (const auto port : ports) urls.push_back("http://127.0.0.1:" + std::to_string(port));
    options.tell = [](const std::string&) {};
    upstream = http::Upstream::make("invoices", urls, std::move(options)).value();
    const auto route = [&](std::string method, std::string path, std::string action) {
      return RouteSpec{.method = std::move(method),
                       .path = std::move(path),
                       .api = "invoices",
                       .action = {"Billing::Action", std::move(action)},
                       .resource_type = "Billing::Invoice",
                       .resource_id = "{invoice}",
                       .attributes = {},
                       .upstream = {},
                       .to = upstream};
    };
    auto spending = route("POST", "/invoices/{invoice}/reads", "read");
    spending.amounts = {{"rows", "body /rows"}};
    world.current.replace(std::make_shared<const Routes>(
        Routes::make({route("GET", "/invoices/{invoice}", "read"), spending}).value()));
  }
  http::UpstreamStats stats() const { return upstream->stats(std::chrono::steady_clock::now()); }

  World world;
  std::string token = world.token();
  std::shared_ptr<http::Upstream> upstream;
};

TEST_F(ProxyUpstreamsTest, ARetryIsOneDecisionOneRecordAndOneCallOfTheBudget) {
  const Upstream good;
  const auto task = world.open_task(4);
  const auto in_task = world.token(world.claims_in(*task));
  const Gateway gateway(world, good.port());
  lead_to({http::testing::free_port(), good.port()}, {.ejection = {.failures = 0}});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(gateway.send(head("GET /invoices/inv-1", in_task)).status, 200);
  EXPECT_EQ(stats().retries, 2u);
  EXPECT_EQ(good.seen().size(), 4u);
  EXPECT_THAT(world.audit.effects(), ElementsAre("permit", "permit", "permit", "permit"));
  // Four calls were taken, and no more are left.
  EXPECT_EQ(gateway.send(head("GET /invoices/inv-1", in_task)).status, 403);
  EXPECT_EQ(gateway.stats().upstream_failures, 0u);
}

TEST_F(ProxyUpstreamsTest, ARetryForwardsTheSameBytesAndItsAnswerSaysNothingOfIt) {
  std::promise<std::string> first;
  ScriptedUpstream bad([&first](int socket, int connection) {
    auto sent = ScriptedUpstream::read_head(socket);
    if (connection == 0) first.set_value(std::move(sent));
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  });
  std::promise<std::string> second;
  ScriptedUpstream good([&second](int socket, int connection) {
    auto sent = ScriptedUpstream::read_head(socket);
    if (connection == 0) second.set_value(std::move(sent));
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  });
  const Gateway gateway(world, good.port());
  lead_to({bad.port(), good.port()});
  const auto answer = gateway.send(head("GET /invoices/inv-1?a=%2B", token, "Accept: text/plain\r\n"));
  ASSERT_EQ(answer.body, "ok");
  auto sent = first.get_future().get(), again = second.get_future().get();
  const auto without_host = [](std::string text) {
    const auto begin = text.find("Host: ");
    return text.erase(begin, text.find("\r\n", begin) - begin);
  };
  EXPECT_EQ(without_host(sent), without_host(again));
  EXPECT_THAT(sent, ::testing::HasSubstr("GET /invoices/inv-1?a=%2B HTTP/1.1\r\n"));
  EXPECT_THAT(sent, ::testing::HasSubstr("Writ-Context: "));
  EXPECT_EQ(answer.headers.size(), 3u) << answer.head;  // Content-Length, Date and X-Request-Id
  EXPECT_THAT(world.audit.effects(), ElementsAre("permit"));
}

TEST_F(ProxyUpstreamsTest, ABodyThatWasReadBeforeTheDecisionIsForwardedAsItWas) {
  const Upstream good;
  const auto task = world.open_task(10);
  const auto in_task = world.token(world.claims_in(*task));
  const Gateway gateway(world, good.port());
  lead_to({http::testing::free_port(), good.port()}, {.ejection = {.failures = 0}});
  const std::string body = R"({"rows": 3})";
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(gateway
                  .send(head("POST /invoices/inv-1/reads", in_task,
                             fmt::format("Content-Length: {}\r\n", body.size())) +
                        body)
                  .status,
              200);
  ASSERT_EQ(good.seen().size(), 2u);
  for (const auto& request : good.seen()) EXPECT_EQ(request.body, body);
  EXPECT_EQ(stats().retries, 1u);
  EXPECT_THAT(world.audit.effects(), ElementsAre("permit", "permit"));
}

TEST_F(ProxyUpstreamsTest, AFailureThatIsNotRetriedIsAnsweredAsBefore) {
  ScriptedUpstream bad([](int socket, int) { ScriptedUpstream::read_head(socket); });
  const Gateway gateway(world, bad.port());
  lead_to({bad.port()});
  EXPECT_EQ(word(gateway.send(head("GET /invoices/inv-1", token))), "502 upstream_broken");
  lead_to({http::testing::free_port(), http::testing::free_port()});
  EXPECT_EQ(word(gateway.send(head("GET /invoices/inv-1", token))), "502 upstream_unreachable");
  EXPECT_THAT(world.audit.effects(), ElementsAre("permit", "permit"));
  EXPECT_EQ(gateway.stats().upstream_failures, 2u);
}

TEST_F(ProxyUpstreamsTest, OverMaxRequestsTheAnswerIs503AtOnceWithRetryAfter) {
  std::promise<void> begun, end;
  ScriptedUpstream slow([&begun, ended = end.get_future().share()](int socket, int) {
    ScriptedUpstream::read_head(socket);
    begun.set_value();
    ended.wait();
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const Gateway gateway(world, slow.port());
  lead_to({slow.port()}, {.max_requests = 1});
  RawClient first(gateway.port());
  first.send(head("GET /invoices/inv-1", token));
  begun.get_future().wait();
  const auto answer = gateway.send(head("GET /invoices/inv-1", token));
  EXPECT_EQ(word(answer), "503 overloaded");
  EXPECT_TRUE(answer.headers.contains("Retry-After")) << answer.head;
  EXPECT_EQ(stats().refused, 1u);
  end.set_value();
  EXPECT_EQ(first.read_response().body, "ok");
  // The answer's last byte may be here a moment before the place is given back.
  while (stats().in_flight != 0) std::this_thread::yield();
  EXPECT_EQ(gateway.send(head("GET /invoices/inv-1", "")).status, 401);
}

// What waits for an answer keeps its caller's exchange, and must not keep itself.
TEST_F(ProxyUpstreamsTest, AGatewayThatEndsLeavesNothingInFlight) {
  std::promise<void> begun, end;
  ScriptedUpstream slow([&begun, ended = end.get_future().share()](int socket, int) {
    ScriptedUpstream::read_head(socket);
    begun.set_value();
    ended.wait();
  });
  {
    const Gateway gateway(world, slow.port());
    lead_to({slow.port()});
    RawClient caller(gateway.port());
    caller.send(head("GET /invoices/inv-1", token));
    begun.get_future().wait();
    EXPECT_EQ(stats().in_flight, 1u);
  }
  EXPECT_EQ(stats().in_flight, 0u);
  end.set_value();
}

TEST_F(ProxyUpstreamsTest, ARequestThatTheApisAnswerDecidesGoesToAnotherAddressToo) {
  const Upstream good(
      [](const http::Request&) { return http::json_response(200, R"({"id":"inv-1","tenant":"north"})"); });
  const Gateway gateway(world, good.port());
  lead_to({http::testing::free_port(), good.port()}, {.ejection = {.failures = 0}});
  const RouteSpec spec{.method = "GET",
                       .path = "/invoices/{invoice}",
                       .api = "invoices",
                       .action = {"Billing::Action", "read"},
                       .resource_type = "Billing::Invoice",
                       .resource_id = "{invoice}",
                       .attributes = {},
                       .upstream = {},
                       .answer = AnswerSpec{.attributes = {{"tenant", "/tenant"}}, .id = "/id"},
                       .to = upstream};
  world.current.replace(std::make_shared<const Routes>(Routes::make({spec}).value()));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(gateway.send(head("GET /invoices/inv-1", token)).status, 200);
  EXPECT_EQ(stats().retries, 1u);
  EXPECT_EQ(world.audit.size(), 4u) << "asked and permitted, twice";
}

TEST_F(ProxyUpstreamsTest, RoutesThatFollowGoOnWithWhatIsKnownOfTheirUpstreams) {
  const Upstream good;
  const Gateway gateway(world, good.port());
  const auto dead = http::testing::free_port();
  lead_to({dead, good.port()}, {.ejection = {.failures = 1}});
  for (int i = 0; i < 2; ++i) gateway.send(head("GET /invoices/inv-1", token));
  ASSERT_TRUE(stats().addresses[0].ejected);
  const auto before = world.current.get()->routes;
  lead_to({dead, good.port()}, {.ejection = {.failures = 1}});
  EXPECT_FALSE(stats().addresses[0].ejected);
  world.current.get()->routes->take_over_upstreams(*before);
  EXPECT_TRUE(stats().addresses[0].ejected);
}

}  // namespace
}  // namespace writ::gateway::proxy_upstreams_test
