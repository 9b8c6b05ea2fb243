// Event streams and long answers through the gateway: what ends them, and what a quiet one may do.
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>

#include "gateway/testing/gateway.h"

namespace writ::gateway::open_streams_test {
namespace {

using testing::chunk;
using testing::compiled;
using ::testing::EndsWith;
using testing::Gateway;
using ::testing::HasSubstr;
using testing::head;
using testing::Json;
using ::testing::Not;
using testing::RawClient;
using testing::ScriptedUpstream;
using testing::word;
using testing::World;
using namespace std::chrono_literals;

constexpr auto kLong = 30s;  // more than anything takes that is tested here
constexpr std::string_view kEvents =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kText =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";

class OpenStreamsTest : public ::testing::Test {
 protected:
  void start(std::function<void(int)> answer) {
    upstream = std::make_unique<ScriptedUpstream>([answer = std::move(answer)](int socket, int) {
      if (!ScriptedUpstream::read_head(socket).empty()) answer(socket);
    });
    gateway = std::make_unique<Gateway>(world, upstream->port(), options);
    world.current.replace(std::make_shared<const Routes>(Routes::make({route()}).value()));
  }
  // Says one thing, then nothing until the other side ends.
  void start_quiet(std::string_view answer_head) {
    start([answer_head](int socket) {
      ScriptedUpstream::write(socket, std::string(answer_head) + chunk("data: 1\n\n"));
      char byte = 0;
      ::recv(socket, &byte, 1, 0);
    });
  }
  RouteSpec route() const {
    RouteSpec made{.method = "GET",
                   .path = "/feeds/{invoice}",
                   .api = "invoices",
                   .action = {"Billing::Action", "read"},
                   .resource_type = "Billing::Invoice",
                   .resource_id = "{invoice}",
                   .attributes = {},
                   .upstream = "http://127.0.0.1:" + std::to_string(upstream->port())};
    made.stream = stream;
    made.timeouts = timeouts;
    return made;
  }
  RawClient open() {
    RawClient client(gateway->port());
    client.send(head("GET /feeds/inv-1", token));
    // What comes before it is cut has come then.
    std::string got;
    while (got.find("data: ") == std::string::npos) {
      const auto more = client.read_some(1);
      if (more.empty()) break;
      got += more;
    }
    EXPECT_THAT(got, HasSubstr("data: "));
    EXPECT_EQ(gateway->stats().streams_open, 1u);
    return client;
  }
  static void wait_for(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (!is_so() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(5ms);
    EXPECT_TRUE(is_so());
  }
  std::vector<Json> ends() const {
    std::vector<Json> found;
    for (const Json& line : world.audit.lines())
      if (*line.find_string("type") == "stream.ended") found.push_back(line);
    return found;
  }
  std::string reason() const {
    wait_for([&] { return !ends().empty(); });
    const auto found = ends();
    EXPECT_EQ(found.size(), 1u);
    if (found.empty()) return "";
    const auto detail = codec::parse_json(*found.front().find_string("detail")).value();
    EXPECT_EQ(*detail.find_string("kind"), "stream");
    return *detail.find_string("reason");
  }
  // Cut: the end of the chunks is not there.
  void expect_cut(RawClient& client, std::string_view why) {
    const auto all = client.read_all();
    EXPECT_THAT(all, Not(EndsWith("0\r\n\r\n")));
    EXPECT_EQ(reason(), why);
    EXPECT_EQ(gateway->stats().broken_off, 1u);
  }

  World world;
  testing::GatewayOptions options = {};
  bool stream = false;
  RouteTimeouts timeouts = {};
  std::string token = world.token();
  std::unique_ptr<ScriptedUpstream> upstream;
  std::unique_ptr<Gateway> gateway;
};

TEST_F(OpenStreamsTest, AnEventStreamThatIsOverIsWholeAndItsEndIsOnRecord) {
  start([](int socket) {
    ScriptedUpstream::write(socket, std::string(kEvents) + chunk("data: 1\n\n") + "0\r\n\r\n");
  });
  EXPECT_EQ(gateway->send(head("GET /feeds/inv-1", token)).body, "data: 1\n\n");
  EXPECT_EQ(reason(), "finished");
}

TEST_F(OpenStreamsTest, AStreamsHeadDoesNotWaitForItsFirstEvent) {
  for (const auto framing : {"Transfer-Encoding: chunked\r\n", "Connection: close\r\n"}) {
    std::promise<void> go_on;
    auto may = go_on.get_future().share();
    const bool chunked = std::string_view(framing).starts_with("T");
    start([may, framing, chunked](int socket) {
      ScriptedUpstream::write(
          socket, std::string("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n") + framing + "\r\n");
      may.wait();
      ScriptedUpstream::write(socket, chunked ? chunk("data: 1\n\n") + "0\r\n\r\n" : "data: 1\n\n");
    });
    RawClient client(gateway->port());
    client.send(head("GET /feeds/inv-1", token));
    std::string got;
    while (!got.ends_with("\r\n\r\n")) {
      const auto more = client.read_some(1);
      ASSERT_FALSE(more.empty());
      got += more;
    }
    EXPECT_THAT(got, HasSubstr("200 OK"));
    go_on.set_value();
    // Whole, and in chunks either way: the caller speaks HTTP/1.1.
    std::string body;
    while (!body.ends_with("0\r\n\r\n")) {
      const auto more = client.read_some(100);
      ASSERT_FALSE(more.empty());
      body += more;
    }
    EXPECT_EQ(body, chunk("data: 1\n\n") + "0\r\n\r\n");
  }
}

TEST_F(OpenStreamsTest, AnEventStreamEndsUnfinishedWhenItsTokenExpires) {
  start_quiet(kEvents);
  auto client = open();
  world.clock.advance(1h);
  expect_cut(client, "token_expired");
}

TEST_F(OpenStreamsTest, AnEventStreamEndsWhenItsApplicationIsSuspended) {
  start_quiet(kEvents);
  auto client = open();
  ASSERT_TRUE(world.directory.order("support-portal", inventory::Status::kSuspended));
  expect_cut(client, "caller_suspended");
}

TEST_F(OpenStreamsTest, AnEventStreamEndsWhenAPolicyRefusesIt) {
  start_quiet(kEvents);
  auto client = open();
  world.policies = compiled("@id(\"none\") forbid (principal, action, resource);");
  expect_cut(client, "policy_forbid");
}

TEST_F(OpenStreamsTest, ALongAnswerOfAMarkedRouteEndsTheSameWay) {
  stream = true;
  start_quiet(kText);
  auto client = open();
  world.clock.advance(1h);
  expect_cut(client, "token_expired");
}

TEST_F(OpenStreamsTest, AnotherAnswerIsNotLookedAtAgain) {
  std::promise<void> go_on;
  auto may = go_on.get_future().share();
  start([may](int socket) {
    ScriptedUpstream::write(socket, std::string(kText) + chunk("half"));
    may.wait();
    ScriptedUpstream::write(socket, chunk(" and half") + "0\r\n\r\n");
  });
  RawClient client(gateway->port());
  client.send(head("GET /feeds/inv-1", token));
  wait_for([&] { return gateway->stats().forwarded == 1; });
  world.clock.advance(1h);
  go_on.set_value();
  EXPECT_EQ(client.read_response().body, "half and half");
  EXPECT_TRUE(ends().empty());
  EXPECT_EQ(gateway->stats().streams_opened, 0u);
}

TEST_F(OpenStreamsTest, AQuietStreamIsNotAnErrorWhereItsRouteSaysSo) {
  stream = true;
  options.client.read_timeout = 50ms;
  start([](int socket) {
    ScriptedUpstream::write(socket, std::string(kText) + chunk("one"));
    std::this_thread::sleep_for(500ms);
    ScriptedUpstream::write(socket, chunk(" two") + "0\r\n\r\n");
  });
  EXPECT_EQ(gateway->send(head("GET /feeds/inv-1", token)).body, "one two");
}

TEST_F(OpenStreamsTest, WhereItDoesNotAQuietAnswerIsBrokenOff) {
  options.client.read_timeout = 50ms;
  start_quiet(kText);
  RawClient client(gateway->port());
  client.send(head("GET /feeds/inv-1", token));
  EXPECT_THAT(client.read_all(), Not(EndsWith("0\r\n\r\n")));
}

TEST_F(OpenStreamsTest, ACallerThatGoesIsOnRecord) {
  start([](int socket) {
    ScriptedUpstream::write(socket, kEvents);
    while (ScriptedUpstream::write(socket, chunk("data: again\n\n"))) std::this_thread::sleep_for(1ms);
  });
  { auto client = open(); }
  EXPECT_EQ(reason(), "closed_by_caller");
}

TEST_F(OpenStreamsTest, AnApiThatBreaksOffIsOnRecord) {
  start([](int socket) { ScriptedUpstream::write(socket, std::string(kEvents) + chunk("data: 1\n\n")); });
  RawClient client(gateway->port());
  client.send(head("GET /feeds/inv-1", token));
  EXPECT_THAT(client.read_all(), Not(EndsWith("0\r\n\r\n")));
  EXPECT_EQ(reason(), "broken_by_api");
}

TEST_F(OpenStreamsTest, AStreamEndsWhenTheServerStops) {
  start_quiet(kEvents);
  auto client = open();
  gateway->stop_streams();
  expect_cut(client, "server_stopping");
}

// ---- timeouts of a route ----

TEST_F(OpenStreamsTest, AnAnswerThatDoesNotBeginInItsRoutesTimeIsATimeout) {
  timeouts.call.first_byte = 50ms;
  start([](int socket) {
    char byte = 0;
    ::recv(socket, &byte, 1, 0);
  });
  EXPECT_EQ(word(gateway->send(head("GET /feeds/inv-1", token))), "504 upstream_timeout");
}

TEST_F(OpenStreamsTest, ALongerTimeThanTheUsualOneMayBeGivenToARoute) {
  options.client.read_timeout = 50ms;
  timeouts.call.first_byte = 20s;
  timeouts.idle = 20s;
  start([](int socket) {
    std::this_thread::sleep_for(300ms);
    ScriptedUpstream::write(socket, std::string(kText) + chunk("late"));
    std::this_thread::sleep_for(300ms);
    ScriptedUpstream::write(socket, "0\r\n\r\n");
  });
  EXPECT_EQ(gateway->send(head("GET /feeds/inv-1", token)).body, "late");
}

TEST_F(OpenStreamsTest, AnAnswerThatTakesLongerThanAllOfItMayIsBrokenOff) {
  timeouts.whole = 1s;
  start_quiet(kText);
  RawClient client(gateway->port());
  client.send(head("GET /feeds/inv-1", token));
  EXPECT_THAT(client.read_all(), Not(EndsWith("0\r\n\r\n")));
  EXPECT_EQ(gateway->stats().broken_off, 1u);
}

TEST_F(OpenStreamsTest, BeforeItsAnswerBeganItIsATimeout) {
  timeouts.whole = 50ms;
  start([](int socket) {
    char byte = 0;
    ::recv(socket, &byte, 1, 0);
  });
  EXPECT_EQ(word(gateway->send(head("GET /feeds/inv-1", token))), "504 upstream_timeout");
}

}  // namespace
}  // namespace writ::gateway::open_streams_test
