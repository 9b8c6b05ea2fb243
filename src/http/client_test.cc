#include "http/client.h"

#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "http/testing/loopback.h"

namespace writ::http::client_test {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedUpstream;
using testing::TestServer;
using namespace std::chrono_literals;

Origin origin_at(std::uint16_t port) {
  return *parse_origin("http://127.0.0.1:" + std::to_string(port));
}

class ClientTest : public ::testing::Test {
 protected:
  ~ClientTest() override {
    client_.reset();
    loops_.stop();
  }
  Client& client(ClientOptions options = {}) {
    if (!client_) client_ = std::make_unique<Client>(loops_, options);
    return *client_;
  }
  Result<Response> get(const Origin& origin, std::string target = "/a") {
    return client().fetch(origin, {.method = "GET", .target = std::move(target), .headers = {}});
  }
  // The answer to a GET of an upstream that writes these bytes and closes.
  Result<Response> answer(std::string bytes, std::string method = "GET") {
    ScriptedUpstream upstream([bytes](int socket, int) {
      ScriptedUpstream::read_head(socket);
      ScriptedUpstream::write(socket, bytes);
    });
    return client().fetch(origin_at(upstream.port()),
                          {.method = std::move(method), .target = "/", .headers = {}});
  }

  Loops loops_{1};
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, AStatusLineWithoutAReasonIsPassedOn) {
  for (const std::string line : {"HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200"}) {
    const auto got = answer(line + "\r\nContent-Length: 2\r\n\r\nhi");
    ASSERT_TRUE(got) << line << got.error().message;
    EXPECT_EQ(got->body, "hi");
  }
  EXPECT_FALSE(answer("HTTP/1.1 2000\r\nContent-Length: 2\r\n\r\nhi"));
}

TEST_F(ClientTest, AnAnswerThatOnlyTheConnectionEndsIsNotWholeWhereThatBreaks) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\nbody")->body, "body");
  ScriptedUpstream upstream([](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\n\r\nbody");
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  });
  EXPECT_FALSE(get(origin_at(upstream.port())));
}

TEST(Origin, IsParsedStrictly) {
  const auto origin = parse_origin("http://api.example:9001/base/v1/");
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->host, "api.example");
  EXPECT_EQ(origin->port, 9001);
  EXPECT_EQ(origin->path_prefix, "/base/v1");
  EXPECT_EQ(origin->authority, "api.example:9001");
  EXPECT_EQ(parse_origin("http://a:80")->authority, "a");
  EXPECT_EQ(parse_origin("http://[::1]:81")->host, "::1");
  EXPECT_EQ(parse_origin("http://[::1]:81")->authority, "[::1]:81");
  for (const std::string_view bad :
       {"", "a", "http://", "http:///a", "http://a:0", "http://a:99999", "http://u@a", "http://a/?b",
        "http://a/..", "http://a//", "http://a/%41", "ftp://a"}) {
    EXPECT_FALSE(parse_origin(bad)) << bad;
  }
}

TEST_F(ClientTest, FetchesAndReusesTheConnection) {
  TestServer server([](Exchange exchange) {
    Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
      const Request& request = whole.request();
      Response response =
          text_response(200, request.method + " " + request.target + " " + request.host + " " + request.body);
      response.headers.add("X-Seen", request.headers.find("x-sent").value_or("nothing"));
      whole.respond(std::move(response));
    });
  });
  const Origin origin = origin_at(server.port());
  for (int i = 0; i < 3; ++i) {
    const auto response = client().fetch(
        origin, {.method = "POST", .target = "/a?b", .headers = {{"X-Sent", "this"}, {"Host", "evil"}}},
        "hello");
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "POST /a?b " + origin.authority + " hello");
    EXPECT_EQ(response->headers.find("x-seen"), "this");
  }
  EXPECT_EQ(client().stats().connections_opened, 1u);
  EXPECT_EQ(client().stats().connections_reused, 2u);
  EXPECT_EQ(client().fetch(origin, {.method = "HEAD", .target = "/a", .headers = {}})->body, "");
  EXPECT_EQ(get(origin)->status, 200);
}

TEST_F(ClientTest, ReadsEveryFraming) {
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")->body, "ok");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")->body, "ok");
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\nok")->body, "ok");
  EXPECT_EQ(answer("HTTP/1.0 200 OK\r\n\r\nok")->body, "ok");
  EXPECT_EQ(answer("HTTP/1.1 204 No Content\r\n\r\n")->status, 204);
  EXPECT_EQ(answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")->status, 304);
  EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD")->status, 200);
  EXPECT_EQ(
      answer("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
          ->body,
      "ok");
}

TEST_F(ClientTest, RefusesMalformedAnswers) {
  for (const std::string_view bytes : {
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
           "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
           "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
           "HTTP/1.1 101 Switching Protocols\r\n\r\n",
           "HTTP/2 200\r\n\r\n",
           "SSH-2.0-OpenSSH\r\n\r\n",
       }) {
    const auto response = answer(std::string(bytes));
    ASSERT_FALSE(response) << bytes;
    EXPECT_THAT(response.error().message, ::testing::AnyOf(HasSubstr("malformed"), HasSubstr("switched")))
        << bytes;
  }
  EXPECT_FALSE(answer("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n"));
}

TEST_F(ClientTest, ATruncatedAnswerIsAnError) {
  for (const std::string_view bytes : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok"}) {
    EXPECT_FALSE(answer(std::string(bytes))) << bytes;
  }
}

TEST_F(ClientTest, AnAnswerLargerThanTheLimitIsAnError) {
  TestServer server([](Exchange exchange) { exchange.respond(text_response(200, std::string(1000, 'x'))); });
  const auto response =
      client().fetch(origin_at(server.port()), {.method = "GET", .target = "/", .headers = {}}, {}, 999);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kLimit);
}

TEST_F(ClientTest, NobodyListening) {
  const auto response = get(origin_at(testing::free_port()));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr("cannot connect to 127.0.0.1:"));
}

TEST_F(ClientTest, AnUpstreamThatDoesNotAnswerTimesOut) {
  client({.read_timeout = 100ms});
  std::promise<void> end;
  auto ended = end.get_future().share();
  ScriptedUpstream upstream([ended](int, int) { ended.wait(); });
  const auto response = get(origin_at(upstream.port()));
  end.set_value();
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("did not answer in time"));
}

TEST_F(ClientTest, AnUpstreamThatStopsMidwayTimesOut) {
  client({.read_timeout = 100ms});
  std::promise<void> end;
  auto ended = end.get_future().share();
  ScriptedUpstream upstream([ended](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok");
    ended.wait();
  });
  const auto response = get(origin_at(upstream.port()));
  end.set_value();
  EXPECT_FALSE(response);
}

// Answers one request per connection, keeps it alive in words, and closes it when the next request comes.
void answers_once(int socket, int) {
  ScriptedUpstream::read_head(socket);
  ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ScriptedUpstream::read_head(socket);
}

TEST_F(ClientTest, RetriesAnIdempotentRequestOnAStaleConnection) {
  ScriptedUpstream upstream(answers_once);
  const Origin origin = origin_at(upstream.port());
  EXPECT_EQ(get(origin)->body, "ok");
  EXPECT_EQ(get(origin)->body, "ok");
  EXPECT_EQ(client().stats().retries, 1u);
  EXPECT_EQ(client().stats().connections_opened, 2u);
  client_.reset();
}

TEST_F(ClientTest, DoesNotRetryWhatMayHaveHadAnEffect) {
  ScriptedUpstream upstream(answers_once);
  const Origin origin = origin_at(upstream.port());
  EXPECT_EQ(get(origin)->body, "ok");
  const auto response = client().fetch(origin, {.method = "POST", .target = "/", .headers = {}}, "pay");
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("before it answered"));
  EXPECT_EQ(client().stats().retries, 0u);
}

TEST_F(ClientTest, DoesNotRetryOnAFreshConnection) {
  std::atomic<int> connections = 0;
  ScriptedUpstream upstream([&](int socket, int) {
    ++connections;
    ScriptedUpstream::read_head(socket);
  });
  EXPECT_FALSE(get(origin_at(upstream.port())));
  EXPECT_EQ(connections, 1);
}

TEST_F(ClientTest, ForgetsIdleConnectionsThatTheUpstreamCloses) {
  std::atomic<int> served = 0;
  ScriptedUpstream upstream([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ++served;
  });
  const Origin origin = origin_at(upstream.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client().fetch(origin, {.method = "POST", .target = "/", .headers = {}}, "pay")->body, "ok");
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(client().stats().connections_reused, 0u);
}

TEST_F(ClientTest, UnaskedBytesEndTheConnection) {
  ScriptedUpstream upstream([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    // A second answer that belongs to nobody.
    ScriptedUpstream::write(
        socket,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    ScriptedUpstream::read_head(socket);
  });
  const Origin origin = origin_at(upstream.port());
  EXPECT_EQ(get(origin)->body, "ok");
  EXPECT_EQ(get(origin)->body, "ok");
  EXPECT_EQ(client().stats().connections_reused, 0u);
}

TEST_F(ClientTest, TheConnectionsOfAnOriginAreLimited) {
  client({.read_timeout = 1s, .max_connections_per_origin = 2});
  TestServer server([](Exchange exchange) {
    std::thread([held = std::move(exchange)]() mutable {
      std::this_thread::sleep_for(100ms);
      held.respond(text_response(200, "ok"));
    }).detach();
  });
  const Origin origin = origin_at(server.port());
  std::atomic<int> good = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto response = get(origin);
      if (response) ++good;
      if (!response && response.error().message.find("connections already") != std::string::npos) ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 2);
  EXPECT_EQ(refused, 2);
}

TEST_F(ClientTest, OneCallerWithManySlowCallsLeavesPlacesForOthers) {
  client({.max_connections_per_origin = 8});
  std::promise<void> end;
  ScriptedUpstream upstream([ended = end.get_future().share()](int, int) { ended.wait(); });
  const Origin origin = origin_at(upstream.port());
  std::vector<Call> calls;
  const auto open = [&](Shares::Party party) {
    bool refused = false;
    loops_.run(0, [&] {
      const auto before = client().stats().over_share;
      calls.push_back(client().open(origin, {.method = "GET", .target = "/", .headers = {}, .party = party}));
      refused = client().stats().over_share > before;
    });
    return !refused;
  };
  int greedy = 0;
  for (std::uint64_t subject = 1; subject <= 20; ++subject) greedy += open({7, subject}) ? 1 : 0;
  EXPECT_LE(greedy, 4);
  EXPECT_TRUE(open({8, 1}));
  EXPECT_TRUE(open({9, 1}));
  // What ends is given back, whoever ends it.
  loops_.run(0, [&] { calls.clear(); });
  EXPECT_TRUE(open({7, 1}));
  loops_.run(0, [&] { calls.clear(); });
  end.set_value();
}

TEST_F(ClientTest, ARequestThatCannotBeWrittenIsRefused) {
  const Origin origin = origin_at(testing::free_port());
  for (const std::string_view target : {"", "a", "/a b", "/a\r\nX: y"}) {
    EXPECT_FALSE(client().fetch(origin, {.method = "GET", .target = std::string(target), .headers = {}}))
        << target;
  }
  EXPECT_FALSE(client().fetch(origin, {.method = "GET /", .target = "/", .headers = {}}));
}

TEST_F(ClientTest, DestroyingTheClientFailsWhatIsUnderWay) {
  std::promise<void> end;
  auto ended = end.get_future().share();
  ScriptedUpstream upstream([ended](int, int) { ended.wait(); });
  auto pending = std::async(std::launch::async, [&, &client = client()] {
    return client.fetch(origin_at(upstream.port()), {.method = "GET", .target = "/", .headers = {}});
  });
  std::this_thread::sleep_for(50ms);
  client_.reset();
  EXPECT_FALSE(pending.get());
  end.set_value();
}

}  // namespace
}  // namespace writ::http::client_test
