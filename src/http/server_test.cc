#include "http/server.h"

#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/testing/loopback.h"

namespace writ::http::server_test {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using testing::exchange_raw;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using testing::TestServer;
using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

// Answers with the path, and the body where there is one.
void echo(Exchange exchange) {
  Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
    std::string body = whole.request().path + "|" + whole.request().body;
    whole.respond(text_response(200, std::move(body)));
  });
}

TEST(Server, AnswersAndKeepsTheConnection) {
  TestServer server(echo);
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    const auto response = client.read_response();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "/a|");
    EXPECT_TRUE(response.headers.contains("date"));
    EXPECT_FALSE(response.headers.contains("connection"));
  }
  client.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(client.read_response().body, "/b|hello");
  client.send(
      "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "/c|hello");
  EXPECT_EQ(server.stats().connections_accepted, 1u);
  EXPECT_EQ(server.stats().requests, 5u);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server(echo);
  RawClient client(server.port());
  std::string many;
  for (int i = 0; i < 200; ++i)
    many += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
  client.send(many);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client.read_response().body, "/" + std::to_string(i) + "|hi");
}

TEST(Server, ReadsARequestThatComesByteByByte) {
  TestServer server(echo);
  RawClient client(server.port());
  for (const char c : std::string_view(
           "\r\nPOST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
    client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.read_response().body, "/a|hello");
}

TEST(Server, ClosesWhenTheClientAsksForIt) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.find("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(Server, AnswersHeadWithoutABody) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto response = client.read_response(true);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.find("content-length"), "5");
  client.send(kGet);
  EXPECT_EQ(client.read_response().body, "/a|");
}

TEST(Server, RefusesMalformedRequestsWithJsonAndCloses) {
  ServerOptions options;
  options.max_head_bytes = 2048;
  options.max_headers = 10;
  options.max_target_bytes = 100;
  options.max_body_bytes = 10;
  TestServer server(echo, options);
  const std::pair<std::string, int> cases[] = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world", 413},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n", 413},
      {"GET /" + std::string(200, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4000, 'a') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100'000, 'a'), 431},
      {"GET / HTTP/1.1\r\nHost: a\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n", 431},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\n\n", 505},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417},
      {"\x16\x03\x01\x02\x03", 400},
  };
  for (const auto& [request, status] : cases) {
    RawClient client(server.port());
    // What follows on the connection must not be taken for a request.
    client.send(request + std::string(kGet));
    const auto response = client.read_response();
    EXPECT_EQ(response.status, status) << request.substr(0, 200);
    EXPECT_EQ(response.headers.find("content-type"), "application/json");
    EXPECT_EQ(response.headers.find("connection"), "close");
    EXPECT_THAT(response.body, AllOf(HasSubstr("{\"error\":\""), HasSubstr("\"message\":\"")));
    client.shutdown_send();
    EXPECT_EQ(client.read_all(), "") << request.substr(0, 200);
  }
  EXPECT_EQ(server.stats().requests_malformed, std::size(cases));
}

TEST(Server, TakesTheAbsoluteFormOfItsOwnHost) {
  TestServer server(echo);
  EXPECT_EQ(exchange_raw(server.port(), "GET http://A/x HTTP/1.1\r\nHost: a\r\n\r\n").body, "/x|");
}

ServerOptions impatient() {
  ServerOptions options;
  options.idle_timeout = 150ms;
  options.header_timeout = 100ms;
  options.body_timeout = 100ms;
  options.write_timeout = 200ms;
  return options;
}

TEST(Server, AnIdleConnectionOutlastsALoadBalancersMinute) {
  EXPECT_GT(ServerOptions().idle_timeout, 60s);
}

TEST(Server, AnIdleConnectionIsClosedWithoutAWord) {
  TestServer server(echo, impatient());
  RawClient client(server.port());
  EXPECT_EQ(client.read_all(), "");
  RawClient used(server.port());
  used.send(kGet);
  EXPECT_EQ(used.read_response().status, 200);
  EXPECT_TRUE(used.closed());
}

TEST(Server, ASlowHeadTimesOut) {
  TestServer server(echo, impatient());
  RawClient client(server.port());
  const auto begin = std::chrono::steady_clock::now();
  // A byte now and then does not extend the time.
  for (const char c : std::string_view("GET / HTTP/1.1\r\nX: ")) {
    if (!client.send(std::string_view(&c, 1)) || std::chrono::steady_clock::now() - begin > 200ms) break;
    std::this_thread::sleep_for(20ms);
  }
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(Server, ASlowBodyTimesOut) {
  TestServer server(echo, impatient());
  EXPECT_EQ(exchange_raw(server.port(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe").status,
            408);
}

TEST(Server, ASlowStreamedBodyTimesOut) {
  std::promise<bool> failed;
  TestServer server(
      [&](Exchange exchange) {
        auto held = std::make_shared<Exchange>(std::move(exchange));
        held->read_body([held, &failed](Result<std::string_view>) {
          held->read_body(
              [held, &failed](Result<std::string_view> piece) { failed.set_value(!piece.has_value()); });
        });
      },
      impatient());
  EXPECT_EQ(exchange_raw(server.port(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe").status,
            408);
  EXPECT_TRUE(failed.get_future().get());
}

TEST(Server, AClientThatDoesNotReadIsClosed) {
  TestServer server(
      [](Exchange exchange) { exchange.respond(text_response(200, std::string(64 << 20, 'x'))); },
      impatient());
  RawClient client(server.port());
  client.send(kGet);
  std::this_thread::sleep_for(600ms);
  EXPECT_LT(client.read_all().size(), std::size_t{64} << 20);
  EXPECT_EQ(server.stats().connections_open, 0u);
}

TEST(Server, SendsContinueWhenTheBodyIsWanted) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100);
  client.send("hello");
  EXPECT_EQ(client.read_response().body, "/a|hello");
  // A client that does not wait gets no interim answer.
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
  EXPECT_EQ(client.read_response().body, "/a|hello");
}

TEST(Server, DoesNotSendContinueForABodyItRefuses) {
  TestServer server([](Exchange exchange) { exchange.respond(text_response(403, "no")); });
  RawClient client(server.port());
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.headers.find("connection"), "close");
  EXPECT_TRUE(client.closed());
  ServerOptions small;
  small.max_body_bytes = 4;
  TestServer limited(echo, small);
  EXPECT_EQ(exchange_raw(limited.port(),
                         "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
                .status,
            413);
}

TEST(Server, ReadsPastABodyThatNobodyWanted) {
  TestServer server([](Exchange exchange) { exchange.respond(text_response(403, exchange.request().path)); });
  RawClient client(server.port());
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(client.read_response().body, "/a");
  client.send("POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "/b");
  client.send("5\r\nhello\r\n0\r\n\r\n");
  client.send("GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "/c");
  // Up to a limit.
  client.send("POST /d HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "/d");
  client.send(std::string(1 << 20, 'x'));
  EXPECT_TRUE(client.closed());
}

TEST(Server, AnUnansweredExchangeAnswers500) {
  TestServer server([](Exchange) {});
  EXPECT_EQ(exchange_raw(server.port(), kGet).status, 500);
  TestServer throwing([](Exchange) { throw std::runtime_error("defect"); });
  EXPECT_EQ(exchange_raw(throwing.port(), kGet).status, 500);
}

TEST(Server, AHandlerCannotSplitTheResponse) {
  TestServer server([](Exchange exchange) {
    Response response = text_response(200, "ok");
    response.headers.add("X-Evil", "a\r\nSet-Cookie: b");
    response.headers.add("X Bad", "a");
    response.headers.add("Content-Length", "99");
    response.headers.add("X-Good", "a");
    exchange.respond(std::move(response));
  });
  const auto response = exchange_raw(server.port(), kGet);
  EXPECT_EQ(response.body, "ok");
  EXPECT_THAT(response.head, AllOf(Not(HasSubstr("Evil")), Not(HasSubstr("Cookie")), Not(HasSubstr("Bad")),
                                   Not(HasSubstr("99")), HasSubstr("X-Good: a")));
}

// Streams the request's body back, piece by piece.
struct Mirror : std::enable_shared_from_this<Mirror> {
  explicit Mirror(Exchange given) : exchange(std::move(given)) {}
  void run() {
    exchange.start({.status = 200, .headers = {}, .content_length = exchange.content_length()});
    step();
  }
  void step() {
    exchange.read_body([self = shared_from_this()](Result<std::string_view> piece) {
      if (!piece) return self->exchange.abort();
      if (piece->empty()) return self->exchange.finish();
      self->exchange.write(*piece, [self](Result<void> written) {
        if (written) self->step();
      });
    });
  }
  Exchange exchange;
};

TEST(Server, StreamsBodiesBothWays) {
  TestServer server([](Exchange exchange) { std::make_shared<Mirror>(std::move(exchange))->run(); });
  const std::string body(3 << 20, 'x');
  for (const bool chunked : {false, true}) {
    RawClient client(server.port());
    std::thread sender([&] {
      client.send(chunked ? "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n300000\r\n"
                          : "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3145728\r\n\r\n");
      client.send(body);
      if (chunked) client.send("\r\n0\r\n\r\n");
    });
    const auto response = client.read_response();
    sender.join();
    EXPECT_EQ(response.headers.has_token("transfer-encoding", "chunked"), chunked);
    EXPECT_TRUE(response.body == body) << response.body.size();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_EQ(client.read_response().body, "hi");
  }
}

TEST(Server, AStreamThatEndsEarlyIsSeenAsBroken) {
  TestServer server([](Exchange exchange) {
    auto held = std::make_shared<Exchange>(std::move(exchange));
    const auto length = held->request().path == "/length" ? std::optional<std::uint64_t>(10) : std::nullopt;
    held->start({.status = 200, .headers = {}, .content_length = length});
    // Dropped without finish().
    held->write("part", [held](const Result<void>&) {});
  });
  RawClient chunked(server.port());
  chunked.send(kGet);
  EXPECT_THAT(chunked.read_all(), EndsWith("\r\n\r\n4\r\npart\r\n"));
  RawClient length(server.port());
  length.send("GET /length HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(length.read_all(), EndsWith("\r\n\r\npart"));
}

TEST(Server, AClientThatLeavesMidwayHarmsNobody) {
  std::atomic<int> failures = 0;
  TestServer server([&](Exchange exchange) {
    auto held = std::make_shared<Exchange>(std::move(exchange));
    held->read_body([held, &failures](Result<std::string_view>) {
      held->read_body([held, &failures](Result<std::string_view> piece) { failures += piece ? 0 : 1; });
    });
  });
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
    if (i % 2 == 0) client.reset();
  }
  // A reset can overtake the request itself; each one that was seen fails in its body.
  const auto settled = [&] {
    const ServerStats stats = server.server().stats();
    return stats.connections_accepted == 20 && stats.connections_open == 0 &&
           static_cast<std::uint64_t>(failures) == stats.requests;
  };
  for (int i = 0; i < 500 && !settled(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(failures, 10);
  EXPECT_EQ(static_cast<std::uint64_t>(failures), server.stats().requests);
}

TEST(Server, RefusesConnectionsOverTheLimit) {
  ServerOptions options;
  options.max_connections = 2;
  TestServer server(echo, options);
  RawClient one(server.port());
  one.send(kGet);
  EXPECT_EQ(one.read_response().status, 200);
  {
    RawClient two(server.port());
    two.send(kGet);
    EXPECT_EQ(two.read_response().status, 200);
    RawClient three(server.port());
    const auto response = three.read_response();
    EXPECT_EQ(response.status, 503);
    EXPECT_THAT(response.body, EndsWith("}\n"));
  }
  for (int i = 0; i < 500 && server.server().stats().connections_open > 1; ++i)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(exchange_raw(server.port(), kGet).status, 200);
  EXPECT_EQ(server.stats().connections_refused, 1u);
}

TEST(Server, RespondsFromAnotherThread) {
  std::vector<std::thread> threads;
  {
    TestServer server(
        [&](Exchange exchange) {
          threads.emplace_back([held = std::move(exchange)]() mutable {
            held.respond(text_response(200, held.request().path));
          });
        },
        {}, 1);
    RawClient client(server.port());
    for (int i = 0; i < 10; ++i) {
      client.send(kGet);
      EXPECT_EQ(client.read_response().body, "/a");
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(Server, ServesManyConnectionsOnSeveralLoops) {
  TestServer server(echo, {}, 3);
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      RawClient client(server.port());
      for (int k = 0; k < 200; ++k) {
        client.send(kGet);
        good += client.read_response().status == 200 ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : clients) thread.join();
  EXPECT_EQ(good, 1600);
}

TEST(ServerStart, ATakenPortIsAClearError) {
  TestServer first(echo);
  ServerOptions options;
  options.port = first.port();
  const auto second = Server::start(first.loops(), options, std::make_shared<testing::LambdaHandler>(echo));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(second.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(first.port()) +
                ": address already in use; stop the other process or change `listen`");
}

TEST(ServerStart, AnAddressThatIsNoneIsAClearError) {
  Loops loops(1);
  ServerOptions options;
  options.address = "localhost!";
  const auto server = Server::start(loops, options, std::make_shared<testing::LambdaHandler>(echo));
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kInvalid);
  options.address = "192.0.2.1";
  EXPECT_THAT(Server::start(loops, options, std::make_shared<testing::LambdaHandler>(echo)).error().message,
              HasSubstr("cannot listen on 192.0.2.1:8180: "));
}

TEST(ServerStop, LetsRequestsInFlightFinish) {
  std::promise<void> entered;
  TestServer server([&](Exchange exchange) {
    entered.set_value();
    std::thread([held = std::move(exchange)]() mutable {
      std::this_thread::sleep_for(200ms);
      held.respond(text_response(200, "done"));
    }).detach();
  });
  RawClient idle(server.port());
  RawClient busy(server.port());
  busy.send(kGet);
  entered.get_future().get();
  bool finished = false;
  std::thread stopper([&] { finished = server.server().stop(10s); });
  EXPECT_TRUE(idle.closed());
  const auto response = busy.read_response();
  EXPECT_EQ(response.body, "done");
  EXPECT_EQ(response.headers.find("connection"), "close");
  busy.shutdown_send();
  stopper.join();
  EXPECT_TRUE(finished);
}

TEST(ServerStop, ClosesWhatDoesNotFinishInTime) {
  std::promise<void> entered;
  std::shared_ptr<Exchange> kept;
  {
    TestServer server([&](Exchange exchange) {
      kept = std::make_shared<Exchange>(std::move(exchange));
      entered.set_value();
    });
    RawClient client(server.port());
    client.send(kGet);
    entered.get_future().get();
    EXPECT_FALSE(server.server().stop(50ms));
    EXPECT_TRUE(client.closed());
    kept->respond(text_response(200, "too late"));
    kept.reset();
  }
}

TEST(Server, WhoHasToWaitIsToldHowLong) {
  TestServer server([](Exchange exchange) {
    const auto& path = exchange.request().path;
    if (path == "/said") {
      auto response = text_response(429, "later");
      response.headers.set("Retry-After", "60");
      return exchange.respond(std::move(response));
    }
    if (path == "/passed-on") {
      exchange.start({.status = 503, .headers = {}, .content_length = 0});
      return exchange.finish();
    }
    exchange.respond({.status = path == "/429"   ? 429
                                : path == "/503" ? 503
                                                 : 404,
                      .headers = {},
                      .body = {}});
  });
  const auto when = [&](const std::string& path) {
    const auto answer = exchange_raw(server.port(), "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    return std::string(answer.headers.find("retry-after").value_or("none"));
  };
  EXPECT_EQ(when("/429"), "1");
  EXPECT_EQ(when("/503"), "1");
  EXPECT_EQ(when("/said"), "60");
  EXPECT_EQ(when("/404"), "none");
  EXPECT_EQ(when("/passed-on"), "none") << "an upstream's word is its own";
}

}  // namespace
}  // namespace writ::http::server_test
