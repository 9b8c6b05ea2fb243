// Bodies through the proxy, and all the ways in which a side can end them.
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>

#include "gateway/testing/gateway.h"

namespace writ::gateway::proxy_streams_test {
namespace {

using testing::chunk;
using testing::Gateway;
using ::testing::HasSubstr;
using testing::head;
using ::testing::IsEmpty;
using testing::long_text;
using testing::RawClient;
using testing::ScriptedUpstream;
using testing::Upstream;
using testing::word;
using testing::World;
using namespace std::chrono_literals;

constexpr std::size_t kLarge = 5 * 1024 * 1024 + 17;
constexpr std::string_view kChunked = "Transfer-Encoding: chunked\r\n";

class ProxyStreamsTest : public ::testing::Test {
 protected:
  std::string get() const { return head("GET /invoices/inv-1", token); }
  std::string post(std::string_view fields, std::string_view method = "POST") const {
    return head(std::string(method) + " /invoices/inv-1", token, fields);
  }
  // What comes of a GET when the upstream writes these bytes and closes.
  http::testing::RawResponse answer(std::string_view bytes) {
    ScriptedUpstream upstream([bytes](int socket, int) {
      ScriptedUpstream::read_head(socket);
      ScriptedUpstream::write(socket, bytes);
    });
    const Gateway gateway(world, upstream.port());
    return gateway.send(get());
  }

  World world;
  std::string token = world.token();
};

http::Response echo(const http::Request& request) {
  return http::text_response(200, request.body);
}

// Reads until the peer closes, or all this text has come.
std::string read_until(int socket, std::string_view end) {
  std::string text;
  char bytes[64 * 1024];
  while (!text.ends_with(end)) {
    const auto got = ::recv(socket, bytes, sizeof(bytes), 0);
    if (got <= 0) break;
    text.append(bytes, static_cast<std::size_t>(got));
  }
  return text;
}
std::string read_to_end(int socket) {
  return read_until(socket, "never sent");
}

// ---- whole bodies ----

TEST_F(ProxyStreamsTest, ABodyWithALengthArrivesWithItsLength) {
  const Upstream upstream(echo);
  const Gateway gateway(world, upstream.port());
  const auto body = long_text(kLarge);
  const auto answer = gateway.send(post("Content-Length: " + std::to_string(body.size()) + "\r\n") + body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == body);
  EXPECT_EQ(answer.headers.find("Content-Length"), std::to_string(body.size()));
  const auto seen = upstream.seen().at(0);
  EXPECT_TRUE(seen.body == body);
  EXPECT_EQ(seen.headers.find("Content-Length"), std::to_string(body.size()));
  EXPECT_FALSE(seen.headers.contains("Transfer-Encoding"));
}

TEST_F(ProxyStreamsTest, AChunkedBodyArrivesChunkedAndWhole) {
  const Upstream upstream(echo);
  const Gateway gateway(world, upstream.port());
  const auto body = long_text(kLarge);
  std::string sent = post(kChunked, "PUT");
  for (std::size_t at = 0, size = 1; at < body.size(); at += size, size = size % 70'000 * 3 + 1)
    sent += chunk(std::string_view(body).substr(at, size = std::min(size, body.size() - at)));
  const auto answer = gateway.send(sent + "0\r\n\r\n");
  EXPECT_TRUE(answer.body == body);
  const auto seen = upstream.seen().at(0);
  EXPECT_TRUE(seen.body == body);
  EXPECT_EQ(seen.headers.find("Transfer-Encoding"), "chunked");
  EXPECT_FALSE(seen.headers.contains("Content-Length"));
}

TEST_F(ProxyStreamsTest, EmptyBodiesArriveEmpty) {
  const Upstream upstream(echo);
  const Gateway gateway(world, upstream.port());
  for (const std::string& sent : {post("Content-Length: 0\r\n"), post(kChunked) + "0\r\n\r\n", post("")}) {
    const auto answer = gateway.send(sent);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "");
  }
  for (const auto& seen : upstream.seen()) EXPECT_EQ(seen.body, "");
}

// What comes after the decision must not look like what came before it.
TEST_F(ProxyStreamsTest, TrailersGoNoFurther) {
  const Upstream upstream(echo);
  const Gateway gateway(world, upstream.port());
  const auto answer =
      gateway.send(post(kChunked) + chunk("body") + "0\r\nWrit-Context: forged\r\nX-A: b\r\n\r\n");
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(upstream.seen().at(0).headers.count("Writ-Context"), 1u);
  EXPECT_FALSE(upstream.seen().at(0).headers.contains("X-A"));
}

TEST_F(ProxyStreamsTest, AnswersOfEveryFramingArriveWhole) {
  const auto body = long_text(kLarge);
  EXPECT_TRUE(
      answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body) + "0\r\n\r\n").body ==
      body);
  // Its end is the connection's end, and the caller gets that as chunks.
  const auto closed = answer("HTTP/1.1 200 OK\r\n\r\n" + body);
  EXPECT_TRUE(closed.body == body);
  EXPECT_EQ(closed.headers.find("Transfer-Encoding"), "chunked");
  const auto none = answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(none.body, "");
  EXPECT_EQ(none.headers.find("Content-Length"), "0");
}

TEST_F(ProxyStreamsTest, WhatIsOfTheUpstreamsConnectionGoesNoFurther) {
  const auto got = answer(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: "
      "timeout=5\r\n"
      "X-Request-Id: theirs\r\nX-End: 2\r\n\r\nok");
  EXPECT_FALSE(got.headers.contains("X-Hop"));
  EXPECT_FALSE(got.headers.contains("Keep-Alive"));
  EXPECT_FALSE(got.headers.contains("Connection"));
  EXPECT_EQ(got.headers.count("X-Request-Id"), 1u);
  EXPECT_NE(got.headers.find("X-Request-Id"), "theirs");
  EXPECT_EQ(got.headers.find("X-End"), "2");
}

// ---- answers without a body ----

TEST_F(ProxyStreamsTest, AnswersWithoutABodyLeaveTheConnectionInStep) {
  ScriptedUpstream upstream([](int socket, int) {
    for (;;) {
      const auto request = ScriptedUpstream::read_head(socket);
      if (request.empty()) return;
      const bool asks_head = request.starts_with("HEAD");
      ScriptedUpstream::write(socket,
                              asks_head ? "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
                              : request.find("/204") != std::string::npos ? "HTTP/1.1 204 No Content\r\n\r\n"
                              : request.find("/304") != std::string::npos
                                  ? "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 500\r\n\r\n"
                                  : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  {
    const Gateway gateway(world, upstream.port());
    RawClient client(gateway.port());
    for (int i = 0; i < 2; ++i) {
      client.send(head("HEAD /invoices/1", token));
      const auto of_head = client.read_response(true);
      EXPECT_EQ(of_head.status, 200);
      EXPECT_EQ(of_head.headers.find("Content-Length"), "500");
      client.send(head("GET /invoices/204", token));
      const auto no_content = client.read_response();
      EXPECT_EQ(no_content.status, 204);
      EXPECT_FALSE(no_content.headers.contains("Content-Length"));
      EXPECT_FALSE(no_content.headers.contains("Transfer-Encoding"));
      client.send(head("GET /invoices/304", token));
      const auto not_modified = client.read_response();
      EXPECT_EQ(not_modified.status, 304);
      EXPECT_EQ(not_modified.headers.find("ETag"), "\"a\"");
      client.send(get());
      EXPECT_EQ(client.read_response().body, "ok");
      // A refusal of HEAD has no body either.
      client.send(head("HEAD /invoices/sealed", token));
      EXPECT_EQ(client.read_response(true).status, 403);
    }
    EXPECT_EQ(gateway.client_stats().connections_opened, 1u);
    EXPECT_EQ(gateway.stats().upstream_failures, 0u);
  }
}

// ---- nothing is kept back ----

TEST_F(ProxyStreamsTest, ARequestsBodyIsPassedOnBeforeItsEnd) {
  std::promise<std::string> first;
  ScriptedUpstream upstream([&first](int socket, int) {
    ScriptedUpstream::read_head(socket);
    first.set_value(read_until(socket, "one\r\n"));
    read_until(socket, "0\r\n\r\n");
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(post(kChunked) + chunk("one"));
  EXPECT_EQ(first.get_future().get(), "3\r\none\r\n");
  client.send(chunk("two") + "0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "ok");
}

TEST_F(ProxyStreamsTest, AnAnswersBodyIsPassedOnBeforeItsEnd) {
  std::promise<void> read;
  ScriptedUpstream upstream([was_read = read.get_future().share()](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("one"));
    was_read.wait();
    ScriptedUpstream::write(socket, chunk("two") + "0\r\n\r\n");
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(get());
  std::string text;
  while (text.find("one") == std::string::npos) {
    const auto more = client.read_some(4096);
    ASSERT_FALSE(more.empty());
    text += more;
  }
  read.set_value();
  EXPECT_THAT(client.read_some(4096), HasSubstr("two"));
}

TEST_F(ProxyStreamsTest, BothBodiesMayRunAtOnce) {
  ScriptedUpstream upstream([](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const auto* end : {"one\r\n", "two\r\n", "0\r\n\r\n"}) {
      read_until(socket, end);
      ScriptedUpstream::write(socket, chunk("got " + std::string(end, 1)));
    }
    ScriptedUpstream::write(socket, "0\r\n\r\n");
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  std::string text;
  for (const auto& [sent, wanted] :
       {std::pair(post(kChunked) + chunk("one"), "got o"), {chunk("two"), "got t"}, {"0\r\n\r\n", "got 0"}}) {
    client.send(sent);
    while (text.find(wanted) == std::string::npos) {
      const auto more = client.read_some(4096);
      ASSERT_FALSE(more.empty()) << wanted;
      text += more;
    }
  }
  EXPECT_EQ(gateway.stats().broken_off, 0u);
}

// A slow upstream slows the caller: of a body that nobody reads, only buffers are filled.
TEST_F(ProxyStreamsTest, NothingPilesUpBeforeASlowUpstream) {
  std::promise<void> end;
  ScriptedUpstream upstream([ended = end.get_future().share()](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ended.wait();
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  constexpr std::size_t kFar = 256 << 20;
  client.send(post("Content-Length: " + std::to_string(kFar) + "\r\n"));
  std::atomic<std::size_t> sent = 0;
  std::thread sender([&] {
    const std::string piece(1 << 20, 'x');
    while (sent < kFar && client.send(piece)) sent += piece.size();
  });
  std::size_t before = 1;
  while (before != sent) {
    before = sent;
    std::this_thread::sleep_for(300ms);
  }
  EXPECT_LT(sent, kFar / 4);
  end.set_value();  // the upstream closes, and with it all
  sender.join();
}

// ---- 100 Continue ----

TEST_F(ProxyStreamsTest, ContinueIsSaidOnlyAfterThePermit) {
  const Upstream upstream(echo);
  const Gateway gateway(world, upstream.port());
  world.audit.held = true;
  RawClient client(gateway.port());
  client.send(post("Content-Length: 4\r\nExpect: 100-continue\r\n"));
  while (world.audit.waiting() == 0) std::this_thread::yield();
  auto first = std::async(std::launch::async, [&] { return client.read_response(); });
  EXPECT_EQ(first.wait_for(50ms), std::future_status::timeout) << "nothing is said before the record";
  world.audit.release();
  EXPECT_EQ(first.get().status, 100);
  client.send("body");
  EXPECT_EQ(client.read_response().body, "body");
  EXPECT_FALSE(upstream.seen().at(0).headers.contains("Expect"));
}

// The request came before the stop, and is decided on after it.
TEST_F(ProxyStreamsTest, AStopWhileABodyIsReadBeforeTheDecisionRefusesIt) {
  const Upstream upstream(echo);
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(
      testing::head("POST /invoices/inv-1/reads", world.token(),
                    "Content-Type: application/json\r\nContent-Length: 10\r\nExpect: 100-continue\r\n"));
  ASSERT_EQ(client.read_response().status, 100) << "its body is read";
  ASSERT_TRUE(world.directory.order("support-portal", inventory::Status::kSuspended));
  client.send(R"({"rows":1})");
  EXPECT_EQ(client.read_response().status, 403);
  EXPECT_TRUE(upstream.seen().empty());
}

TEST_F(ProxyStreamsTest, ARefusedCallerIsNotToldToContinue) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  const auto answer =
      gateway.send(head("POST /invoices/inv-1", "", "Content-Length: 1000000\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(answer.status, 401);
  // Whether the body comes now nobody can tell.
  EXPECT_EQ(answer.headers.find("Connection"), "close");
  EXPECT_THAT(upstream.seen(), IsEmpty());
}

// ---- upstreams that end early ----

TEST_F(ProxyStreamsTest, AnUpstreamMayAnswerBeforeTheBodysEnd) {
  std::promise<void> end;
  ScriptedUpstream upstream([ended = end.get_future().share()](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nlarge");
    ended.wait();
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(post(kChunked) + chunk("one"));
  const auto answer = client.read_response();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "large");
  // What is left of the body is read, and the next request answered.
  client.send(chunk("two") + "0\r\n\r\n" + head("GET /invoices/inv-1", ""));
  EXPECT_EQ(client.read_response().status, 401);
  EXPECT_EQ(gateway.stats().upstream_failures, 0u);
  end.set_value();
}

// The pieces of the body and the end of the answer meet in every order.
TEST_F(ProxyStreamsTest, EarlyAnswersAndBodiesMayMeetInAnyOrder) {
  http::testing::TestServer upstream(
      [](http::Exchange exchange) { exchange.respond(http::text_response(413, "large")); });
  const Gateway gateway(world, upstream.port());
  const auto body = chunk(long_text(1000));
  for (int i = 0; i < 100; ++i) {
    RawClient client(gateway.port());
    client.send(post(kChunked));
    std::thread sender([&] {
      for (int piece = 0; piece < 50 && client.send(body); ++piece) std::this_thread::yield();
    });
    EXPECT_EQ(client.read_response().status, 413);
    sender.join();
  }
}

TEST_F(ProxyStreamsTest, AnAnswerBrokenInTheMiddleClosesTheCallersConnection) {
  ScriptedUpstream upstream([](int socket, int connection) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(
        socket, connection == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
                                : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
  });
  const Gateway gateway(world, upstream.port());
  for (int i = 0; i < 2; ++i) {
    RawClient client(gateway.port());
    client.send(get());
    const auto all = client.read_all();
    EXPECT_THAT(all, HasSubstr("half"));
    EXPECT_THAT(all, Not(::testing::EndsWith("0\r\n\r\n"))) << "it must not look whole";
  }
  EXPECT_EQ(gateway.stats().broken_off, 2u);
}

TEST_F(ProxyStreamsTest, AnAnswerMalformedInTheMiddleClosesTheCallersConnection) {
  ScriptedUpstream upstream([](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket,
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n");
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(get());
  EXPECT_THAT(client.read_all(), Not(::testing::EndsWith("0\r\n\r\n")));
}

TEST_F(ProxyStreamsTest, AnUpstreamThatStopsInTheMiddleOfAnAnswerTimesOut) {
  std::promise<void> end;
  ScriptedUpstream upstream([ended = end.get_future().share()](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    ended.wait();
  });
  const Gateway gateway(world, upstream.port(), {.client = {.read_timeout = 100ms}});
  RawClient client(gateway.port());
  client.send(get());
  EXPECT_THAT(client.read_all(), ::testing::EndsWith("half"));
  end.set_value();
}

// ---- callers that end early ----

TEST_F(ProxyStreamsTest, ACallerWhoGoesAwayEndsTheRequestUnfinished) {
  std::promise<std::string> got;
  std::promise<void> begun;
  ScriptedUpstream upstream([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    const auto first = read_until(socket, "one\r\n");
    begun.set_value();
    got.set_value(first + read_to_end(socket));
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(post(kChunked) + chunk("one"));
  begun.get_future().wait();
  client.reset();
  EXPECT_EQ(got.get_future().get(), "3\r\none\r\n")
      << "no last chunk: the upstream must not take it for whole";
}

TEST_F(ProxyStreamsTest, ABodyThatEndsTooSoonIsNeverMadeWhole) {
  std::promise<std::string> got;
  ScriptedUpstream upstream([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    got.set_value(read_to_end(socket));
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(post("Content-Length: 10\r\n") + "half");
  client.shutdown_send();
  EXPECT_EQ(got.get_future().get(), "half");
}

TEST_F(ProxyStreamsTest, ACallerWhoGoesAwayEndsTheAnswer) {
  std::promise<void> ended;
  ScriptedUpstream upstream([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const auto piece = chunk(std::string(100'000, 'x'));
    while (ScriptedUpstream::write(socket, piece)) {
    }
    ended.set_value();
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(get());
  EXPECT_FALSE(client.read_some(1000).empty());
  client.reset();
  EXPECT_EQ(ended.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(ProxyStreamsTest, ACallerWhoGoesAwayBeforeTheRecordIsWrittenHurtsNobody) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  world.audit.held = true;
  {
    RawClient client(gateway.port());
    client.send(post("Content-Length: 4\r\n") + "bo");
    RawClient refused(gateway.port());
    refused.send(head("GET /invoices/inv-1", ""));
    while (world.audit.waiting() < 2) std::this_thread::yield();
  }
  world.audit.release();
  EXPECT_EQ(gateway.send(get()).status, 200);
  EXPECT_EQ(upstream.seen().size(), 1u) << "of a body that never came whole, nothing";
}

// The server answers for the proxy, and that answer must come through.
TEST_F(ProxyStreamsTest, AMalformedBodyIs400AndNeverMadeWhole) {
  std::promise<std::string> got;
  ScriptedUpstream upstream([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    got.set_value(read_to_end(socket));
  });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(post(kChunked) + chunk("one") + "zz\r\n" + std::string(100'000, 'x'));
  EXPECT_EQ(word(client.read_response()), "400 malformed_request");
  // Closing at once would reset the connection, and the reset could overtake the answer.
  for (int i = 0; i < 5; ++i, std::this_thread::sleep_for(5ms)) EXPECT_TRUE(client.send("more")) << i;
  EXPECT_EQ(got.get_future().get(), "3\r\none\r\n");
}

TEST_F(ProxyStreamsTest, ABodyThatDoesNotComeIs408) {
  std::promise<std::string> got;
  ScriptedUpstream upstream([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    got.set_value(read_to_end(socket));
  });
  const Gateway gateway(world, upstream.port(), {.server = {.body_timeout = 100ms}});
  RawClient client(gateway.port());
  client.send(post("Content-Length: 10\r\n") + "half");
  EXPECT_EQ(word(client.read_response()), "408 request_timeout");
  EXPECT_EQ(got.get_future().get(), "half");
}

TEST_F(ProxyStreamsTest, ABodyThatIsTooLargeIs413) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), {.server = {.max_stream_bytes = 1000}});
  EXPECT_EQ(word(gateway.send(post("Content-Length: 1001\r\n") + std::string(1001, 'x'))),
            "413 body_too_large");
  EXPECT_EQ(word(gateway.send(post(kChunked) + chunk(std::string(1001, 'x')) + "0\r\n\r\n")),
            "413 body_too_large");
  EXPECT_EQ(gateway.send(post("Content-Length: 1000\r\n") + std::string(1000, 'x')).status, 200);
  EXPECT_EQ(upstream.seen().size(), 1u);
}

TEST_F(ProxyStreamsTest, AnUpstreamThatCannotBeReachedAnswersAlsoWhileABodyComes) {
  const Gateway gateway(world, http::testing::free_port());
  RawClient client(gateway.port());
  client.send(post(kChunked) + chunk("one"));
  EXPECT_EQ(word(client.read_response()), "502 upstream_unreachable");
  client.send(chunk("two") + "0\r\n\r\n" + head("GET /invoices/inv-1", ""));
  EXPECT_EQ(client.read_response().status, 401) << "the connection is in step";
}

}  // namespace
}  // namespace writ::gateway::proxy_streams_test
