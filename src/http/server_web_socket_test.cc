// An upgrade at the server, and what it relays: over real sockets.
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "http/h2/frame_meter.h"
#include "http/testing/http2_peer.h"
#include "http/testing/loopback.h"
#include "http/web_socket.h"

namespace writ::http::server_web_socket_test {
namespace {

using ::testing::HasSubstr;
using testing::RawClient;
using ::testing::StartsWith;
using testing::TestServer;

constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

// Sends back what comes.
class Echo : public std::enable_shared_from_this<Echo> {
 public:
  explicit Echo(Exchange exchange) : exchange_(std::move(exchange)) {}
  void begin() {
    exchange_.start({.status = 101, .headers = {{"X-Own", "1"}}, .content_length = {}});
    exchange_.write("", [self = shared_from_this()](Result<void>) { self->read(); });
  }

 private:
  void read() {
    exchange_.read_body([self = shared_from_this()](Result<std::string_view> piece) {
      if (!piece) return;
      if (*piece == "bye") return self->exchange_.finish();
      self->exchange_.write(*piece, [self](Result<void> written) {
        if (written) self->read();
      });
    });
  }
  Exchange exchange_;
};

void echo(Exchange exchange) {
  std::make_shared<Echo>(std::move(exchange))->begin();
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

TEST(ServerWebSocketTest, WithoutTheOptionAnUpgradeIsRefused) {
  const TestServer server(echo);
  const auto answer = testing::exchange_raw(server.port(), kUpgrade);
  EXPECT_EQ(answer.status, 501);
  EXPECT_THAT(answer.body, HasSubstr("not_implemented"));
}

TEST(ServerWebSocketTest, BytesGoBothWaysAndNoneOfThemIsHttp) {
  const TestServer server(echo, {.web_sockets = true});
  RawClient client(server.port());
  client.send(kUpgrade);
  const auto head = read_head(client);
  EXPECT_THAT(
      head, StartsWith("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Own: 1\r\n"));
  EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos);
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(request);
  EXPECT_EQ(read_exactly(client, request.size()), request);
}

TEST(ServerWebSocketTest, ALargeMessageComesBackWhole) {
  const TestServer server(echo, {.web_sockets = true});
  RawClient client(server.port());
  client.send(kUpgrade);
  read_head(client);
  std::string large;
  for (int i = 0; large.size() < 3'000'000; ++i) large += std::to_string(i) + ",";
  auto sent = std::async(std::launch::async, [&] { return client.send(large); });
  EXPECT_TRUE(read_exactly(client, large.size()) == large);
  EXPECT_TRUE(sent.get());
}

TEST(ServerWebSocketTest, AnEndIsAnEndOfTheConnectionAndNotAReset) {
  const TestServer server(echo, {.web_sockets = true});
  RawClient client(server.port());
  client.send(kUpgrade);
  read_head(client);
  client.send("bye");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_FALSE(client.was_reset());
}

TEST(ServerWebSocketTest, WhatComesBeforeTheAnswerIsRefused) {
  std::atomic<int> handled = 0;
  const TestServer server(
      [&](Exchange exchange) {
        ++handled;
        exchange.respond(text_response(200, "x"));
      },
      {.web_sockets = true});
  const auto answer = testing::exchange_raw(
      server.port(), std::string(kUpgrade) + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("wait for its answer"));
  EXPECT_EQ(handled, 0);
}

TEST(ServerWebSocketTest, AnotherAnswerEndsTheConnectionSoThatNothingBehindItIsARequest) {
  std::atomic<int> handled = 0;
  const TestServer server(
      [&](Exchange exchange) {
        ++handled;
        exchange.respond(text_response(200, "no"));
      },
      {.web_sockets = true});
  RawClient client(server.port());
  client.send(kUpgrade);
  const auto answer = client.read_response();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.find("Connection"), "close");
  client.send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(handled, 1);
}

TEST(ServerWebSocketTest, AnOfferOfHttp10IsIgnored) {
  std::promise<bool> asks;
  const TestServer server(
      [&](Exchange exchange) {
        asks.set_value(asks_for_web_socket(exchange.request()));
        exchange.respond(text_response(200, "x"));
      },
      {.web_sockets = true});
  EXPECT_EQ(testing::exchange_raw(server.port(),
                                  "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
                .status,
            200);
  EXPECT_FALSE(asks.get_future().get());
}

TEST(ServerWebSocketTest, AHandlerThatSwitchesWithoutHavingBeenAskedEndsTheConnection) {
  const TestServer server(
      [](Exchange exchange) { exchange.start({.status = 101, .headers = {}, .content_length = {}}); },
      {.web_sockets = true});
  const auto answer = testing::exchange_raw(server.port(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(answer.status, 101);
}

// ---- over HTTP/2 (RFC 8441) ----

testing::Fields connect_to(std::string protocol = "websocket") {
  return {{":method", "CONNECT"}, {":protocol", std::move(protocol)}, {":scheme", "http"}, {":path", "/"},
          {":authority", "a"},    {"sec-websocket-version", "13"}};
}

TEST(ServerWebSocketTest, OverHttp2BytesGoBothWaysInOneStreamAmongOthers) {
  const TestServer server(
      [](Exchange exchange) {
        if (!asks_for_web_socket(exchange.request())) return exchange.respond(text_response(200, "other"));
        EXPECT_TRUE(read_web_socket_offer(exchange.request()).has_value());
        echo(std::move(exchange));
      },
      {.web_sockets = true});
  testing::Http2Peer peer(server.port());
  peer.headers(1, connect_to(), false);
  const auto said = [&](const std::string& word) {
    peer.data(1, word, false);
    for (std::string got; got.size() < word.size();) {
      const auto frame = peer.read();
      if (frame.type == 0xff) return false;
      if (frame.type == testing::kDataFrame) got += frame.payload;
    }
    return true;
  };
  EXPECT_TRUE(said("hello"));
  EXPECT_EQ(peer.get(3, testing::get_fields("/")).body, "other");
  EXPECT_TRUE(said(std::string(16'000, 'x')));
  peer.data(1, "bye", false);
  const auto answer = peer.await(1);
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.reset);
  EXPECT_EQ(answer.body.size(), 16'005u);
  EXPECT_TRUE(answer.headers.contains("x-own"));
  for (const auto* name : {"sec-websocket-accept", "upgrade", "connection", "content-length"})
    EXPECT_FALSE(answer.headers.contains(name)) << name;
}

TEST(ServerWebSocketTest, OverHttp2MoreThanAWindowPasses) {
  const TestServer server(echo, {.max_stream_bytes = 100'000, .web_sockets = true});
  testing::Http2Peer peer(server.port());
  peer.headers(1, connect_to(), false);
  std::size_t got = 0;
  for (int i = 0; i < 20; ++i) {
    peer.data(1, std::string(10'000, 'x'), false);
    while (got < static_cast<std::size_t>(i + 1) * 10'000) {
      const auto frame = peer.read();
      ASSERT_NE(frame.type, 0xff);
      if (frame.type == testing::kDataFrame) got += frame.payload.size();
    }
  }
  EXPECT_EQ(got, 200'000u);
}

TEST(ServerWebSocketTest, OverHttp2AQuietOneIsNotLate) {
  const TestServer server(echo, {.body_timeout = std::chrono::milliseconds(30), .web_sockets = true});
  testing::Http2Peer peer(server.port());
  peer.headers(1, connect_to(), false);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  peer.data(1, "late", false);
  for (;;) {
    const auto frame = peer.read();
    ASSERT_NE(frame.type, testing::kResetFrame);
    ASSERT_NE(frame.type, 0xff);
    if (frame.type == testing::kDataFrame) break;
  }
}

TEST(ServerWebSocketTest, OverHttp2TheServerSaysWhetherItTakesThem) {
  for (const bool takes : {true, false}) {
    const TestServer server(echo, {.web_sockets = takes});
    RawClient client(server.port());
    client.send(std::string(kHttp2Preface) + testing::frame_bytes(testing::kSettingsFrame, 0, 0, ""));
    // SETTINGS_ENABLE_CONNECT_PROTOCOL, in the first frame.
    const auto header = read_exactly(client, 9);
    const auto settings = read_exactly(client, static_cast<unsigned char>(header[2]));
    EXPECT_EQ(settings.find(std::string("\0\x08\0\0\0\x01", 6)) != std::string::npos, takes);
    testing::Http2Peer peer(server.port());
    peer.headers(1, connect_to(), false);
    if (takes) continue;
    EXPECT_EQ(peer.await(1).reset, 1u);
  }
  const TestServer server(echo, {.web_sockets = true});
  testing::Http2Peer peer(server.port());
  peer.headers(1, connect_to("webtransport"), false);
  EXPECT_EQ(peer.await(1).status, 501);
}

}  // namespace
}  // namespace writ::http::server_web_socket_test
