#include "http/web_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::http::web_socket_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 §1.3

Request upgrade() {
  Request request;
  request.method = "GET";
  request.headers = {{"Connection", "keep-alive, Upgrade"},
                     {"Upgrade", "WebSocket"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", kKey}};
  return request;
}
std::string fault_of(const Request& request) {
  const auto offer = read_web_socket_offer(request);
  return offer ? "none" : offer.error();
}
Headers taken() {
  return {
      {"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", web_socket_accept(kKey)}};
}

TEST(WebSocketTest, TheAcceptOfTheSpecificationsExample) {
  EXPECT_EQ(web_socket_accept(kKey), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketTest, AHandshakeIsTakenAsItIsMeant) {
  auto request = upgrade();
  request.headers.add("Sec-WebSocket-Protocol", "chat, superchat");
  EXPECT_TRUE(asks_for_web_socket(request));
  const auto offer = read_web_socket_offer(request);
  ASSERT_TRUE(offer.has_value());
  EXPECT_EQ(offer->protocols, "chat, superchat");
  EXPECT_EQ(offer->extensions, "");
}

TEST(WebSocketTest, OfExtensionsOnlyCompressionPasses) {
  auto request = upgrade();
  request.headers.add("Sec-WebSocket-Extensions",
                      "x-multiplex; a=1, permessage-deflate; client_max_window_bits");
  EXPECT_EQ(read_web_socket_offer(request)->extensions, "permessage-deflate; client_max_window_bits");
}

TEST(WebSocketTest, WhatIsWrongWithAHandshakeIsRefused) {
  const auto with = [](std::string_view name, std::string_view value) {
    auto request = upgrade();
    request.headers.set(name, value);
    return fault_of(request);
  };
  EXPECT_EQ(fault_of(upgrade()), "none");
  EXPECT_THAT(with("Upgrade", "h2c, websocket"), HasSubstr("`Upgrade`"));
  EXPECT_THAT(with("Connection", "keep-alive"), HasSubstr("`Connection`"));
  EXPECT_THAT(with("Sec-WebSocket-Version", "8"), HasSubstr("must be 13"));
  EXPECT_THAT(with("Sec-WebSocket-Key", "dGVzdA=="), HasSubstr("16 bytes"));
  EXPECT_THAT(with("Sec-WebSocket-Key", "not base64 at all!!!!!!!"), HasSubstr("16 bytes"));
  EXPECT_THAT(with("Sec-WebSocket-Accept", "x"), HasSubstr("of an answer"));
  EXPECT_THAT(with("Sec-WebSocket-Protocol", "chat, chat"), HasSubstr("different names"));
  EXPECT_THAT(with("Sec-WebSocket-Protocol", "chat,,x"), HasSubstr("different names"));
  auto twice = upgrade();
  twice.headers.add("Sec-WebSocket-Key", kKey);
  EXPECT_THAT(fault_of(twice), HasSubstr("stand once"));
  auto post = upgrade();
  post.method = "POST";
  EXPECT_THAT(fault_of(post), HasSubstr("a GET"));
}

TEST(WebSocketTest, AnAnswerTakesWhatWasOfferedAndNothingElse) {
  const WebSocketOffer plain{.key = std::string(kKey), .protocols = {}, .extensions = {}};
  const WebSocketOffer rich{
      .key = std::string(kKey), .protocols = "chat, superchat", .extensions = "permessage-deflate"};
  EXPECT_EQ(web_socket_fault(plain, taken()), std::nullopt);
  EXPECT_EQ(web_socket_fault(rich, taken()), std::nullopt);
  auto with_protocol = taken();
  with_protocol.add("Sec-WebSocket-Protocol", "superchat");
  EXPECT_EQ(web_socket_fault(rich, with_protocol), std::nullopt);
  EXPECT_THAT(web_socket_fault(plain, with_protocol), Optional(HasSubstr("Protocol` was not offered")));
  with_protocol.set("Sec-WebSocket-Protocol", "chat, superchat");
  EXPECT_THAT(web_socket_fault(rich, with_protocol), Optional(HasSubstr("Protocol` was not offered")));
  auto compressed = taken();
  compressed.add("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover");
  EXPECT_EQ(web_socket_fault(rich, compressed), std::nullopt);
  EXPECT_THAT(web_socket_fault(plain, compressed), Optional(HasSubstr("were not offered")));
  auto wrong = taken();
  wrong.set("Sec-WebSocket-Accept", web_socket_accept("another"));
  EXPECT_THAT(web_socket_fault(plain, wrong), Optional(HasSubstr("not the one of the key")));
  for (const auto* name : {"Upgrade", "Connection", "Sec-WebSocket-Accept"}) {
    auto without = taken();
    without.remove(name);
    EXPECT_NE(web_socket_fault(plain, without), std::nullopt) << name;
  }
}

// ---- frames ----

std::string frame(unsigned first, std::size_t size, bool masked = false) {
  std::string text(1, static_cast<char>(first));
  const auto mask = static_cast<unsigned>(masked ? 0x80 : 0);
  const auto bytes_of = [&](std::size_t count) {
    for (std::size_t i = count; i-- > 0;) text += static_cast<char>(size >> (8 * i) & 0xff);
  };
  if (size < 126) {
    text += static_cast<char>(mask | size);
  } else if (size < 65536) {
    text += static_cast<char>(mask | 126);
    bytes_of(2);
  } else {
    text += static_cast<char>(mask | 127);
    bytes_of(8);
  }
  if (masked) text += "mask";
  return text + std::string(size, 'x');
}

TEST(FrameTrackerTest, FramesEndWhereTheyEndHoweverTheyArrive) {
  for (const std::size_t size : {0u, 1u, 125u, 126u, 300u, 65535u, 65536u, 70000u}) {
    for (const bool masked : {false, true}) {
      const auto bytes = frame(0x82, size, masked);
      for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, bytes.size()}) {
        FrameTracker tracker;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
          EXPECT_EQ(tracker.between_frames(), at == 0) << size << " " << at;
          tracker.pass(std::string_view(bytes).substr(at, piece));
        }
        EXPECT_TRUE(tracker.between_frames()) << size << " " << masked;
        EXPECT_FALSE(tracker.closing());
      }
    }
  }
}

TEST(FrameTrackerTest, NothingFollowsACloseFrame) {
  FrameTracker tracker;
  tracker.pass(frame(0x01, 5) + frame(0x89, 2) + frame(0x80, 7));
  EXPECT_TRUE(tracker.between_frames());
  EXPECT_FALSE(tracker.closing());
  tracker.pass(close_frame(1000, "done"));
  EXPECT_TRUE(tracker.between_frames());
  EXPECT_TRUE(tracker.closing());
}

TEST(FrameTrackerTest, ACloseFrameHasItsCodeAndAtMostSoMuchOfItsReason) {
  EXPECT_EQ(close_frame(1008, "no"), std::string("\x88\x04\x03\xf0no", 6));
  EXPECT_EQ(close_frame(1008, std::string(200, 'r')).size(), 2u + 125u);
}

}  // namespace
}  // namespace writ::http::web_socket_test
