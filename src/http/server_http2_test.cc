// HTTP/2 as clients see it: by prior knowledge, frame by frame, to the same handlers as HTTP/1. TLS with ALPN
// is in tls/server_tls_test.cc, the limits are in server_http2_limits_test.cc.
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "http/h2/frame_meter.h"
#include "http/server.h"
#include "http/testing/http2_peer.h"
#include "http/testing/loopback.h"

namespace writ::http::server_http2_test {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

void echo(Exchange exchange) {
  Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
    std::string body = whole.request().path + "|" + whole.request().body;
    whole.respond(text_response(200, std::move(body)));
  });
}

// Sends the body back piece by piece.
void mirror(std::shared_ptr<Exchange> held) {
  held->read_body([held](Result<std::string_view> piece) {
    if (!piece) return;
    if (piece->empty()) return held->finish();
    held->write(*piece, [held](Result<void> written) {
      if (written) mirror(held);
    });
  });
}

TEST(ServerHttp2, AnswersRequestsOfOneConnection) {
  TestServer server(echo);
  Http2Peer peer(server.port());
  for (const std::uint32_t id : {1u, 3u, 5u}) {
    const auto answer = peer.get(id, get_fields("/a"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "/a|");
    EXPECT_EQ(answer.headers.find("content-length"), "3");
    EXPECT_TRUE(answer.headers.contains("date"));
    EXPECT_FALSE(answer.headers.contains("connection"));
    EXPECT_FALSE(answer.reset);
  }
  EXPECT_EQ(server.stats().requests, 3u);
  EXPECT_EQ(server.stats().http2_connections, 1u);
}

TEST(ServerHttp2, ThePrefaceMayComeByteByByte) {
  TestServer server(echo);
  RawClient client(server.port());
  for (const char c : std::string(kHttp2Preface).substr(0, 20)) {
    client.send(std::string(1, c));
    std::this_thread::yield();
  }
  client.send(std::string(kHttp2Preface).substr(20) + frame_bytes(kSettingsFrame, 0, 0, "") +
              frame_bytes(kHeadersFrame, kEndStreamFlag | kEndHeadersFlag, 1, block_of(get_fields("/a"))));
  std::string all;
  while (all.find("/a|") == all.npos) {
    const auto more = client.read_some(1000);
    if (more.empty()) break;
    all += more;
  }
  EXPECT_THAT(all, HasSubstr("/a|"));
}

TEST(ServerHttp2, WhereItIsSwitchedOffThePrefaceIsARequestOfAnUnknownVersion) {
  ServerOptions options;
  options.http2 = false;
  TestServer server(echo, options);
  EXPECT_EQ(exchange_raw(server.port(), kHttp2Preface).status, 505);
}

TEST(ServerHttp2, UpgradeToH2cStaysIgnored) {
  TestServer server(echo);
  const auto answer = exchange_raw(
      server.port(),
      "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
      "AAMAAABkAAQAAP__\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "/a|");
}

TEST(ServerHttp2, AnswersComeInTheOrderInWhichTheyAreReady) {
  std::optional<Exchange> first;
  TestServer server([&](Exchange exchange) {
    if (exchange.request().path == "/first") {
      first = std::move(exchange);
    } else {
      exchange.respond(text_response(200, "second"));
    }
  });
  Http2Peer peer(server.port());
  peer.headers(1, get_fields("/first"));
  EXPECT_EQ(peer.get(3, get_fields("/second")).body, "second");
  server.loops().run(0, [&] {
    first->respond(text_response(200, "first"));
    first.reset();
  });
  EXPECT_EQ(peer.await(1).body, "first");
}

// What is sent of a streamed answer: (type, flags) of each frame. `written`: what became of its one write.
std::vector<std::pair<int, int>> frames_of(ResponseHead head, std::string body, bool& written,
                                           bool asks_on = false) {
  std::promise<bool> told;
  TestServer server([&](Exchange exchange) {
    const auto held = std::make_shared<Exchange>(std::move(exchange));
    held->start(head);
    const bool first = held->request().path == "/a";
    held->write(body, [held, first, &told](Result<void> result) {
      if (result) held->finish();
      if (first) told.set_value(result.has_value());
    });
  });
  Http2Peer peer(server.port());
  peer.headers(1, get_fields("/a"), !asks_on);
  std::vector<std::pair<int, int>> frames;
  for (;;) {
    const auto frame = peer.read();
    if (frame.id == 1) frames.emplace_back(frame.type, frame.flags);
    if (frame.type == 0xff || (frame.id == 1 && (frame.flags & kEndStreamFlag) != 0)) break;
  }
  written = told.get_future().get();
  // The connection goes on.
  if (asks_on) peer.data(1, "", true);
  peer.headers(3, get_fields("/b"), true);
  EXPECT_EQ(peer.await(3).status, head.status);
  return frames;
}

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(ServerHttp2, AnAnswerThatHasALengthAndNoTrailersEndsWithItsLastByte) {
  for (const bool asks_on : {false, true}) {
    bool written = false;
    EXPECT_THAT(frames_of({.status = 200, .headers = {}, .content_length = 5, .no_trailers = true}, "hello",
                          written, asks_on),
                ElementsAre(Pair(kHeadersFrame, kEndHeadersFlag), Pair(kDataFrame, kEndStreamFlag)));
    EXPECT_TRUE(written);
  }
}

TEST(ServerHttp2, OneThatMayHaveTrailersEndsWhenItIsSaid) {
  bool written = false;
  EXPECT_THAT(frames_of({.status = 200, .headers = {}, .content_length = 5}, "hello", written),
              ElementsAre(Pair(kHeadersFrame, kEndHeadersFlag), Pair(kDataFrame, 0),
                          Pair(kDataFrame, kEndStreamFlag)));
  EXPECT_TRUE(written);
}

TEST(ServerHttp2, AHeadDoesNotWaitForABodyThatIsNotThere) {
  std::shared_ptr<Exchange> held;
  TestServer server([&](Exchange exchange) {
    held = std::make_shared<Exchange>(std::move(exchange));
    held->start({.status = 200, .headers = {}, .content_length = 5, .no_trailers = true});
  });
  Http2Peer peer(server.port());
  peer.headers(1, get_fields("/a"));
  auto frame = peer.read();
  while (frame.type != 0xff && frame.id == 0) frame = peer.read();
  EXPECT_EQ(frame.type, kHeadersFrame);
  server.loops().run(0, [&] {
    held->write("hello", [&](Result<void> written) {
      EXPECT_TRUE(written);
      held->finish();
      held.reset();
    });
  });
  EXPECT_EQ(peer.await(1).body, "hello");
}

TEST(ServerHttp2, CarriesLargeBodiesBothWaysWithinTheWindows) {
  ServerOptions options;
  options.max_body_bytes = 8 << 20;
  TestServer server(
      [](Exchange exchange) {
        if (exchange.request().path == "/whole") return echo(std::move(exchange));
        exchange.start({.status = 200, .headers = {}, .content_length = std::nullopt});
        mirror(std::make_shared<Exchange>(std::move(exchange)));
      },
      options);
  Http2Peer peer(server.port());
  peer.headers(1, get_fields("/whole"), false);
  const std::string piece(16'000, 'x');
  // The windows that a connection begins with, and what is given back as it is read.
  std::uint32_t room = 65'535, all_room = 65'535;
  for (int i = 0; i < 200; ++i) {
    while (room < piece.size() || all_room < piece.size()) {
      const auto frame = peer.read();
      ASSERT_NE(frame.type, 0xff);
      if (frame.type == kWindowFrame) (frame.id == 1 ? room : all_room) += frame.number(0);
    }
    peer.data(1, piece, false);
    room -= 16'000;
    all_room -= 16'000;
  }
  peer.data(1, "", true);
  const auto answer = peer.await(1);
  EXPECT_EQ(answer.status, 200);
  EXPECT_GE(answer.body.size(), 200 * piece.size());
  peer.headers(3, post_fields("/mirror"), false);
  peer.data(3, "one", false);
  peer.data(3, "two", true);
  EXPECT_EQ(peer.await(3).body, "onetwo");
}

TEST(ServerHttp2, WhatNobodyReadsIsNotAskedFor) {
  std::optional<Exchange> held;
  TestServer server([&](Exchange exchange) { held = std::move(exchange); });
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/"), false);
  for (int i = 0; i < 4; ++i) peer.data(1, std::string(16'000, 'x'), false);
  ASSERT_TRUE(peer.ping());
  // More than the window: the peer breaks the rules of flow control.
  peer.data(1, std::string(16'000, 'x'), false);
  EXPECT_EQ(peer.await(1).reset, NGHTTP2_FLOW_CONTROL_ERROR);
  server.loops().run(0, [&] { held.reset(); });
}

TEST(ServerHttp2, HeadAndAnswersWithoutABodyHaveNone) {
  TestServer server([](Exchange exchange) {
    const bool none = exchange.request().path == "/none";
    exchange.respond(none ? Response{.status = 204, .headers = {}, .body = {}} : text_response(200, "text"));
  });
  Http2Peer peer(server.port());
  auto head = get_fields("/");
  head[0].second = "HEAD";
  const auto answer = peer.get(1, head);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.find("content-length"), "4");
  EXPECT_EQ(answer.body, "");
  const auto none = peer.get(3, get_fields("/none"));
  EXPECT_EQ(none.status, 204);
  EXPECT_FALSE(none.headers.contains("content-length"));
}

TEST(ServerHttp2, FieldsOfHttp1AndCapitalsDoNotComeOut) {
  TestServer server([](Exchange exchange) {
    exchange.respond({.status = 200,
                      .headers = {{"Connection", "close"},
                                  {"Transfer-Encoding", "chunked"},
                                  {"X-Split", "a\r\nb: c"},
                                  {"X-Good", "1"}},
                      .body = "x"});
  });
  Http2Peer peer(server.port());
  const auto answer = peer.get(1, get_fields("/"));
  EXPECT_EQ(answer.headers.count("connection") + answer.headers.count("transfer-encoding") +
                answer.headers.count("x-split"),
            0u);
  ASSERT_EQ(answer.headers[0].name, "x-good");
}

TEST(ServerHttp2, AClientThatWaitsForContinueIsToldToGoOn) {
  TestServer server(echo);
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/a", {{"expect", "100-continue"}}), false);
  while (peer.read().type != kHeadersFrame) {
  }
  peer.data(1, "body", true);
  const auto answer = peer.await(1);
  EXPECT_THAT(answer.interim, ::testing::ElementsAre(100));
  EXPECT_EQ(answer.body, "/a|body");
}

// Clients that are in the middle of an upload lose the answer when it is reset.
TEST(ServerHttp2, WhatComesOfARequestAfterItsAnswerIsReadAndDropped) {
  TestServer server([](Exchange exchange) { exchange.respond(text_response(403, "no")); });
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/"), false);
  EXPECT_EQ(peer.await(1).status, 403);
  for (int i = 0; i < 4; ++i) peer.data(1, std::string(16'000, 'x'), false);
  peer.data(1, "", true);
  ASSERT_TRUE(peer.ping());
  EXPECT_FALSE(peer.await(1).reset);
  EXPECT_EQ(peer.get(3, get_fields("/")).status, 403);
}

TEST(ServerHttp2, TrailersAreCheckedAndNeverSeemToBeFieldsOfTheHead) {
  TestServer server([](Exchange exchange) {
    Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
      const bool late = whole.request().headers.contains("x-late");
      whole.respond(text_response(200, late ? "seen" : whole.request().body));
    });
  });
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/"), false);
  peer.data(1, "body", false);
  peer.headers(1, {{"x-late", "1"}}, true);
  EXPECT_EQ(peer.await(1).body, "body");
  for (const auto& [id, bad] : {std::pair<std::uint32_t, std::string>{3, ":path"},
                                {5, "connection"},
                                {7, "X-Capital"},
                                {9, "transfer-encoding"}}) {
    peer.headers(id, post_fields("/"), false);
    peer.data(id, "body", false);
    peer.headers(id, {{bad, "1"}}, true);
    const auto answer = peer.await(id);
    EXPECT_EQ(answer.reset, NGHTTP2_PROTOCOL_ERROR) << bad;
    EXPECT_EQ(answer.status, 0) << bad;
  }
}

TEST(ServerHttp2, MalformedRequestsReachNoHandlerAndEndNoOtherRequest) {
  TestServer server(echo);
  Http2Peer peer(server.port());
  const std::pair<std::string, std::string> cases[] = {
      {"connection", "close"}, {"transfer-encoding", "chunked"},
      {"x", "a\r\nb: c"},      {"X-Capital", "1"},
      {"te", "gzip"},          {"host", "b"},
      {":path", "/b"},         {"x y", "1"},
      {"x", " padded"},        {"upgrade", "h2c"},
  };
  std::uint32_t id = 1;
  for (const auto& field : cases) {
    const auto answer = peer.get(id, get_fields("/a", {field}));
    EXPECT_EQ(answer.reset, NGHTTP2_PROTOCOL_ERROR) << field.first << ": " << field.second;
    EXPECT_EQ(answer.status, 0);
    id += 2;
  }
  EXPECT_EQ(server.stats().requests, 0u);
  EXPECT_GE(server.stats().requests_malformed, std::size(cases));
  EXPECT_EQ(peer.get(id, get_fields("/a")).body, "/a|");
}

TEST(ServerHttp2, WhatWritDoesNotTakeIsAnsweredAsInHttp1) {
  ServerOptions options;
  options.max_target_bytes = 100;
  options.max_body_bytes = 10;
  TestServer server(echo, options);
  Http2Peer peer(server.port());
  auto connect = Fields{{":method", "CONNECT"}, {":authority", "a:1"}};
  const std::pair<Fields, int> cases[] = {
      {get_fields("/a%2fb"), 400},
      {get_fields("/../a"), 400},
      {get_fields("/" + std::string(200, 'a')), 414},
      {get_fields("/", {{"x", std::string(16'250, 'x')}}), 431},
      {get_fields("/", {{"expect", "magic"}}), 417},
      {connect, 501},
  };
  std::uint32_t id = 1;
  for (const auto& [fields, status] : cases) {
    const auto answer = peer.get(id, fields);
    EXPECT_EQ(answer.status, status) << id;
    EXPECT_EQ(answer.headers.find("content-type"), "application/json");
    EXPECT_THAT(answer.body, HasSubstr("{\"error\":\""));
    id += 2;
  }
  peer.headers(id, post_fields("/", {{"content-length", "11"}}), false);
  EXPECT_EQ(peer.await(id).status, 413);
}

TEST(ServerHttp2, ABodyThatIsNotAsLongAsItSaysIsNoRequest) {
  std::atomic<int> whole = 0;
  TestServer server([&](Exchange exchange) {
    Exchange::read_whole_body(std::move(exchange), 0, [&](Exchange read) {
      ++whole;
      read.respond(text_response(200, ""));
    });
  });
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/", {{"content-length", "5"}}), false);
  peer.data(1, "four", true);
  EXPECT_EQ(peer.await(1).reset, NGHTTP2_PROTOCOL_ERROR);
  peer.headers(3, post_fields("/", {{"content-length", "5"}}), false);
  peer.data(3, "sixsix", true);
  EXPECT_EQ(peer.await(3).reset, NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(whole, 0);
  peer.headers(5, post_fields("/", {{"content-length", "5"}}), false);
  peer.data(5, "fives", true);
  EXPECT_EQ(peer.await(5).status, 200);
}

TEST(ServerHttp2, ARequestOfNoLengthReachesNoHandlerBeforeItsEnd) {
  TestServer server(echo);
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/a", {{"content-length", "0"}}), false);
  ASSERT_TRUE(peer.ping());
  EXPECT_EQ(server.stats().requests, 0u);
  peer.data(1, "", false);
  peer.data(1, "x", true);
  EXPECT_EQ(peer.await(1).reset, NGHTTP2_PROTOCOL_ERROR);
  peer.headers(3, post_fields("/a", {{"content-length", "0"}}), false);
  peer.headers(3, {{"x-late", "1"}}, true);
  EXPECT_EQ(peer.await(3).body, "/a|");
  peer.headers(5, post_fields("/a", {{"content-length", "0"}, {"expect", "100-continue"}}), false);
  ASSERT_TRUE(peer.ping());
  peer.data(5, "", true);
  EXPECT_EQ(peer.await(5).body, "/a|");
  peer.headers(7, post_fields("/a", {{"content-length", "0"}}), true);
  EXPECT_EQ(peer.await(7).body, "/a|");
  EXPECT_EQ(server.stats().requests, 3u);
}

TEST(ServerHttp2, ARequestOfNoLengthThatDoesNotEndIsAnsweredOnce) {
  ServerOptions options;
  options.body_timeout = 300ms;
  TestServer server(echo, options);
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/a", {{"content-length", "0"}}), false);
  EXPECT_EQ(peer.await(1).status, 408);
  peer.data(1, "", true);
  ASSERT_TRUE(peer.ping());
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST(ServerHttp2, AnAnswerThatIsBrokenOffIsReset) {
  TestServer server([](Exchange exchange) {
    const bool shorter = exchange.request().path == "/shorter";
    exchange.start({.status = 200, .headers = {}, .content_length = 10});
    auto held = std::make_shared<Exchange>(std::move(exchange));
    held->write("half", [held, shorter](Result<void>) { shorter ? held->finish() : held->abort(); });
  });
  Http2Peer peer(server.port());
  for (const auto& [id, path] : {std::pair<std::uint32_t, std::string>{1, "/aborted"}, {3, "/shorter"}}) {
    const auto answer = peer.get(id, get_fields(path));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.reset, NGHTTP2_INTERNAL_ERROR) << path;
  }
}

TEST(ServerHttp2, AnExchangeThatIsDroppedAnswers500) {
  TestServer server([](Exchange exchange) { const Exchange dropped = std::move(exchange); });
  Http2Peer peer(server.port());
  EXPECT_EQ(peer.get(1, get_fields("/")).status, 500);
}

TEST(ServerHttp2, AnswersMayComeFromOtherThreads) {
  TestServer server([](Exchange exchange) {
    std::thread([held = std::move(exchange)]() mutable { echo(std::move(held)); }).detach();
  });
  Http2Peer peer(server.port());
  peer.headers(1, post_fields("/a"), false);
  peer.data(1, "hi", true);
  EXPECT_EQ(peer.await(1).body, "/a|hi");
}

TEST(ServerHttp2, AWriterIsToldWhenItsClientHasGone) {
  std::atomic<bool> told = false;
  TestServer server([&](Exchange exchange) {
    exchange.start({.status = 200, .headers = {}, .content_length = std::nullopt});
    auto held = std::make_shared<Exchange>(std::move(exchange));
    const auto write_on = [&told, held](auto self) -> void {
      held->write("more", [&told, self](Result<void> written) {
        if (!written) {
          told = true;
        } else {
          self(self);
        }
      });
    };
    write_on(write_on);
  });
  Http2Peer peer(server.port());
  peer.keep_windows_shut();
  peer.headers(1, get_fields("/"));
  while (peer.read().type != kDataFrame) {
  }
  peer.frame(kResetFrame, 0, 1, bytes_of(NGHTTP2_CANCEL));
  for (int i = 0; i < 1000 && !told; ++i) {
    (void)peer.ping();
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(told);
}

TEST(ServerHttp2, BehindAProxyTheCallerIsWhomTheProxyNames) {
  ServerOptions options;
  ASSERT_TRUE(options.proxies.add("127.0.0.1"));
  TestServer server(
      [](Exchange exchange) {
        auto ip = exchange.request().peer_ip;
        exchange.respond(text_response(200, std::move(ip)));
      },
      options);
  Http2Peer peer(server.port());
  EXPECT_EQ(peer.get(1, get_fields("/", {{"x-forwarded-for", "192.0.2.7"}})).body, "192.0.2.7");
  EXPECT_EQ(peer.get(3, get_fields("/", {{"x-forwarded-for", "192.0.2.8"}})).body, "192.0.2.8");
  EXPECT_EQ(peer.get(5, get_fields("/", {{"x-forwarded-for", "nonsense"}})).status, 400);
}

TEST(ServerHttp2, AtItsStopItSaysGoAwayTwiceAndFinishesWhatIsUnderWay) {
  std::optional<Exchange> held;
  std::atomic<bool> there = false;
  TestServer server([&](Exchange exchange) {
    if (exchange.request().path != "/held") return exchange.respond(text_response(200, "late"));
    held = std::move(exchange);
    there = true;
  });
  Http2Peer peer(server.port());
  peer.headers(1, get_fields("/held"));
  while (!there) std::this_thread::yield();
  bool finished = false;
  std::thread stopping([&] { finished = server.server().stop(10s); });
  Frame frame;
  while ((frame = peer.read()).type != kGoAwayFrame) ASSERT_NE(frame.type, 0xff);
  EXPECT_EQ(frame.number(0), 0x7fffffffu);
  EXPECT_EQ(frame.number(4), NGHTTP2_NO_ERROR);
  while ((frame = peer.read()).type != kGoAwayFrame) ASSERT_NE(frame.type, 0xff);
  EXPECT_EQ(frame.number(0), 1u);
  server.loops().run(0, [&] {
    held->respond(text_response(200, "done"));
    held.reset();
  });
  EXPECT_EQ(peer.await(1).body, "done");
  EXPECT_EQ(peer.read().type, 0xff);
  peer.client().shutdown_send();
  stopping.join();
  EXPECT_TRUE(finished);
}

TEST(ServerHttp2, ARequestOnItsWayWhenTheDrainBeginsIsServed) {
  TestServer server(echo);
  Http2Peer peer(server.port());
  EXPECT_EQ(peer.get(1, get_fields("/a")).status, 200);
  server.server().begin_drain();
  // Its own answer is what brings the news; what comes with it, or before the client has read, counts still.
  peer.headers(3, get_fields("/b"));
  peer.headers(5, get_fields("/c"));
  EXPECT_EQ(peer.await(3).body, "/b|");
  EXPECT_EQ(peer.await(5).body, "/c|");
  EXPECT_EQ(peer.goaway(), NGHTTP2_NO_ERROR);
}

}  // namespace
}  // namespace writ::http::server_http2_test
