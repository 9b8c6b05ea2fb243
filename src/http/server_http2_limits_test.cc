// What strangers can exhaust of a server over HTTP/2, and what each of them gets of it.
#include <gtest/gtest.h>
#include <mutex>
#include <nghttp2/nghttp2.h>
#include <thread>

#include "http/h2/frame_meter.h"
#include "http/h2/limits.h"
#include "http/server.h"
#include "http/testing/http2_peer.h"
#include "http/testing/loopback.h"

namespace writ::http::server_http2_limits_test {
namespace {

using namespace testing;
using namespace std::chrono_literals;

void echo(Exchange exchange) {
  Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
    std::string body = whole.request().path + "|" + whole.request().body;
    whole.respond(text_response(200, std::move(body)));
  });
}

// Keeps what comes, until it is told to answer.
class Holding {
 public:
  void operator()(Exchange exchange) {
    if (exchange.request().path != "/held") return echo(std::move(exchange));
    const std::scoped_lock lock(mutex_);
    held_.push_back(std::move(exchange));
  }
  std::size_t count() {
    const std::scoped_lock lock(mutex_);
    return held_.size();
  }
  void answer_all() {
    const std::scoped_lock lock(mutex_);
    for (auto& exchange : held_) exchange.respond(text_response(200, "done"));
    held_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<Exchange> held_;
};

struct HoldingServer {
  explicit HoldingServer(const ServerOptions& options = {})
      : server([this](Exchange exchange) { holding(std::move(exchange)); }, options) {}
  ~HoldingServer() {
    server.loops().run(0, [this] { holding.answer_all(); });
  }
  Holding holding;
  TestServer server;
};

// Sends the frames until the connection is ended; true: for ENHANCE_YOUR_CALM.
bool calmed(Http2Peer& peer, const std::string& frames, int most) {
  for (int i = 0; i < most && peer.send(frames); ++i) {
  }
  return peer.goaway() == NGHTTP2_ENHANCE_YOUR_CALM;
}

TEST(ServerHttp2Limits, StreamsBeyondTheLimitAreRefusedAndMayBeSentAgain) {
  ServerOptions options;
  options.max_streams = 3;
  HoldingServer holding(options);
  Http2Peer peer(holding.server.port());
  // Before the client has taken note of the limit.
  for (const std::uint32_t id : {1u, 3u, 5u, 7u}) peer.headers(id, get_fields("/held"));
  EXPECT_EQ(peer.await(7).reset, NGHTTP2_REFUSED_STREAM);
  EXPECT_EQ(holding.holding.count(), 3u);
  holding.server.loops().run(0, [&] { holding.holding.answer_all(); });
  for (const std::uint32_t id : {1u, 3u, 5u}) EXPECT_EQ(peer.await(id).body, "done");
  EXPECT_EQ(peer.get(9, get_fields("/a")).status, 200);
}

TEST(ServerHttp2Limits, AConnectionWithManyStreamsHasTheShareOfItsSourceAndNoMore) {
  ServerOptions options;
  options.max_connections = 20;
  options.max_connections_per_source = 4;
  HoldingServer holding(options);
  Http2Peer peer(RawClient(holding.server.port(), "127.0.1.1"));
  for (const std::uint32_t id : {1u, 3u, 5u, 7u, 9u}) peer.headers(id, get_fields("/held"));
  EXPECT_EQ(peer.await(9).reset, NGHTTP2_REFUSED_STREAM);
  EXPECT_EQ(holding.holding.count(), 4u);
  EXPECT_EQ(holding.server.stats().http2_streams_refused, 1u);
  // Nor another connection of the source; others have theirs.
  EXPECT_EQ(RawClient(holding.server.port(), "127.0.1.1").read_response().status, 429);
  Http2Peer other(RawClient(holding.server.port(), "127.0.1.2"));
  EXPECT_EQ(other.get(1, get_fields("/a")).status, 200);
  // What is answered is free again.
  holding.server.loops().run(0, [&] { holding.holding.answer_all(); });
  EXPECT_EQ(peer.await(7).body, "done");
  EXPECT_EQ(peer.get(11, get_fields("/a")).status, 200);
  Http2Peer second(RawClient(holding.server.port(), "127.0.1.1"));
  EXPECT_EQ(second.get(1, get_fields("/a")).status, 200);
}

TEST(ServerHttp2Limits, PlacesOfStreamsComeBackWhenTheirConnectionEnds) {
  ServerOptions options;
  options.max_connections_per_source = 4;
  HoldingServer holding(options);
  for (int round = 0; round < 5; ++round) {
    Http2Peer peer(RawClient(holding.server.port(), "127.0.1.1"));
    for (const std::uint32_t id : {1u, 3u, 5u, 7u}) peer.headers(id, get_fields("/held"));
    ASSERT_TRUE(peer.ping());
    EXPECT_EQ(holding.server.stats().http2_streams_refused, 0u);
    peer.client().reset();
    while (holding.server.server().stats().connections_open > 0) std::this_thread::yield();
  }
}

TEST(ServerHttp2Limits, RapidResetEndsTheConnectionAndStartsNoMoreWorkThanItsStreams) {
  ServerOptions options;
  options.max_streams = 10;
  HoldingServer holding(options);
  Http2Peer peer(holding.server.port());
  const auto block = block_of(get_fields("/held"));
  std::string burst;
  bool open = true;
  for (std::uint32_t id = 1; id < 4000 && open; id += 2) {
    // Apart, so that each request is begun before it is reset.
    open = peer.frame(kHeadersFrame, kEndHeadersFlag | kEndStreamFlag, id, block);
    if (id < 20) {
      ASSERT_TRUE(peer.ping());
    }
    open = open && peer.frame(kResetFrame, 0, id, bytes_of(NGHTTP2_CANCEL));
  }
  EXPECT_EQ(peer.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
  // Who resets a request does not end its work, and so gets no other in its place.
  EXPECT_EQ(holding.holding.count(), 10u);
  EXPECT_EQ(holding.server.stats().requests, 10u);
  EXPECT_EQ(holding.server.stats().http2_floods, 1u);
  EXPECT_EQ(exchange_raw(holding.server.port(), "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
}

// "MadeYouReset": the caller resets nothing, and has the server do it.
TEST(ServerHttp2Limits, RequestsThatTheServerHasToResetAreCountedAsIfTheirCallerHad) {
  HoldingServer holding;
  auto malformed = get_fields("/a");
  malformed.emplace_back("connection", "x");
  auto longer = post_fields("/held");
  longer.emplace_back("content-length", "1");
  const std::string malformed_block = block_of(malformed), longer_block = block_of(longer);
  std::uint64_t ended = 0;
  {
    Http2Peer peer(holding.server.port());
    bool open = true;
    for (std::uint32_t id = 1; id < 8000 && open; id += 2)
      open = peer.frame(kHeadersFrame, kEndHeadersFlag | kEndStreamFlag, id, malformed_block);
    EXPECT_EQ(peer.goaway(), NGHTTP2_ENHANCE_YOUR_CALM) << "malformed heads";
    EXPECT_EQ(holding.server.stats().http2_floods, ++ended);
  }
  {
    Http2Peer peer(holding.server.port());
    bool open = true;
    for (std::uint32_t id = 1; id < 8000 && open; id += 2)
      open = peer.frame(kHeadersFrame, kEndHeadersFlag, id, longer_block) &&
             peer.frame(kDataFrame, kEndStreamFlag, id, "ab");
    EXPECT_EQ(peer.goaway(), NGHTTP2_ENHANCE_YOUR_CALM) << "bodies of another length";
    EXPECT_EQ(holding.server.stats().http2_floods, ++ended);
  }
}

TEST(ServerHttp2Limits, RequestsBeyondTheLimitAreCountedWhoeverHasNotTakenNoteOfIt) {
  ServerOptions options;
  options.max_streams = 3;
  HoldingServer holding(options);
  Http2Peer peer(holding.server.port());
  const auto block = block_of(get_fields("/held"));
  bool open = true;
  for (std::uint32_t id = 1; id < 8000 && open; id += 2)
    open = peer.frame(kHeadersFrame, kEndHeadersFlag | kEndStreamFlag, id, block);
  EXPECT_EQ(peer.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(holding.holding.count(), 3u);
  EXPECT_EQ(holding.server.stats().http2_floods, 1u);
}

TEST(ServerHttp2Limits, AContinuationFloodEndsTheConnection) {
  TestServer server(echo);
  {
    Http2Peer peer(server.port());
    peer.frame(kHeadersFrame, kEndStreamFlag, 1, block_of(get_fields("/a")));
    EXPECT_TRUE(
        calmed(peer, frame_bytes(kContinuationFrame, 0, 1, block_of({{"x", std::string(8000, 'x')}})), 1000));
  }
  // Also of nothing at all.
  Http2Peer empty(server.port());
  empty.frame(kHeadersFrame, kEndStreamFlag, 1, block_of(get_fields("/a")));
  for (int i = 0; i < 2000 && empty.frame(kContinuationFrame, 0, 1); ++i) {
  }
  EXPECT_TRUE(empty.goaway().has_value());
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST(ServerHttp2Limits, AHeaderListThatGrowsWhenItIsDecodedIsRefused) {
  TestServer server(echo);
  Http2Peer peer(server.port());
  // RFC 7541 §6.2.1: `x` enters the table, and is then named by one byte each: 4 MB out of 1000.
  auto block = block_of(get_fields("/a"));
  block += '\x40';
  block += '\1';
  block += 'x';
  block += std::string("\x7f\xa1\x1e", 3) + std::string(4000, 'y');
  block += std::string(1000, '\xbe');
  peer.frame(kHeadersFrame, kEndHeadersFlag | kEndStreamFlag, 1, block);
  EXPECT_EQ(peer.await(1).status, 431);
  EXPECT_EQ(server.stats().requests, 0u);
  EXPECT_EQ(peer.get(3, get_fields("/a")).status, 200);
}

TEST(ServerHttp2Limits, ABlockOfFieldsThatDoesNotEndIsGivenUp) {
  ServerOptions options;
  options.header_timeout = 200ms;
  HoldingServer holding(options);
  Http2Peer peer(holding.server.port());
  // Another request keeps the connection busy, and pings do not help.
  peer.headers(1, get_fields("/held"));
  ASSERT_TRUE(peer.ping());
  peer.frame(kHeadersFrame, 0, 3, block_of(get_fields("/a")));
  EXPECT_EQ(peer.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(ServerHttp2Limits, FloodsOfFramesThatCarryNothingEndTheConnection) {
  TestServer server(echo);
  const std::string four(4, '\1');
  const std::pair<const char*, std::string> floods[] = {
      {"ping", frame_bytes(kPingFrame, 0, 0, "12345678")},
      {"ping acknowledgement", frame_bytes(kPingFrame, kAckFlag, 0, "12345678")},
      {"settings", frame_bytes(kSettingsFrame, 0, 0, "")},
      {"priority", frame_bytes(kPriorityFrame, 0, 1, std::string(4, '\0') + "x")},
      {"unknown", frame_bytes(0x77, 0, 0, "nothing")},
      {"window update", frame_bytes(kWindowFrame, 0, 0, bytes_of(1))},
  };
  std::uint64_t ended = 0;
  for (const auto& [name, frame] : floods) {
    Http2Peer peer(server.port());
    EXPECT_TRUE(calmed(peer, frame, 3000)) << name;
    EXPECT_EQ(server.stats().http2_floods, ++ended) << name;
  }
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/"), false);
  EXPECT_TRUE(calmed(peer, frame_bytes(kDataFrame, 0, 1, ""), 3000));
  EXPECT_EQ(server.stats().http2_floods, ++ended);
}

TEST(ServerHttp2Limits, ASettingsFrameWithTooManyEntriesEndsTheConnection) {
  TestServer server(echo);
  Http2Peer peer(server.port());
  std::string many;
  for (int i = 0; i < 100; ++i) many += std::string("\0\3", 2) + bytes_of(100);
  peer.frame(kSettingsFrame, 0, 0, many);
  EXPECT_EQ(peer.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(ServerHttp2Limits, WindowsThatAreOpenedTooWideAreAnError) {
  TestServer server(echo);
  Http2Peer peer(server.port());
  peer.frame(kWindowFrame, 0, 0, bytes_of(0x7fffffff));
  EXPECT_EQ(peer.goaway(), NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(ServerHttp2Limits, AWindowThatStaysShutLetsTheAnswerGoAndNotTheOthers) {
  ServerOptions options;
  options.write_timeout = 200ms;
  TestServer server([](Exchange exchange) { exchange.respond(text_response(200, std::string(100, 'x'))); },
                    options);
  // SETTINGS_INITIAL_WINDOW_SIZE 10.
  Http2Peer peer(server.port(), std::string("\0\4", 2) + bytes_of(10));
  peer.keep_windows_shut();
  peer.headers(1, get_fields("/"));
  const auto answer = peer.await(1);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, std::string(10, 'x'));
  EXPECT_EQ(answer.reset, NGHTTP2_CANCEL);
  auto head = get_fields("/");
  head[0].second = "HEAD";
  EXPECT_EQ(peer.get(3, head).status, 200);
}

TEST(ServerHttp2Limits, AClientThatReadsNothingIsClosedAndMakesNoMoreAnswers) {
  ServerOptions options;
  options.write_timeout = 300ms;
  TestServer server([](Exchange exchange) { exchange.respond(text_response(200, std::string(60'000, 'x'))); },
                    options);
  RawClient client(server.port());
  client.send(std::string(kHttp2Preface) +
              frame_bytes(kSettingsFrame, 0, 0, std::string("\0\4", 2) + bytes_of(0x7fffffff)) +
              frame_bytes(kWindowFrame, 0, 0, bytes_of(0x7fff0000 - 65'535)));
  const auto block = block_of(get_fields("/"));
  for (std::uint32_t id = 1; id < 20'000; id += 2) {
    if (!client.send(frame_bytes(kHeadersFrame, kEndHeadersFlag | kEndStreamFlag, id, block))) break;
  }
  while (server.server().stats().connections_open > 0) std::this_thread::sleep_for(5ms);
  EXPECT_LT(server.stats().requests, 5000u);
}

TEST(ServerHttp2Limits, AWholeBodyHasOneDeadlineHoweverSlowlyItComes) {
  ServerOptions options;
  options.body_timeout = 300ms;
  TestServer server(echo, options);
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/"), false);
  std::thread slow([&] {
    for (int i = 0; i < 40 && peer.data(1, "x", false); ++i) std::this_thread::sleep_for(50ms);
  });
  const auto answer = peer.await(1);
  slow.join();
  EXPECT_EQ(answer.status, 408);
  // The other requests of the connection go on.
  EXPECT_EQ(peer.get(3, get_fields("/a")).status, 200);
}

TEST(ServerHttp2Limits, WhatComesAfterTheAnswerHasALimitAndADeadline) {
  const auto refuse = [](Exchange exchange) { exchange.respond(text_response(403, "no")); };
  ServerOptions options;
  options.body_timeout = 300ms;
  TestServer impatient(refuse, options), server(refuse);
  const auto reset = [](Http2Peer& peer) {
    for (;;) {
      if (const auto answer = peer.await(1); answer.reset) return answer;
      if (peer.read().type == 0xff) return Http2Answer{};
    }
  };
  Http2Peer silent(impatient.port());
  silent.headers(1, post_fields("/"), false);
  EXPECT_EQ(silent.await(1).status, 403);
  EXPECT_EQ(reset(silent).reset, NGHTTP2_NO_ERROR);
  Http2Peer large(server.port());
  large.headers(1, post_fields("/"), false);
  EXPECT_EQ(large.await(1).status, 403);
  // As its windows allow, until it is told to stop.
  const std::string piece(8'000, 'x');
  // The connection's was opened before the answer came.
  std::uint32_t room = 65'535, all_room = 1 << 20, sent = 0;
  Frame frame;
  while (frame.type != kResetFrame) {
    if (room >= piece.size() && all_room >= piece.size()) {
      ASSERT_TRUE(large.data(1, piece, false));
      room -= 8'000;
      all_room -= 8'000;
      sent += 8'000;
      continue;
    }
    frame = large.read();
    ASSERT_NE(frame.type, 0xff);
    if (frame.type == kWindowFrame) (frame.id == 1 ? room : all_room) += frame.number(0);
  }
  EXPECT_EQ(frame.number(0), NGHTTP2_NO_ERROR);
  EXPECT_GT(sent, h2::kMaxDroppedBytes);
  EXPECT_LT(sent, h2::kMaxDroppedBytes + (1 << 20));
}

TEST(ServerHttp2Limits, BodiesOfStrangersHaveTheBudgetThatTheyHaveInHttp1) {
  ServerOptions options;
  options.max_stranger_bytes = 30'000;
  TestServer server(echo, options);
  Http2Peer peer(server.port());
  const std::string half(16'000, 'x');
  peer.headers(1, post_fields("/"), false);
  peer.data(1, half, false);
  while (server.server().stats().stranger_bytes < half.size()) std::this_thread::yield();
  peer.headers(3, post_fields("/"), false);
  peer.data(3, half, false);
  EXPECT_EQ(peer.await(3).status, 503);
  EXPECT_EQ(peer.await(3).headers.find("retry-after"), "1");
  peer.data(1, "", true);
  EXPECT_EQ(peer.await(1).status, 200);
  for (int i = 0; i < 500 && server.server().stats().stranger_bytes > 0; ++i)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server.stats().stranger_bytes, 0u);
  EXPECT_EQ(server.stats().bodies_refused, 1u);
}

TEST(ServerHttp2Limits, AnIdleConnectionIsToldAndClosedThoughItPings) {
  ServerOptions options;
  options.idle_timeout = 300ms;
  TestServer server(echo, options);
  Http2Peer peer(server.port());
  EXPECT_EQ(peer.get(1, get_fields("/a")).status, 200);
  while (peer.ping()) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(peer.goaway(), NGHTTP2_NO_ERROR);
}

TEST(ServerHttp2Limits, AConnectionThatSaysNothingBehindThePrefaceIsClosed) {
  ServerOptions options;
  options.header_timeout = 200ms;
  TestServer server(echo, options);
  RawClient client(server.port()), partly(server.port());
  client.send(kHttp2Preface);
  partly.send(kHttp2Preface.substr(0, 10));
  client.read_all();
  partly.read_all();
  while (server.server().stats().connections_open > 0) {
    client.shutdown_send();
    partly.shutdown_send();
    std::this_thread::sleep_for(1ms);
  }
}

TEST(ServerHttp2Limits, AConnectionHasANumberOfRequestsAndLosesNone) {
  ServerOptions options;
  options.max_requests_per_connection = 3;
  TestServer server(echo, options);
  Http2Peer peer(server.port());
  for (const std::uint32_t id : {1u, 3u, 5u, 7u}) peer.headers(id, get_fields("/a"));
  for (const std::uint32_t id : {1u, 3u, 5u, 7u}) EXPECT_EQ(peer.await(id).status, 200);
  EXPECT_EQ(peer.goaway(), NGHTTP2_NO_ERROR);
  while (peer.read().type != 0xff) {
  }
}

TEST(ServerHttp2Limits, WhenItIsFullAnIdleConnectionMakesRoom) {
  ServerOptions options;
  options.max_connections = 4;
  options.max_connections_per_source = 3;
  TestServer server(echo, options);
  std::vector<Http2Peer> greedy;
  for (int i = 0; i < 3; ++i) {
    greedy.emplace_back(RawClient(server.port(), "127.0.1.1"));
    EXPECT_EQ(greedy.back().get(1, get_fields("/a")).status, 200);
  }
  // Both stay: the second finds it full.
  std::vector<Http2Peer> newcomers;
  for (int i = 2; i < 4; ++i) {
    newcomers.emplace_back(RawClient(server.port(), "127.0.1." + std::to_string(i)));
    EXPECT_EQ(newcomers.back().get(1, get_fields("/a")).status, 200);
  }
  // The one that made room was told so.
  EXPECT_EQ(server.stats().connections_made_room, 1u);
  int told = 0;
  for (auto& peer : greedy) {
    if (!peer.ping()) told += peer.goaway() == NGHTTP2_NO_ERROR ? 1 : 0;
  }
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace writ::http::server_http2_limits_test
