// WebSockets through the gateway, and all that ends them: a raw client and a raw API, over real sockets.
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>

#include "gateway/testing/gateway.h"
#include "http/web_socket.h"

namespace writ::gateway::web_sockets_test {
namespace {

using testing::compiled;
using testing::Gateway;
using ::testing::HasSubstr;
using testing::head;
using testing::Json;
using ::testing::Not;
using testing::RawClient;
using testing::ScriptedUpstream;
using ::testing::StartsWith;
using testing::word;
using testing::World;
using namespace std::chrono_literals;

constexpr std::string_view kHandshake =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr auto kLong = 30s;  // more than anything takes that is tested here

// A text frame of a server, of less than 126 bytes.
std::string text_frame(std::string_view text) {
  return std::string(1, '\x81') + static_cast<char>(text.size()) + std::string(text);
}

std::string accepted(std::string_view fields = {}) {
  return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
         "websocket\r\nSec-WebSocket-Accept: " +
         http::web_socket_accept(kKey) + "\r\n" + std::string(fields) + "\r\n";
}

// Sends back what comes, until the other side ends.
void echo(int socket) {
  char bytes[4096];
  for (;;) {
    const auto got = ::recv(socket, bytes, sizeof(bytes), 0);
    if (got <= 0 || !ScriptedUpstream::write(socket, {bytes, static_cast<std::size_t>(got)})) return;
  }
}

std::string read_exactly(RawClient& client, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    const auto more = client.read_some(size - text.size());
    if (more.empty()) break;
    text += more;
  }
  return text;
}
std::string read_head(RawClient& client) {
  std::string text;
  while (!text.ends_with("\r\n\r\n")) {
    const auto more = client.read_some(1);
    if (more.empty()) break;
    text += more;
  }
  return text;
}

class WebSocketsTest : public ::testing::Test {
 protected:
  // An API that answers `answer`, then does as `after` says.
  void start(std::string answer, std::function<void(int)> after = echo) {
    upstream = std::make_unique<ScriptedUpstream>(
        [this, answer = std::move(answer), after = std::move(after)](int socket, int) {
          auto got = ScriptedUpstream::read_head(socket);
          if (got.empty()) return;
          {
            const std::lock_guard lock(mutex_);
            seen_ = std::move(got);
          }
          ScriptedUpstream::write(socket, answer);
          after(socket);
        });
    gateway = std::make_unique<Gateway>(world, upstream->port(), options);
    use(route());
  }
  RouteSpec route() const {
    return {.method = "GET",
            .path = "/feeds/{invoice}",
            .api = "invoices",
            .action = {"Billing::Action", "read"},
            .resource_type = "Billing::Invoice",
            .resource_id = "{invoice}",
            .attributes = {},
            .upstream = "http://127.0.0.1:" + std::to_string(upstream->port()),
            .cors = cors,
            .web_socket = true};
  }
  void use(RouteSpec spec) {
    auto plain = route();
    plain.path = "/plain/{invoice}";
    plain.web_socket = false;
    world.current.replace(
        std::make_shared<const Routes>(Routes::make({std::move(spec), std::move(plain)}).value()));
  }
  RawClient open(std::string_view with, std::string_view fields = {}) {
    RawClient client(gateway->port());
    client.send(head("GET /feeds/inv-1", with, std::string(kHandshake) + std::string(fields)));
    EXPECT_THAT(read_head(client), StartsWith("HTTP/1.1 101 "));
    return client;
  }
  RawClient open() { return open(token); }
  std::string refused(std::string_view fields, std::string_view path = "/feeds/inv-1") {
    return word(gateway->send(head("GET " + std::string(path), token, fields)));
  }
  std::string seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  // The one record of the end, when it is there.
  Json ended() const {
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < deadline) {
      std::vector<Json> found;
      for (const Json& line : world.audit.lines())
        if (*line.find_string("type") == "stream.ended") found.push_back(line);
      EXPECT_LE(found.size(), 1u);
      if (!found.empty()) return found.front();
      std::this_thread::sleep_for(5ms);
    }
    ADD_FAILURE() << "no end is on record";
    return Json::object();
  }
  std::string reason() const {
    const auto line = ended();
    const auto* detail = line.find_string("detail");
    if (detail == nullptr) return "";
    return *codec::parse_json(*detail)->find_string("reason");
  }
  // What the client gets when it is cut, up to the end of its connection.
  void expect_cut(RawClient& client, std::string_view why, std::uint16_t code = 1008) {
    EXPECT_EQ(client.read_all(), http::close_frame(code, why));
    EXPECT_FALSE(client.was_reset());
    EXPECT_EQ(reason(), why);
  }

  World world;
  testing::GatewayOptions options = {};
  std::shared_ptr<const Cors> cors = {};
  std::string token = world.token();
  std::unique_ptr<ScriptedUpstream> upstream;
  std::unique_ptr<Gateway> gateway;

 private:
  mutable std::mutex mutex_;
  std::string seen_;
};

// ---- what passes ----

TEST_F(WebSocketsTest, MessagesGoBothWaysAndTheEndIsOnRecordOnce) {
  start(accepted(), [](int socket) {
    char bytes[6];
    ASSERT_EQ(::recv(socket, bytes, sizeof(bytes), MSG_WAITALL), 6);
    ScriptedUpstream::write(socket, text_frame(std::string_view(bytes, 6)));
  });
  auto client = open();
  client.send("masked");
  EXPECT_EQ(client.read_all(), text_frame("masked"));
  EXPECT_EQ(reason(), "finished");
  const auto line = ended();
  EXPECT_EQ(*line.find_string("actor"), "support-portal");
  EXPECT_EQ(*line.find_string("object"), "Billing::Invoice::\"inv-1\"");
  const auto detail = codec::parse_json(*line.find_string("detail")).value();
  EXPECT_EQ(*detail.find_string("kind"), "websocket");
  EXPECT_EQ(*detail.find_string("subject"), "nora");
  EXPECT_EQ(*detail.find("bytes_received")->if_int(), 6);
  EXPECT_EQ(*detail.find("bytes_sent")->if_int(), 8);
  const auto lines = world.audit.lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(*lines.at(0).find_string("effect"), "permit");
  EXPECT_EQ(*lines.at(0).find_string("request_id"), *lines.at(1).find_string("request_id"));
}

TEST_F(WebSocketsTest, TheApiGetsTheHandshakeAndWhoAsksButNoToken) {
  start(accepted("Sec-WebSocket-Protocol: chat\r\n"));
  RawClient client(gateway->port());
  client.send(head(
      "GET /feeds/inv-1?since=7", token,
      std::string(kHandshake) +
          "Sec-WebSocket-Protocol: chat, v2\r\nSec-WebSocket-Extensions: x-mux, permessage-deflate\r\n"));
  EXPECT_THAT(read_head(client), HasSubstr("Sec-WebSocket-Protocol: chat\r\n"));
  const auto asked = seen();
  EXPECT_THAT(asked, StartsWith("GET /feeds/inv-1?since=7 HTTP/1.1\r\n"));
  for (const auto* field :
       {"Connection: Upgrade\r\n", "Upgrade: websocket\r\n", "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Protocol: chat, v2\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate\r\n", "Writ-Context: "})
    EXPECT_THAT(asked, HasSubstr(field));
  EXPECT_THAT(asked, Not(HasSubstr("Authorization")));
}

TEST_F(WebSocketsTest, ABrowserMaySayItsTokenAsAProtocolWhichTheApiDoesNotGet) {
  start(accepted("Sec-WebSocket-Protocol: orders.v1\r\n"));
  RawClient client = open("", "Sec-WebSocket-Protocol: orders.v1, writ.bearer." + token + "\r\n");
  client.send("hello");
  EXPECT_EQ(read_exactly(client, 5), "hello");
  EXPECT_THAT(seen(), HasSubstr("Sec-WebSocket-Protocol: orders.v1\r\n"));
  EXPECT_THAT(seen(), Not(HasSubstr("writ.bearer")));
  EXPECT_THAT(seen(), Not(HasSubstr(token)));
}

TEST_F(WebSocketsTest, ATokenThatIsAProtocolIsVerifiedAndStandsInOnePlace) {
  start(accepted());
  const auto with = [&](std::string_view authorization, const std::string& protocols) {
    return word(
        gateway->send(head("GET /feeds/inv-1", authorization,
                           std::string(kHandshake) + "Sec-WebSocket-Protocol: " + protocols + "\r\n")));
  };
  EXPECT_EQ(with("", "writ.bearer." + token + "x"), "401 invalid_token");
  EXPECT_EQ(with("", "writ.bearer."), "401 invalid_token");
  EXPECT_EQ(with("", "orders.v1"), "401 invalid_token");
  EXPECT_EQ(with(token, "writ.bearer." + token), "400 malformed_request");
  EXPECT_EQ(with("", "writ.bearer.a, writ.bearer." + token), "400 malformed_request");
  // Of a request that opens no WebSocket, it says nothing.
  EXPECT_EQ(word(gateway->send(
                head("GET /plain/inv-1", "", "Sec-WebSocket-Protocol: writ.bearer." + token + "\r\n"))),
            "401 invalid_token");
  EXPECT_EQ(seen(), "");
}

TEST_F(WebSocketsTest, ALargeMessageComesBackWhole) {
  start(accepted());
  auto client = open();
  const auto large = testing::long_text(3'000'000);
  std::thread sender([&] { EXPECT_TRUE(client.send(large)); });
  EXPECT_TRUE(read_exactly(client, large.size()) == large);
  sender.join();
}

TEST_F(WebSocketsTest, ACallerThatGoesEndsTheApisConnectionToo) {
  std::promise<void> over;
  start(accepted(), [&](int socket) {
    echo(socket);
    over.set_value();
  });
  { auto client = open(); }
  EXPECT_EQ(over.get_future().wait_for(kLong), std::future_status::ready);
  EXPECT_EQ(reason(), "closed_by_caller");
}

// ---- what does not ----

TEST_F(WebSocketsTest, WithoutAPermitTheApiIsNotAsked) {
  start(accepted());
  EXPECT_EQ(word(gateway->send(head("GET /feeds/sealed", token, kHandshake))), "403 access_denied");
  EXPECT_EQ(word(gateway->send(head("GET /feeds/inv-1", "", kHandshake))), "401 invalid_token");
  EXPECT_EQ(seen(), "");
}

TEST_F(WebSocketsTest, AHandshakeThatIsNotOneIsRefusedBeforeTheDecision) {
  start(accepted());
  EXPECT_EQ(refused("Connection: Upgrade\r\nUpgrade: websocket\r\n"), "400 malformed_request");
  EXPECT_EQ(refused("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGVzdA==\r\n"),
            "400 malformed_request");
  EXPECT_EQ(refused(""), "400 websocket_expected");
  EXPECT_EQ(refused(kHandshake, "/plain/inv-1"), "501 not_implemented");
  EXPECT_EQ(world.audit.size(), 0u);
  EXPECT_EQ(seen(), "");
}

TEST_F(WebSocketsTest, PagesOfOtherOriginsMayNotOpenOne) {
  options.public_origin = "https://api.acme.example";
  cors = std::make_shared<const Cors>(Cors::with({.origins = {"https://shop.example"}}).value());
  start(accepted());
  const std::string handshake(kHandshake);
  EXPECT_EQ(refused(handshake + "Origin: https://evil.example\r\n"), "403 origin_not_allowed");
  EXPECT_EQ(refused(handshake + "Origin: null\r\n"), "403 origin_not_allowed");
  EXPECT_EQ(seen(), "");
  open(token, "Origin: https://shop.example\r\n");
  open(token, "Origin: https://api.acme.example\r\n");
}

TEST_F(WebSocketsTest, WithoutCorsOnlyPagesOfTheGatewayItselfMayOpenOne) {
  start(accepted());
  const std::string handshake(kHandshake);
  EXPECT_EQ(refused(handshake + "Origin: https://shop.example\r\n"), "403 origin_not_allowed");
  open(token, "Origin: https://api.acme.example\r\n");
}

TEST_F(WebSocketsTest, AnAnswerThatIsNotTheOneOfTheKeyIsNotPassedOn) {
  start(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
  EXPECT_EQ(refused(kHandshake), "502 upstream_malformed");
}

TEST_F(WebSocketsTest, AProtocolThatWasNotOfferedIsNotPassedOn) {
  start(accepted("Sec-WebSocket-Protocol: admin\r\n"));
  EXPECT_EQ(refused(kHandshake), "502 upstream_malformed");
}

TEST_F(WebSocketsTest, AnotherAnswerIsPassedOnAndTheConnectionEnds) {
  start("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", [](int) {});
  RawClient client(gateway->port());
  client.send(head("GET /feeds/inv-1", token, kHandshake));
  const auto answer = client.read_response();
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "none");
  EXPECT_EQ(answer.headers.find("Connection"), "close");
  client.send(head("GET /plain/inv-1", token));
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(WebSocketsTest, AnUpgradeThatNobodyAskedForIsMalformed) {
  start(accepted());
  EXPECT_EQ(refused("", "/plain/inv-1"), "502 upstream_malformed");
}

// ---- what ends it ----

TEST_F(WebSocketsTest, ItEndsWhenItsTokenExpires) {
  start(accepted());
  auto client = open();
  world.clock.advance(1h);
  expect_cut(client, "token_expired");
}

TEST_F(WebSocketsTest, ItEndsWhenItsTokenIsRevoked) {
  const auto claims = world.claims();
  start(accepted());
  auto client = open(world.token(claims));
  ASSERT_TRUE(world.tokens.revocations.revoke({claims.jti, claims.expires_at}).has_value());
  expect_cut(client, "token_revoked");
}

TEST_F(WebSocketsTest, ItEndsWhenItsTaskEnds) {
  const auto task = world.open_task();
  start(accepted());
  auto client = open(world.token(world.claims_in(*task)));
  ASSERT_TRUE(world.tasks.end("task-1").has_value());
  expect_cut(client, "task_ended");
}

TEST_F(WebSocketsTest, ItEndsWhenAnyOfItsPartiesIsSuspended) {
  start(accepted());
  auto client = open();
  ASSERT_TRUE(world.directory.order("nora", inventory::Status::kSuspended));
  expect_cut(client, "subject_suspended");
}

TEST_F(WebSocketsTest, ItEndsWhenItsApplicationIsSuspended) {
  start(accepted());
  auto client = open();
  ASSERT_TRUE(world.directory.order("support-portal", inventory::Status::kSuspended));
  expect_cut(client, "caller_suspended");
}

TEST_F(WebSocketsTest, ItEndsWhenItsTasksTimeIsOver) {
  const auto task = world.open_task();
  auto claims = world.claims_in(*task);
  claims.expires_at = world.clock.now() + 1h;
  start(accepted());
  auto client = open(world.token(claims));
  world.clock.advance(11min);
  expect_cut(client, "task_expired");
}

TEST_F(WebSocketsTest, ItEndsWhenAPolicyRefusesItFromNowOn) {
  start(accepted());
  auto client = open();
  world.policies =
      compiled(std::string(testing::kPolicies) +
               "@id(\"closed\") forbid (principal, action, resource == Billing::Invoice::\"inv-1\");");
  expect_cut(client, "policy_forbid");
}

TEST_F(WebSocketsTest, ItEndsWhenItsRouteGoes) {
  start(accepted());
  auto client = open();
  auto moved = route();
  moved.path = "/elsewhere/{invoice}";
  use(std::move(moved));
  expect_cut(client, "route_changed");
}

TEST_F(WebSocketsTest, ItStaysWhenRoutesAreReadAnewAndMeanTheSame) {
  start(accepted());
  auto client = open();
  use(route());
  std::this_thread::sleep_for(1s);
  client.send("still here");
  EXPECT_EQ(read_exactly(client, 10), "still here");
}

TEST_F(WebSocketsTest, ItEndsWhenTheServerStops) {
  start(accepted());
  auto client = open();
  gateway->stop_streams();
  expect_cut(client, "server_stopping", 1001);
  EXPECT_EQ(refused(kHandshake), "503 overloaded");
}

TEST_F(WebSocketsTest, ItEndsWhenNothingComesForAsLongAsItsRouteAllows) {
  start(accepted());
  auto quiet = route();
  quiet.timeouts.idle = 1ms;
  use(std::move(quiet));
  auto client = open();
  expect_cut(client, "idle_timeout");
}

TEST_F(WebSocketsTest, ItEndsWhenItHasTakenAsLongAsItsRouteAllows) {
  start(accepted());
  auto bounded = route();
  bounded.timeouts.whole = 1ms;
  use(std::move(bounded));
  auto client = open();
  expect_cut(client, "whole_timeout");
}

TEST_F(WebSocketsTest, InTheMiddleOfAFrameItEndsWithoutAnotherOne) {
  start(accepted(), [](int socket) {
    ScriptedUpstream::write(socket, text_frame("half a message").substr(0, 6));
    echo(socket);
  });
  auto client = open();
  EXPECT_EQ(read_exactly(client, 6), text_frame("half a message").substr(0, 6));
  world.clock.advance(1h);
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(reason(), "token_expired");
}

TEST_F(WebSocketsTest, ACallerThatTakesNothingIsCutAllTheSame) {
  start(accepted(), [](int socket) {
    const std::string much(1 << 20, 'x');
    while (ScriptedUpstream::write(socket, much)) {
    }
  });
  RawClient client(gateway->port());
  client.send(head("GET /feeds/inv-1", token, kHandshake));
  while (gateway->stats().streams_open == 0) std::this_thread::sleep_for(5ms);
  world.clock.advance(1h);
  EXPECT_EQ(reason(), "token_expired");
  const auto deadline = std::chrono::steady_clock::now() + kLong;
  while (gateway->stats().streams_open != 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(gateway->stats().streams_open, 0u);
}

TEST_F(WebSocketsTest, LookingAgainTakesNothingOfTheBudget) {
  const auto task = world.open_task(2);
  start(accepted());
  const auto of_task = world.token(world.claims_in(*task));
  {
    auto client = open(of_task);
    std::this_thread::sleep_for(2s);
    client.send("still here");
    EXPECT_EQ(read_exactly(client, 10), "still here");
    EXPECT_EQ(gateway->stats().streams_cut, 0u);
  }
  // The second call is there still, and no third one; its use leaves the stream alone that took it.
  auto second = open(of_task);
  EXPECT_EQ(word(gateway->send(head("GET /feeds/inv-1", of_task, kHandshake))), "403 access_denied");
  std::this_thread::sleep_for(1s);
  second.send("here too");
  EXPECT_EQ(read_exactly(second, 8), "here too");
}

}  // namespace
}  // namespace writ::gateway::web_sockets_test
