// An upgrade at the server, and what it relays: over real sockets.
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/testing/loopback.h"
#include "http/web_socket.h"

namespace writ::http {
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

}  // namespace
}  // namespace writ::http
