// What Writ asks for of its own accord: from where, from whom, and how much of it.
#include "http/fetcher.h"

#include <fmt/format.h>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::http::fetcher_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::ScriptedUpstream;
using testing::TestAuthority;
using testing::TestServer;
using testing::tls_server;

constexpr std::size_t kMost = 1000;

class FetcherTest : public ::testing::Test {
 protected:
  static AddressRules loopback() {
    AddressRules rules;
    EXPECT_TRUE(rules.allowed.add("127.0.0.1"));
    return rules;
  }
  FetcherOptions options(AddressRules rules = loopback()) {
    auto tls = TlsClient::make({.ca = authority_.certificate()});
    EXPECT_TRUE(tls.has_value());
    return {.rules = std::move(rules), .tls = *tls, .connect_timeout = 10s, .timeout = 20s};
  }
  static ServerOptions secure(const TestAuthority& authority, const std::string& name = "127.0.0.1") {
    ServerOptions options;
    options.tls = tls_server({authority.issue({name})});
    return options;
  }
  static std::string said(const Result<Response>& answer) {
    return answer ? fmt::format("{} {}", answer->status, answer->body) : answer.error().message;
  }
  std::string got(const std::string& url) { return got(options(), url); }
  static std::string got(FetcherOptions options, const std::string& url) {
    Fetcher fetcher(std::move(options));
    return said(fetcher.get(url, "application/json", kMost));
  }
  // What a server says to the first request on each connection, as it stands.
  static ScriptedUpstream::Script saying(std::string text) {
    return [text = std::move(text)](int socket, int) {
      ScriptedUpstream::read_head(socket);
      ScriptedUpstream::write(socket, text);
      ScriptedUpstream::read_head(socket);  // until the other side has closed
    };
  }
  static std::string at(std::uint16_t port, std::string_view scheme = "http") {
    return fmt::format("{}://127.0.0.1:{}/keys", scheme, port);
  }

  const TestAuthority authority_;
};

void tell_target(Exchange exchange) {
  exchange.respond(text_response(200, exchange.request().target));
}

// The method, two fields and the body.
void tell_posted(const std::shared_ptr<Exchange>& held, std::string body) {
  held->read_body([held, body = std::move(body)](Result<std::string_view> piece) mutable {
    if (piece && !piece->empty()) return tell_posted(held, std::move(body.append(*piece)));
    const auto& request = held->request();
    held->respond(text_response(
        200, fmt::format("{} {} {} {}", request.method, request.headers.find("Content-Type").value_or(""),
                         request.headers.find("Authorization").value_or(""), body)));
  });
}

TEST_F(FetcherTest, AWholeAnswerComesOverTls) {
  TestServer server(tell_target, secure(authority_));
  EXPECT_EQ(got(at(server.port(), "https") + "?a=1"), "200 /keys?a=1");
}

TEST_F(FetcherTest, WhatIsPostedArrivesWithItsTypeAndItsCredential) {
  TestServer server(
      [](Exchange exchange) { tell_posted(std::make_shared<Exchange>(std::move(exchange)), {}); },
      secure(authority_));
  Fetcher fetcher(options());
  EXPECT_EQ(said(fetcher.post(at(server.port(), "https"), {"text/plain", "token=t"}, "application/json",
                              kMost, "Basic abc")),
            "200 POST text/plain Basic abc token=t");
}

TEST_F(FetcherTest, WhatIsPostedFollowsNoRedirectEither) {
  TestServer elsewhere(tell_target);
  ScriptedUpstream server(saying(fmt::format(
      "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n",
      elsewhere.port())));
  Fetcher fetcher(options());
  EXPECT_EQ(said(fetcher.post(at(server.port()), {"text/plain", "token=t"}, "application/json", kMost)),
            "307 ");
  EXPECT_EQ(elsewhere.server().stats().requests, 0u);
}

TEST_F(FetcherTest, AnyStatusIsTheCallersToJudgeAndNoRedirectIsFollowed) {
  TestServer elsewhere(tell_target);
  ScriptedUpstream server(
      saying(fmt::format("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n",
                         elsewhere.port())));
  EXPECT_EQ(got(at(server.port())), "302 ");
  EXPECT_EQ(elsewhere.stats().requests, 0u);
}

TEST_F(FetcherTest, TheCertificateHasToBeOfTheCaAndForTheHost) {
  const TestAuthority stranger("Test CA");
  TestServer forged(tell_target, secure(stranger)), other(tell_target, secure(authority_, "idp.example"));
  EXPECT_THAT(got(at(forged.port(), "https")), HasSubstr("certificate is not good"));
  EXPECT_THAT(got(at(other.port(), "https")), HasSubstr("mismatch"));
  EXPECT_EQ(forged.stats().requests + other.stats().requests, 0u);
}

TEST_F(FetcherTest, AnAddressInsideIsNotConnectedTo) {
  TestServer server(tell_target);
  for (const char* host :
       {"127.0.0.1", "127.0.0.2", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "localhost"})
    EXPECT_THAT(got(options({}), fmt::format("http://{}:{}/", host, server.port())),
                HasSubstr("only public addresses"))
        << host;
  EXPECT_EQ(server.stats().connections_accepted, 0u);
}

TEST_F(FetcherTest, ANameIsConnectedToAtItsAllowedAddressesOnly) {
  TestServer server(tell_target);
  // `localhost` may have the address ::1 too, which is not allowed.
  EXPECT_EQ(got(fmt::format("http://localhost:{}/a", server.port())), "200 /a");
  AddressRules other;
  ASSERT_TRUE(other.allowed.add("127.0.0.2"));
  EXPECT_THAT(got(options(other), fmt::format("http://localhost:{}/a", server.port())),
              HasSubstr("127.0.0.1 is a loopback address"));
}

TEST_F(FetcherTest, AHugeAnswerIsRefused) {
  ScriptedUpstream announced(saying("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"));
  EXPECT_THAT(got(at(announced.port())), HasSubstr("more than 1000 bytes"));
  const std::string chunk = "3e8\r\n" + std::string(1000, 'a') + "\r\n";
  ScriptedUpstream endless(
      saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "1\r\na\r\n"));
  EXPECT_THAT(got(at(endless.port())), HasSubstr("more than 1000 bytes"));
  ScriptedUpstream whole(
      saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n"));
  EXPECT_EQ(got(at(whole.port())).size(), 1004u);
}

TEST_F(FetcherTest, AHugeHeadIsRefused) {
  ScriptedUpstream server(saying("HTTP/1.1 200 OK\r\nX: " + std::string(17 * 1024, 'a') + "\r\n\r\n"));
  EXPECT_THAT(got(at(server.port())), HasSubstr("127.0.0.1"));
}

TEST_F(FetcherTest, AnAnswerThatComesByteByByteIsCutOff) {
  std::atomic<bool> cut = false;
  ScriptedUpstream server([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (ScriptedUpstream::write(socket, "a")) std::this_thread::sleep_for(5ms);
    cut = true;
  });
  auto slow = options();
  slow.timeout = 200ms;
  EXPECT_THAT(got(slow, at(server.port())), HasSubstr("not whole within 200 ms"));
  while (!cut) std::this_thread::yield();
}

TEST_F(FetcherTest, AServerThatSaysNothingIsGivenUp) {
  ScriptedUpstream server([](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::read_head(socket);
  });
  auto slow = options();
  slow.timeout = 100ms;
  EXPECT_THAT(got(slow, at(server.port())), HasSubstr(fmt::format("`{}`: ", at(server.port()))));
  // Nor does TLS take longer.
  slow.connect_timeout = 100ms;
  EXPECT_THAT(got(slow, at(server.port(), "https")), AnyOf(HasSubstr("in time"), HasSubstr("100 ms")));
}

TEST_F(FetcherTest, ACompressedAnswerIsRefused) {
  ScriptedUpstream server(saying("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na"));
  EXPECT_THAT(got(at(server.port())), HasSubstr("`gzip`"));
}

TEST_F(FetcherTest, AnAnswerThatEndsInTheMiddleIsNoAnswer) {
  ScriptedUpstream server([](int socket, int) {
    ScriptedUpstream::read_head(socket);
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  });
  Fetcher fetcher(options());
  const auto answer = fetcher.get(at(server.port()), "*/*", kMost);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST_F(FetcherTest, WhatCannotBeReachedIsToldWithItsUrl) {
  const auto url = at(testing::free_port());
  EXPECT_THAT(got(url), HasSubstr(fmt::format("`{}`: cannot connect to", url)));
  EXPECT_THAT(got("http://nobody.invalid/"), HasSubstr("cannot resolve `nobody.invalid`"));
  EXPECT_THAT(got("gopher://a/"), HasSubstr("is not a URL that can be asked for"));
}

TEST_F(FetcherTest, EachRequestResolvesAndConnectsAnew) {
  TestServer server(tell_target);
  Fetcher fetcher(options());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(said(fetcher.get(at(server.port()), "*/*", kMost)), "200 /keys");
  EXPECT_EQ(server.stats().connections_accepted, 3u);
}

TEST_F(FetcherTest, StopEndsWhatIsUnderWayAndWhatComesLater) {
  std::promise<void> asked;
  ScriptedUpstream server([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    asked.set_value();
    ScriptedUpstream::read_head(socket);
  });
  Fetcher fetcher(options());
  auto answer =
      std::async(std::launch::async, [&] { return said(fetcher.get(at(server.port()), "*/*", kMost)); });
  asked.get_future().wait();
  fetcher.stop();
  EXPECT_THAT(answer.get(), HasSubstr("Writ is stopping"));
  EXPECT_THAT(said(fetcher.get(at(server.port()), "*/*", kMost)), HasSubstr("Writ is stopping"));
}

}  // namespace
}  // namespace writ::http::fetcher_test
