// A real server that is asked for facts, and all that it can do wrong.
#include "sources/http_origin.h"

#include <atomic>
#include <fmt/format.h>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <unistd.h>

#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::sources::http_origin_test {
namespace {

using namespace std::chrono_literals;
using http::testing::ScriptedUpstream;
using http::testing::TestAuthority;
using http::testing::TestServer;
using ::testing::HasSubstr;

constexpr std::string_view kGood = R"({"id":"o-1","customer":{"id":"nora"},"open":true})";

class HttpOriginTest : public ::testing::Test {
 protected:
  HttpOriginSettings settings(std::uint16_t port, std::string_view scheme = "http") const {
    HttpOriginSettings made{
        .url = UrlTemplate::parse(fmt::format("{}://127.0.0.1:{}/orders/{{id}}", scheme, port)).value(),
        .id = "/id",
        .attributes = {{"customer", "/customer/id"}, {"open", "/open"}},
        .max_answer_bytes = 1000};
    EXPECT_TRUE(made.fetcher.rules.allowed.add("127.0.0.1"));
    made.fetcher.timeout = 20s;
    return made;
  }
  static std::string said(HttpOrigin& origin, const std::string& id = "o-1") {
    const auto answer = origin.ask({"north", id});
    if (!answer)
      return (answer.error().code == ErrorCode::kUnavailable ? "down: " : "unbelieved: ") +
             answer.error().message;
    return *answer ? (*answer)->dump() : "unknown";
  }
  // What is said of an answer as it stands on the wire.
  std::string on(const std::string& text, std::chrono::milliseconds timeout = 20s) const {
    ScriptedUpstream server([text](int socket, int) {
      ScriptedUpstream::read_head(socket);
      ScriptedUpstream::write(socket, text);
      if (!text.ends_with("CLOSE")) ScriptedUpstream::read_head(socket);
    });
    auto options = settings(server.port());
    options.fetcher.timeout = timeout;
    HttpOrigin origin(options);
    return said(origin);
  }
  std::string on_body(const std::string& body, std::string_view type = "application/json") const {
    return on(fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", type,
                          body.size(), body));
  }
  static std::string status(int code, std::string_view fields = "") {
    return fmt::format("HTTP/1.1 {} X\r\n{}Content-Length: 0\r\n\r\n", code, fields);
  }
};

TEST_F(HttpOriginTest, ItTellsWhatThePointersName) {
  EXPECT_EQ(on_body(std::string(kGood)), R"({"customer":"nora","open":true})");
  EXPECT_EQ(on_body(R"({"id":"o-1","customer":null})", "application/hal+json; charset=utf-8"),
            R"({"customer":null,"open":null})");
}

TEST_F(HttpOriginTest, ItIsAskedByGetForTheEncodedId) {
  std::string seen;
  TestServer server([&](http::Exchange exchange) {
    seen = exchange.request().method + " " + exchange.request().target;
    exchange.respond(http::json_response(200, R"({"id":"a b?c","customer":{"id":"nora"}})"));
  });
  HttpOrigin origin(settings(server.port()));
  EXPECT_THAT(said(origin, "a b?c"), HasSubstr("nora"));
  EXPECT_EQ(seen, "GET /orders/a%20b%3Fc");
}

TEST_F(HttpOriginTest, AnAnswerForAnotherIdIsNotBelieved) {
  for (const auto* id : {R"("o-2")", R"("O-1")", "null", "true", "[\"o-1\"]", "1", R"("o-1 ")"})
    EXPECT_THAT(on_body(fmt::format(R"({{"id":{},"customer":{{"id":"nora"}}}})", id)),
                HasSubstr("is not the id that was asked for"))
        << id;
  EXPECT_THAT(on_body(R"({"customer":{"id":"nora"}})"), HasSubstr("is not the id that was asked for"));
}

TEST_F(HttpOriginTest, ANumberIsTheIdThatItsDigitsAre) {
  TestServer server([&](http::Exchange exchange) {
    exchange.respond(http::json_response(200, R"({"id":17,"customer":{"id":"nora"}})"));
  });
  HttpOrigin origin(settings(server.port()));
  EXPECT_THAT(said(origin, "17"), HasSubstr("nora"));
  EXPECT_THAT(said(origin, "017"), HasSubstr("is not the id"));
}

TEST_F(HttpOriginTest, ARedirectIsNotFollowed) {
  TestServer elsewhere(
      [](http::Exchange exchange) { exchange.respond(http::json_response(200, std::string(kGood))); });
  for (const int code : {301, 302, 303, 307, 308})
    EXPECT_THAT(
        on(status(code, fmt::format("Location: http://127.0.0.1:{}/orders/o-1\r\n", elsewhere.port()))),
        HasSubstr("unbelieved"));
  EXPECT_EQ(elsewhere.stats().requests, 0u);
}

TEST_F(HttpOriginTest, WhatIsHugeIsNotRead) {
  EXPECT_THAT(on_body(std::string(1001, ' ')), HasSubstr("unbelieved"));
  const auto chunked =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
      fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", 2000, std::string(2000, ' '));
  EXPECT_THAT(on(chunked), HasSubstr("more than 1000 bytes"));
}

TEST_F(HttpOriginTest, WhatIsNotAnObjectOfJsonIsNotBelieved) {
  for (const auto* body : {"", "<html>", "[]", "\"o-1\"", "{\"id\":\"o-1\"", "{\"id\":\"o-1\"}{}",
                           "\xef\xbb\xbf{}", "{\"id\":\"o-1\",\"x\":\"\xff\"}"})
    EXPECT_THAT(on_body(body), HasSubstr("unbelieved")) << body;
  EXPECT_THAT(on_body(std::string(kGood), "text/html"), HasSubstr("does not answer with `application/json`"));
  EXPECT_THAT(on("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), HasSubstr("unbelieved"));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "[";
  EXPECT_THAT(on_body(R"({"id":"o-1","x":)" + deep + std::string(40, ']') + "}"), HasSubstr("unbelieved"));
}

TEST_F(HttpOriginTest, NamesThatStandTwiceAreNotBelieved) {
  EXPECT_THAT(on_body(R"({"id":"o-1","id":"o-1","customer":{"id":"nora"}})"), HasSubstr("unbelieved"));
  EXPECT_THAT(on_body(R"({"id":"o-1","customer":{"id":"nora","id":"sofia"}})"), HasSubstr("unbelieved"));
  // Nor those that some reader takes for the same.
  EXPECT_THAT(on_body(R"({"id":"o-1","customer":{"id":"nora","ID":"sofia"}})"), HasSubstr("unbelieved"));
  EXPECT_THAT(on_body(R"({"id":"o-1","Id":"o-2","customer":{"id":"nora"}})"), HasSubstr("unbelieved"));
}

TEST_F(HttpOriginTest, WhatEndsEarlyIsNoAnswer) {
  EXPECT_THAT(
      on("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"id\":CLOSE"),
      HasSubstr("down"));
  EXPECT_THAT(on("CLOSE"), HasSubstr("down"));
}

TEST_F(HttpOriginTest, WhatIsSlowIsDown) {
  EXPECT_THAT(on("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{", 50ms),
              HasSubstr("down"));
}

TEST_F(HttpOriginTest, WhatItDoesNotKnowIsNoError) {
  EXPECT_EQ(on(status(404)), "unknown");
  EXPECT_EQ(on(status(410)), "unknown");
}

TEST_F(HttpOriginTest, OtherStatusesTellNothing) {
  for (const int code : {500, 502, 503, 429}) EXPECT_THAT(on(status(code)), HasSubstr("down")) << code;
  for (const int code : {204, 206, 400, 401, 403})
    EXPECT_THAT(on(status(code)), HasSubstr("unbelieved")) << code;
}

TEST_F(HttpOriginTest, NobodyThereIsDown) {
  HttpOrigin origin(settings(http::testing::free_port()));
  EXPECT_THAT(said(origin), HasSubstr("down"));
}

TEST_F(HttpOriginTest, AnAddressInsideIsAskedOnlyWhereTheOperatorNamedIt) {
  TestServer server(
      [](http::Exchange exchange) { exchange.respond(http::json_response(200, std::string(kGood))); });
  auto options = settings(server.port());
  options.fetcher.rules = {};
  HttpOrigin origin(options);
  EXPECT_THAT(said(origin), HasSubstr("loopback"));
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST_F(HttpOriginTest, TheServersCertificateHasToBeGoodAndWritShowsItsOwn) {
  const TestAuthority authority, stranger("Test CA");
  std::atomic<int> seen = 0;
  http::ServerOptions secure;
  secure.tls = http::testing::tls_server({authority.issue({"127.0.0.1"})},
                                         http::ClientCertificates::kRequired, authority.certificate());
  TestServer server(
      [&](http::Exchange exchange) {
        ++seen;
        exchange.respond(http::json_response(200, std::string(kGood)));
      },
      secure);
  const auto with = [&](const TestAuthority& ca, bool own) {
    auto options = settings(server.port(), "https");
    http::TlsClientOptions tls{.ca = ca.certificate()};
    if (own) tls.identity = authority.issue({"writ"});
    options.fetcher.tls = http::TlsClient::make(tls).value();
    HttpOrigin origin(options);
    return said(origin);
  };
  EXPECT_THAT(with(stranger, true), HasSubstr("certificate"));
  EXPECT_THAT(with(authority, false), HasSubstr("down"));
  EXPECT_EQ(seen, 0);
  EXPECT_THAT(with(authority, true), HasSubstr("nora"));
}

TEST_F(HttpOriginTest, ItBringsItsCredentialAndNoticesANewOne) {
  const auto file = std::filesystem::temp_directory_path() / fmt::format("writ-bearer-{}", ::getpid());
  const auto write = [&](std::string_view text) { std::ofstream(file) << text; };
  std::vector<std::string> seen;
  TestServer server([&](http::Exchange exchange) {
    seen.emplace_back(exchange.request().headers.find("Authorization").value_or("none"));
    exchange.respond(http::json_response(200, std::string(kGood)));
  });
  auto options = settings(server.port());
  options.bearer_file = file;
  HttpOrigin origin(options);
  EXPECT_THAT(said(origin), HasSubstr("down: its credential"));
  write("first\n");
  said(origin);
  const auto before = origin.generation();
  said(origin);
  EXPECT_EQ(origin.generation(), before);
  write("second");
  said(origin);
  EXPECT_NE(origin.generation(), before);
  write("two words\r\nHost: evil");
  EXPECT_THAT(said(origin), HasSubstr("down: its credential"));
  EXPECT_THAT(seen, ::testing::ElementsAre("Bearer first", "Bearer first", "Bearer second"));
  std::filesystem::remove(file);
}

TEST_F(HttpOriginTest, ItsEndEndsWhatIsUnderWay) {
  std::promise<void> come;
  ScriptedUpstream server([&](int socket, int) {
    ScriptedUpstream::read_head(socket);
    come.set_value();
    ScriptedUpstream::read_head(socket);
  });
  HttpOrigin origin(settings(server.port()));
  auto answer = std::async(std::launch::async, [&] { return said(origin); });
  come.get_future().wait();
  origin.stop();
  EXPECT_THAT(answer.get(), HasSubstr("stopping"));
}

}  // namespace
}  // namespace writ::sources::http_origin_test
