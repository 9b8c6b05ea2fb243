// WebSockets over HTTP/2 (RFC 8441) through the gateway: decided, relayed and cut as over HTTP/1.1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <sys/socket.h>

#include "gateway/testing/gateway.h"
#include "http/testing/http2_peer.h"
#include "http/web_socket.h"

namespace writ::gateway::web_sockets_http2_test {
namespace {

using http::testing::Fields;
using http::testing::Http2Peer;
using testing::Gateway;
using ::testing::HasSubstr;
using testing::ScriptedUpstream;
using testing::World;

// A text frame of a server, of less than 126 bytes.
std::string text_frame(std::string_view text) {
  return std::string(1, '\x81') + static_cast<char>(text.size()) + std::string(text);
}

class WebSocketsHttp2Test : public ::testing::Test {
 protected:
  // An API that takes every WebSocket, says hello, and sends back what comes.
  void serve(int socket) {
    const auto head = ScriptedUpstream::read_head(socket);
    {
      const std::lock_guard lock(mutex_);
      seen_ = head;
    }
    constexpr std::string_view kName = "Sec-WebSocket-Key: ";
    const auto at = head.find(kName);
    if (at == std::string::npos) return;
    const auto key = head.substr(at + kName.size(), head.find('\r', at) - at - kName.size());
    ScriptedUpstream::write(
        socket,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: " +
            http::web_socket_accept(key) + "\r\n\r\n" + text_frame("hello"));
    char bytes[4096];
    for (;;) {
      const auto got = ::recv(socket, bytes, sizeof(bytes), 0);
      if (got <= 0 || !ScriptedUpstream::write(socket, {bytes, static_cast<std::size_t>(got)})) return;
    }
  }
  Fields connect(std::string path = "/feeds/inv-1", const Fields& more = {}) const {
    Fields fields{{":method", "CONNECT"},
                  {":protocol", "websocket"},
                  {":scheme", "http"},
                  {":path", std::move(path)},
                  {":authority", "api.acme.example"},
                  {"sec-websocket-version", "13"},
                  {"authorization", "Bearer " + token}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  }
  void route_to_feeds() {
    RouteSpec spec{.method = "GET",
                   .path = "/feeds/{invoice}",
                   .api = "invoices",
                   .action = {"Billing::Action", "read"},
                   .resource_type = "Billing::Invoice",
                   .resource_id = "{invoice}",
                   .attributes = {},
                   .upstream = "http://127.0.0.1:" + std::to_string(upstream.port()),
                   .web_socket = true};
    auto plain = spec;
    plain.path = "/plain/{invoice}";
    plain.web_socket = false;
    world.current.replace(
        std::make_shared<const Routes>(Routes::make({std::move(spec), std::move(plain)}).value()));
  }
  void SetUp() override { route_to_feeds(); }
  // Reads until so much has come on the stream.
  static std::string read(Http2Peer& peer, std::size_t size) {
    std::string got;
    while (got.size() < size) {
      const auto frame = peer.read();
      if (frame.type == 0xff) break;
      if (frame.type == http::testing::kDataFrame) got += frame.payload;
    }
    return got;
  }

  World world;
  std::string token = world.token();
  std::string seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::string seen_;

 protected:
  ScriptedUpstream upstream{[this](int socket, int) { serve(socket); }};
  Gateway gateway{world, upstream.port()};
};

TEST_F(WebSocketsHttp2Test, MessagesGoBothWays) {
  Http2Peer peer(gateway.port());
  peer.headers(1, connect(), false);
  EXPECT_EQ(read(peer, 7), text_frame("hello"));
  peer.data(1, "masked", false);
  EXPECT_EQ(read(peer, 6), "masked");
  EXPECT_THAT(seen(), ::testing::StartsWith("GET /feeds/inv-1 HTTP/1.1\r\n"));
  EXPECT_THAT(seen(), HasSubstr("Writ-Context: "));
  EXPECT_THAT(seen(), ::testing::Not(HasSubstr(token)));
  peer.data(1, "", true);
  EXPECT_EQ(peer.await(1).status, 200);
}

// RFC 8441 §5.1. HAProxy passes on what its caller over HTTP/1.1 sent.
TEST_F(WebSocketsHttp2Test, AKeyIsIgnoredAndTheApiGetsOneOfWritsOwn) {
  Http2Peer peer(gateway.port());
  peer.headers(1, connect("/feeds/inv-1", {{"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}}), false);
  EXPECT_EQ(read(peer, 7), text_frame("hello"));
  EXPECT_THAT(seen(), HasSubstr("\r\nSec-WebSocket-Key: "));
  EXPECT_THAT(seen(), ::testing::Not(HasSubstr("dGhlIHNhbXBsZSBub25jZQ==")));
  peer.data(1, "", true);
  EXPECT_EQ(peer.await(1).status, 200);
}

TEST_F(WebSocketsHttp2Test, OneIsCutWithACloseFrameAndTheOthersOfItsConnectionGoOn) {
  Http2Peer peer(gateway.port());
  peer.headers(1, connect(), false);
  EXPECT_EQ(read(peer, 7), text_frame("hello"));
  gateway.stop_streams();
  const auto answer = peer.await(1);
  EXPECT_EQ(answer.body, text_frame("hello") + http::close_frame(1001, "server_stopping"));
  EXPECT_FALSE(answer.reset);
  EXPECT_TRUE(peer.ping());
}

TEST_F(WebSocketsHttp2Test, WhatIsRefusedOverHttp1IsRefusedHere) {
  Http2Peer peer(gateway.port());
  auto status = [&, id = 1u](const Fields& fields) mutable {
    peer.headers(id, fields, false);
    const auto answer = peer.await(id);
    id += 2;
    return answer.status;
  };
  auto stranger = connect();
  stranger.pop_back();
  EXPECT_EQ(status(stranger), 401);
  EXPECT_EQ(status(connect("/plain/inv-1")), 501);
  EXPECT_EQ(status(connect("/feeds/inv-1", {{"origin", "https://evil.example"}})), 403);
  auto old = connect();
  old[5].second = "8";
  EXPECT_EQ(status(old), 400);
  EXPECT_EQ(status(http::testing::get_fields("/feeds/inv-1", {{"authorization", "Bearer " + token}})), 400);
}

}  // namespace
}  // namespace writ::gateway::web_sockets_http2_test
