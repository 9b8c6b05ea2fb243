// Callers that speak HTTP/1.0: nginx' default `proxy_pass`, HAProxy's check, ab.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/testing/loopback.h"

namespace writ::http::server_http10_test {
namespace {

using testing::exchange_raw;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using ::testing::StartsWith;
using testing::TestServer;

void echo(Exchange exchange) {
  Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
    const auto& request = whole.request();
    std::string body = request.host + "|" + request.path + "|" + request.body;
    whole.respond(text_response(200, std::move(body)));
  });
}

// "body" in two pieces, without a length; then the end, or none.
auto streamed(bool finished, std::optional<std::uint64_t> length = std::nullopt) {
  return [=](Exchange exchange) {
    exchange.start({.status = 200, .headers = {}, .content_length = length});
    auto held = std::make_shared<Exchange>(std::move(exchange));
    held->write("bo", [held, finished](Result<void>) {
      held->write("dy", [held, finished](Result<void>) { finished ? held->finish() : held->abort(); });
    });
  };
}

TEST(ServerHttp10, IsServedWithOrWithoutAHost) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("GET /a HTTP/1.0\r\n\r\n");
  const auto response = client.read_response();
  EXPECT_THAT(response.head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(response.headers.find("connection"), "close");
  EXPECT_EQ(response.body, "|/a|");
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(exchange_raw(server.port(), "GET /a HTTP/1.0\r\nHost: B\r\n\r\n").body, "b|/a|");
  EXPECT_EQ(exchange_raw(server.port(), "GET http://C/a HTTP/1.0\r\n\r\n").body, "c|/a|");
  EXPECT_EQ(exchange_raw(server.port(), "GET http://C/a HTTP/1.0\r\nHost: b\r\n\r\n").status, 400);
}

TEST(ServerHttp10, ABodyIsReadByItsLength) {
  TestServer server(echo);
  EXPECT_EQ(exchange_raw(server.port(), "POST /b HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello").body,
            "|/b|hello");
  EXPECT_EQ(exchange_raw(server.port(),
                         "POST /b HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
                .status,
            400);
}

TEST(ServerHttp10, TheConnectionIsKeptWhereTheCallerAsksForIt) {
  TestServer server(echo);
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    const auto response = client.read_response();
    EXPECT_EQ(response.headers.find("connection"), "keep-alive");
    EXPECT_EQ(response.body, "|/a|");
  }
  client.send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_response().headers.find("connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(ServerHttp10, NoInterimAnswerIsSent) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("POST /b HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  client.send("hello");
  EXPECT_EQ(client.read_response().body, "|/b|hello");
}

TEST(ServerHttp10, AStreamedAnswerIsNeverChunked) {
  TestServer server(streamed(true));
  RawClient client(server.port());
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto all = client.read_all();
  EXPECT_THAT(all, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(all, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(all, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(all.substr(all.find("\r\n\r\n")), "\r\n\r\nbody");
}

TEST(ServerHttp10, AStreamedAnswerWithALengthKeepsTheConnection) {
  TestServer server(streamed(true, 4));
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto response = client.read_response();
    EXPECT_EQ(response.headers.find("connection"), "keep-alive");
    EXPECT_EQ(response.body, "body");
  }
}

TEST(ServerHttp10, HeadHasNoBodyAndKeepsTheConnection) {
  TestServer server(streamed(true));
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send("HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(client.read_response(true).headers.find("connection"), "keep-alive");
  }
}

// Its end is all that says where such an answer ends: one that breaks off must not look whole.
TEST(ServerHttp10, AnAnswerThatBreaksOffEndsWithAReset) {
  TestServer server(streamed(false));
  RawClient client(server.port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  client.read_all();
  EXPECT_TRUE(client.was_reset());
}

TEST(ServerHttp10, WhatFollowsOnAConnectionThatEndsIsNotARequest) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "|/a|");
  client.shutdown_send();
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(server.stats().requests, 1u);
}

}  // namespace
}  // namespace writ::http::server_http10_test
