// Calls over HTTP/2, to the house's own server and to upstreams that follow a script of frames.
#include "http/testing/client_http2.h"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::http::client_http2_test {
namespace {

using ::testing::HasSubstr;
using namespace testing;
using namespace std::chrono_literals;

class ClientHttp2 : public ClientHttp2Test {};

void echo(Exchange exchange) {
  Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
    const auto& request = whole.request();
    const auto& trailers = whole.trailers();
    whole.respond(text_response(
        200,
        fmt::format("{} {} {} {} {} {}{}", whole.carries_trailers() ? "h2" : "h1", request.method,
                    request.target, request.headers.find("X-Sent").value_or("-"),
                    request.headers.find("Host").value_or("-"), request.body,
                    trailers.empty() ? "" : fmt::format(" {}={}", trailers[0].name, trailers[0].value))));
  });
}

// ---- with a server that is good ----

TEST_F(ClientHttp2, APlainUpstreamThatSaysSoGetsHttp2WithPriorKnowledge) {
  TestServer server(echo);
  EXPECT_EQ(send(at({server.port()})), fmt::format("200 h2 GET /base/a?b this 127.0.0.1:{} ", server.port()));
  EXPECT_EQ(send(at({server.port()}, false)),
            fmt::format("200 h1 GET /base/a?b this 127.0.0.1:{} ", server.port()));
}

TEST_F(ClientHttp2, BodiesGoInPiecesAndTrailersBehindThem) {
  TestServer server(echo);
  const auto upstream = at({server.port()});
  const std::string big(300'000, 'x');
  EXPECT_THAT(send(upstream, "POST", {"one", "two", big}), HasSubstr("onetwo" + big));
  auto request = request_of("POST", 1);
  request.content_length = 3;
  EXPECT_THAT(begin(upstream, std::move(request), {"one"}, {{"X-Sum", "7"}}).get(),
              HasSubstr(" one x-sum=7"));
}

TEST_F(ClientHttp2, ManyCallsAtATimeGoOverOneConnection) {
  TestServer server(echo);
  const auto upstream = at({server.port()});
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < 90; ++i) all.push_back(begin(upstream, request_of("POST", 1), {std::to_string(i)}));
  for (int i = 0; i < 90; ++i)
    EXPECT_THAT(all[static_cast<std::size_t>(i)].get(), ::testing::EndsWith(fmt::format(" {}", i)));
  EXPECT_EQ(client().stats().connections_opened, 1u);
}

TEST_F(ClientHttp2, WhereAnUpstreamTakesFewAtATimeThereIsAnotherConnection) {
  ServerOptions options;
  options.max_streams = 2;
  std::atomic<int> arrived = 0;
  std::vector<Exchange> held;
  TestServer server(
      [&](Exchange exchange) {
        held.push_back(std::move(exchange));
        if (held.size() == 5) {
          for (auto& each : held) each.respond(text_response(200, "ok"));
          held.clear();
        }
        ++arrived;
      },
      options);
  const auto upstream = at({server.port()});
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(begin(upstream, request_of("GET", 0)));
    while (arrived <= i) std::this_thread::yield();
    // Its SETTINGS came before that, so they are read by now.
    for (int turn = 0; turn < 3; ++turn) loops_.run(0, [] {});
  }
  for (auto& each : all) EXPECT_EQ(each.get(), "200 ok");
}

// The heads together are larger than what any socket takes of them: when the limit comes, most are not out.
TEST_F(ClientHttp2, WhatWaitsForALimitThatCameLaterGoesOverOtherConnections) {
  constexpr std::size_t kCalls = 80, kAtATime = 20;
  std::promise<void> may_read;
  Http2Upstream peer(
      [read = may_read.get_future().share()](Http2Upstream::Connection& to) {
        if (to.number() == 0) read.wait();
        while (const auto id = to.request().id) to.headers(id, kOk, true);
      },
      std::string("\0\3", 2) + bytes_of(kAtATime));  // SETTINGS_MAX_CONCURRENT_STREAMS
  const auto upstream = at({peer.port()});
  std::vector<std::future<std::string>> all;
  for (std::size_t i = 0; i < kCalls; ++i) {
    auto request = request_of("POST", 0);
    request.headers.add("X-Long", std::string(250'000, 'x'));
    all.push_back(begin(upstream, std::move(request)));
  }
  // Behind the others on a connection of which nothing is read, this one would wait until it is too late.
  EXPECT_EQ(all.back().get(), "200 ");
  may_read.set_value();
  all.pop_back();
  for (auto& each : all) EXPECT_EQ(each.get(), "200 ");
  // The new ones are taken for what the first one turned out to be: no call is moved on twice.
  EXPECT_LE(client().stats().connections_opened, kCalls / kAtATime);
  EXPECT_LE(client().stats().retries, kCalls - kAtATime);
}

TEST_F(ClientHttp2, OverTlsTheUpstreamChooses) {
  const TestAuthority authority;
  for (const bool http2 : {true, false}) {
    ServerOptions options;
    options.tls = tls_server({authority.issue({"127.0.0.1"})});
    options.http2 = http2;
    TestServer server(echo, options);
    const auto tls = TlsClient::make({.ca = authority.certificate(), .identity = {}, .server_name = {}});
    const auto url = fmt::format("https://127.0.0.1:{}", server.port());
    const auto upstream = Upstream::make("invoices", {url}, {}, *tls).value();
    const auto before = client().stats().connections_opened;
    for (int i = 0; i < 3; ++i) {
      EXPECT_THAT(send(upstream, "POST", {"one", "two"}), HasSubstr(http2 ? "h2 POST" : "h1 POST"));
      EXPECT_THAT(send(upstream), HasSubstr(http2 ? "h2 GET" : "h1 GET"));
    }
    EXPECT_EQ(client().stats().connections_opened - before, 1u);
    UpstreamOptions never;
    never.http2 = false;
    EXPECT_THAT(send(Upstream::make("invoices", {url}, never, *tls).value()), HasSubstr("h1 GET"));
  }
}

TEST_F(ClientHttp2, CallsThatFindTheirConnectionsAtOnceShareOne) {
  const TestAuthority authority;
  ServerOptions options;
  options.tls = tls_server({authority.issue({"127.0.0.1"})});
  TestServer server(echo, options);
  const auto tls = TlsClient::make({.ca = authority.certificate(), .identity = {}, .server_name = {}});
  const auto upstream =
      Upstream::make("invoices", {fmt::format("https://127.0.0.1:{}", server.port())}, {}, *tls).value();
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < 20; ++i) all.push_back(begin(upstream, request_of("POST", 2), {"a", "b"}));
  for (auto& each : all) EXPECT_THAT(each.get(), ::testing::EndsWith(" ab"));
  const auto before = client().stats().connections_opened;
  EXPECT_THAT(send(upstream), HasSubstr("h2 GET"));
  EXPECT_EQ(client().stats().connections_opened, before);
}

// ---- an answer as it should be, and as it should not ----

TEST_F(ClientHttp2, TheHeadGoesBeforeTheBodyAndAnAnswerMayComeBeforeEither) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.headers(id, kOk);
    to.data(id, "early", false);
    EXPECT_EQ(to.body(id), "late");
    to.headers(id, {{"grpc-status", "0"}}, true);
    to.wait_for_end();
  });
  EXPECT_EQ(send(at({peer.port()}), "POST", {"la", "te"}), "200 early grpc-status=0");
}

TEST_F(ClientHttp2, InterimAnswersAreSkipped) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.headers(id, {{":status", "100"}});
    to.headers(id, {{":status", "103"}, {"link", "a"}});
    to.headers(id, kOk, true);
    to.wait_for_end();
  });
  EXPECT_EQ(send(at({peer.port()})), "200 ");
}

TEST_F(ClientHttp2, InterimAnswersWithoutEndAreNoAnswer) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    for (int i = 0; i < 100; ++i) to.headers(id, {{":status", "103"}});
    to.wait_for_end();
  });
  EXPECT_THAT(send(at({peer.port()})),
              HasSubstr("malformed: the upstream's answer is malformed: there are too"));
}

TEST_F(ClientHttp2, AnAnswerThatIsWholeBeforeTheRequestIsGood) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.headers(id, {{":status", "413"}});
    to.data(id, "too much", true);
    // It ends with its stream, or with the whole connection.
    const auto code = to.reset_of(id);
    EXPECT_TRUE(!code || *code == kCancelCode);
  });
  EXPECT_EQ(begin(at({peer.port()}), request_of("POST", 1), {"x"}, {}, false).get(), "413 too much");
}

TEST_F(ClientHttp2, AnswersWithoutABodyHaveNone) {
  EXPECT_EQ(answered({{":status", "204"}}), "204 ");
  EXPECT_EQ(answered({{":status", "304"}, {"content-length", "7"}}), "304 ");
  EXPECT_EQ(answered({{":status", "200"}, {"content-length", "7"}}, {}, "HEAD"), "200 ");
  EXPECT_THAT(answered(kOk, "x", "HEAD"), HasSubstr("malformed"));
  EXPECT_THAT(answered({{":status", "204"}}, "x"), HasSubstr("malformed"));
}

TEST_F(ClientHttp2, WhatIsNotAnAnswerIsMalformed) {
  const std::vector<Fields> all{
      {{"x", "no status"}},
      {{"x", "1"}, {":status", "200"}},
      {{":status", "200"}, {":status", "200"}},
      {{":status", "2000"}},
      {{":status", "20a"}},
      {{":status", "600"}},
      {{":status", "101"}},
      {{":status", "200"}, {":path", "/"}},
      {{":status", "200"}, {"X-Capital", "1"}},
      {{":status", "200"}, {"connection", "close"}},
      {{":status", "200"}, {"transfer-encoding", "chunked"}},
      {{":status", "200"}, {"keep-alive", "1"}},
      {{":status", "200"}, {"proxy-connection", "1"}},
      {{":status", "200"}, {"upgrade", "h2c"}},
      {{":status", "200"}, {"te", "trailers"}},
      {{":status", "200"}, {"a b", "1"}},
      {{":status", "200"}, {"a", "1\r\nb: 2"}},
      {{":status", "200"}, {"a", std::string("1\0", 2)}},
      {{":status", "200"}, {"a", " 1"}},
      {{":status", "200"}, {"content-length", "1"}, {"content-length", "1"}},
      {{":status", "200"}, {"content-length", "+1"}},
      {{":status", "200"}, {"content-length", "1, 1"}},
  };
  for (const auto& fields : all)
    EXPECT_THAT(answered(fields, "x"), HasSubstr("malformed: the upstream's answer is malformed"))
        << fields.back().first << ": " << fields.back().second;
}

TEST_F(ClientHttp2, ABodyIsAsLongAsItsHeadSays) {
  const auto of_length = [](const char* length) {
    return Fields{{":status", "200"}, {"content-length", length}};
  };
  EXPECT_EQ(answered(of_length("4"), "four"), "200 four");
  EXPECT_THAT(answered(of_length("5"), "four"), HasSubstr("malformed"));
  EXPECT_THAT(answered(of_length("3"), "four"), HasSubstr("malformed"));
  EXPECT_THAT(answered(of_length("3")), HasSubstr("malformed"));
}

TEST_F(ClientHttp2, AHeadHasTheLimitsOfHttp1) {
  client({.max_head_bytes = 4096, .max_headers = 10});
  auto many = kOk;
  for (int i = 0; i < 11; ++i) many.emplace_back("x", "1");
  EXPECT_THAT(answered(many), HasSubstr("more than 10 header fields"));
  auto large = kOk;
  large.emplace_back("x", std::string(5000, 'x'));
  EXPECT_THAT(answered(large), HasSubstr("the head is larger than 4096 bytes"));
}

TEST_F(ClientHttp2, TrailersHaveTheLimitsOfAHead) {
  client({.max_head_bytes = 4096, .max_headers = 10});
  for (const auto& bad :
       {Fields{{":status", "200"}}, Fields{{"connection", "x"}}, Fields{{"x", std::string(5000, 'x')}}}) {
    Http2Upstream peer([&](Http2Upstream::Connection& to) {
      const auto id = to.request().id;
      to.headers(id, kOk);
      to.data(id, "body", false);
      to.headers(id, bad, true);
      to.wait_for_end();
    });
    EXPECT_THAT(send(at({peer.port()})), HasSubstr("malformed")) << bad[0].first;
  }
}

// ---- an upstream that does not begin, or breaks off ----

TEST_F(ClientHttp2, WhatIsRefusedIsSentOnceMoreAlsoIfItIsNotIdempotent) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    to.reset(to.request().id, kRefusedStreamCode);
    const auto id = to.request().id;
    to.headers(id, kOk, true);
    to.wait_for_end();
  });
  EXPECT_EQ(send(at({peer.port()}), "DELETE"), "200 ");
  EXPECT_EQ(client().stats().retries, 1u);
}

TEST_F(ClientHttp2, WhatIsRefusedAgainAndAgainGoesToAnotherAddress) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    while (const auto id = to.request().id) to.reset(id, kRefusedStreamCode);
  });
  TestServer server(echo);
  const auto upstream = at({peer.port(), server.port()});
  EXPECT_THAT(begin(upstream, request_of("PATCH", 0)).get(), HasSubstr("200 h2 PATCH"));
  EXPECT_THAT(begin(upstream, request_of("PATCH", 0)).get(), HasSubstr("200 h2 PATCH"));
  // Alone, it is told.
  EXPECT_THAT(send(at({peer.port()})), HasSubstr("unreachable unsent unanswered"));
}

TEST_F(ClientHttp2, WhatTheLastGoAwayLeavesOutIsSentOverAnotherConnection) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    if (to.number() > 0) {
      to.headers(to.request().id, kOk, true);
      return to.wait_for_end();
    }
    const auto first = to.request().id;
    to.headers(first, kOk);
    const auto second = to.request().id;
    EXPECT_GT(second, first);
    to.goaway(first, kNoErrorCode);
    to.data(first, "whole", true);
    to.wait_for_end();
  });
  const auto upstream = at({peer.port()});
  auto first = begin(upstream, request_of("GET", 0));
  auto second = begin(upstream, request_of("PATCH", 0));
  EXPECT_EQ(first.get(), "200 whole");
  EXPECT_EQ(second.get(), "200 ");
  EXPECT_EQ(client().stats().connections_opened, 2u);
}

TEST_F(ClientHttp2, WhatMayHaveBegunIsNotSentAgain) {
  std::atomic<int> connections = 0;
  Http2Upstream peer([&](Http2Upstream::Connection& to) {
    ++connections;
    to.goaway(to.request().id, kNoErrorCode);
  });
  EXPECT_THAT(send(at({peer.port()}), "POST", {"x"}), ::testing::StartsWith("broken unanswered"));
  EXPECT_EQ(connections, 1);
}

TEST_F(ClientHttp2, ABodyOfWhichAPieceIsGoneIsNotSentAgain) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.read_data(id, 3);
    to.reset(id, kRefusedStreamCode);
    to.wait_for_end();
  });
  EXPECT_THAT(begin(at({peer.port()}), request_of("POST", 2), {"one", "two"}, {}, false).get(),
              ::testing::StartsWith("unreachable unanswered"));
}

TEST_F(ClientHttp2, AResetInTheMiddleOfAnAnswerIsToldAndTheOthersGoOn) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    const auto first = to.request().id, second = to.request().id;
    to.headers(first, kOk);
    to.data(first, "half", false);
    to.reset(first, kProtocolErrorCode);
    to.headers(second, kOk);
    to.data(second, "whole", true);
    to.wait_for_end();
  });
  const auto upstream = at({peer.port()});
  auto first = begin(upstream, request_of("GET", 0)), second = begin(upstream, request_of("GET", 0));
  EXPECT_THAT(first.get(), HasSubstr("broken"));
  EXPECT_EQ(second.get(), "200 whole");
}

TEST_F(ClientHttp2, AConnectionThatEndsInTheMiddleBreaksItsAnswersAndNoneOfThemSeemsWhole) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.headers(id, kOk);
    to.data(id, "half", false);
  });
  EXPECT_THAT(send(at({peer.port()})), HasSubstr("broken"));
}

TEST_F(ClientHttp2, AKeptConnectionThatHasClosedIsReplacedForWhatMayBeSentTwice) {
  Http2Upstream peer([](Http2Upstream::Connection& to) {
    to.headers(to.request().id, kOk, true);
    if (to.number() > 0) return to.wait_for_end();
    to.request();  // read, and not answered
  });
  const auto upstream = at({peer.port()});
  EXPECT_EQ(send(upstream), "200 ");
  EXPECT_EQ(send(upstream), "200 ");
  EXPECT_EQ(client().stats().connections_opened, 2u);
}

TEST_F(ClientHttp2, NobodyListeningIsUnsent) {
  EXPECT_THAT(send(at({testing::free_port()})), ::testing::StartsWith("unreachable unsent unanswered"));
}

TEST_F(ClientHttp2, APeerThatSpeaksHttp1IsMalformed) {
  testing::ScriptedUpstream peer([](int socket, int) {
    testing::ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    testing::ScriptedUpstream::read_head(socket);
  });
  EXPECT_THAT(send(at({peer.port()})), HasSubstr("malformed"));
}

}  // namespace
}  // namespace writ::http::client_http2_test
