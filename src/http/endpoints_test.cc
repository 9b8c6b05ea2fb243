#include "http/endpoints.h"

#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "http/testing/loopback.h"

namespace writ::http::endpoints_test {
namespace {

using testing::exchange_raw;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::TestServer;

Response hello(const Request& request, const PathValues& values) {
  std::string body = request.method + " " + request.body;
  for (const std::string& value : values) body += " " + value;
  return text_response(200, std::move(body));
}

TEST(Endpoints, FindsTheFunctionByMethodAndTemplate) {
  auto endpoints = std::make_shared<Endpoints>(Endpoints::Options{});
  ASSERT_TRUE(endpoints->add("GET", "/v1/tasks/{id}", Cost::kQuick, hello));
  ASSERT_TRUE(endpoints->add("POST", "/v1/tasks/{id}", Cost::kSlow, hello));
  TestServer server(endpoints);
  EXPECT_EQ(exchange_raw(server.port(), "GET /v1/tasks/a%20b HTTP/1.1\r\nHost: a\r\n\r\n").body, "GET  a b");
  EXPECT_EQ(
      exchange_raw(server.port(), "POST /v1/tasks/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").body,
      "POST hi 7");
  EXPECT_EQ(exchange_raw(server.port(), "GET /v1/tasks HTTP/1.1\r\nHost: a\r\n\r\n").status, 404);
  const auto wrong = exchange_raw(server.port(), "DELETE /v1/tasks/7 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.find("allow"), "GET, POST");
  RawClient client(server.port());
  client.send("HEAD /v1/tasks/7 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.read_response(true).status, 200);
}

TEST(Endpoints, RefusesASecondFunctionForTheSamePlace) {
  Endpoints endpoints({});
  ASSERT_TRUE(endpoints.add("GET", "/a/{b}", Cost::kQuick, hello));
  EXPECT_EQ(endpoints.add("GET", "/a/{b}", Cost::kQuick, hello).error().code, ErrorCode::kConflict);
  EXPECT_EQ(endpoints.add("GET", "/a/{c}", Cost::kQuick, hello).error().code, ErrorCode::kConflict);
  EXPECT_FALSE(endpoints.add("GET", "a", Cost::kQuick, hello));
}

TEST(Endpoints, HandsOnWhatItDoesNotKnow) {
  auto fallback = std::make_shared<testing::LambdaHandler>(
      [](Exchange exchange) { exchange.respond(text_response(200, "fallback")); });
  auto endpoints = std::make_shared<Endpoints>(Endpoints::Options{}, fallback);
  ASSERT_TRUE(endpoints->add("GET", "/a", Cost::kQuick, hello));
  TestServer server(endpoints);
  EXPECT_EQ(exchange_raw(server.port(), "GET /b HTTP/1.1\r\nHost: a\r\n\r\n").body, "fallback");
  EXPECT_EQ(exchange_raw(server.port(), "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").body, "GET ");
}

TEST(Endpoints, AFunctionThatThrowsAnswers500) {
  auto endpoints = std::make_shared<Endpoints>(Endpoints::Options{});
  const auto defect = [](const Request&, const PathValues&) -> Response {
    throw std::runtime_error("secret detail");
  };
  ASSERT_TRUE(endpoints->add("GET", "/quick", Cost::kQuick, defect));
  ASSERT_TRUE(endpoints->add("GET", "/slow", Cost::kSlow, defect));
  TestServer server(endpoints);
  for (const std::string path : {"/quick", "/slow"}) {
    const auto response = exchange_raw(server.port(), "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body.find("secret"), std::string::npos);
  }
}

TEST(Endpoints, SlowWorkOverTheQueueLimitIsTurnedAway) {
  std::promise<void> release;
  auto released = release.get_future().share();
  auto endpoints = std::make_shared<Endpoints>(Endpoints::Options{.workers = 1, .max_queued = 1});
  std::atomic<int> entered = 0;
  ASSERT_TRUE(endpoints->add("GET", "/slow", Cost::kSlow, [&](const Request&, const PathValues&) {
    ++entered;
    released.wait();
    return text_response(200, "done");
  }));
  ASSERT_TRUE(endpoints->add("GET", "/quick", Cost::kQuick, hello));
  TestServer server(endpoints);
  constexpr std::string_view kSlow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
  RawClient running(server.port());
  running.send(kSlow);
  while (entered == 0) std::this_thread::yield();
  RawClient queued(server.port());
  queued.send(kSlow);
  // Requests of different connections come in any order: wait until the queued one is in.
  while (server.server().stats().requests < 2) std::this_thread::yield();
  const auto refused = exchange_raw(server.port(), kSlow);
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("overloaded"));
  EXPECT_EQ(exchange_raw(server.port(), "GET /quick HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  release.set_value();
  EXPECT_EQ(running.read_response().body, "done");
  EXPECT_EQ(queued.read_response().body, "done");
}

TEST(Endpoints, WhatAGateTurnsAwayIsNeitherReadNorQueued) {
  std::promise<void> release;
  std::atomic<int> entered = 0;
  auto released = release.get_future().share();
  auto endpoints = std::make_shared<Endpoints>(Endpoints::Options{.workers = 1, .max_queued = 1});
  endpoints->guard("/v1/", [](Exchange exchange, Endpoints::Pass pass) {
    if (exchange.request().headers.contains("Authorization"))
      return pass(std::move(exchange), BodyOf::kKnown);
    exchange.respond(error_response(401, "invalid_token", "no token"));
  });
  ASSERT_TRUE(
      endpoints->add("POST", "/v1/tasks", Cost::kSlow, [&](const Request& request, const PathValues&) {
        ++entered;
        released.wait();
        return text_response(200, request.body);
      }));
  ASSERT_TRUE(endpoints->add("POST", "/other", Cost::kQuick, hello));
  TestServer server(endpoints);
  // The body never comes, and the queue is full.
  RawClient running(server.port()), queued(server.port());
  constexpr std::string_view kKnown =
      "POST /v1/tasks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\nhi";
  running.send(kKnown);
  while (entered == 0) std::this_thread::yield();
  queued.send(kKnown);
  while (endpoints->stats().waiting == 0) std::this_thread::yield();
  RawClient stranger(server.port());
  stranger.send("POST /v1/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_EQ(stranger.read_response().status, 401);
  EXPECT_EQ(
      exchange_raw(server.port(), "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status,
      200);
  release.set_value();
  EXPECT_EQ(running.read_response().body, "hi");
  EXPECT_EQ(queued.read_response().body, "hi");
}

TEST(Endpoints, ABodyHasItsEndpointsLimit) {
  auto endpoints = std::make_shared<Endpoints>(Endpoints::Options{});
  ASSERT_TRUE(endpoints->add_async(
      "POST", "/small",
      [](Exchange exchange, const PathValues&) { exchange.respond(text_response(200, "")); }, 4));
  TestServer server(endpoints);
  EXPECT_EQ(
      exchange_raw(server.port(), "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd").status,
      200);
  EXPECT_EQ(
      exchange_raw(server.port(), "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").status,
      413);
}

// The worker's own answer can be what keeps the server, and with it the endpoints, alive.
TEST(Endpoints, MayEndOnTheirOwnWorker) {
  for (int i = 0; i < 50; ++i) {
    auto endpoints = std::make_shared<Endpoints>(Endpoints::Options{.workers = 2, .max_queued = 4});
    ASSERT_TRUE(endpoints->add("GET", "/slow", Cost::kSlow,
                               [](const Request&, const PathValues&) { return text_response(200, "done"); }));
    TestServer server(std::move(endpoints));
    EXPECT_EQ(exchange_raw(server.port(), "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  }
}

}  // namespace
}  // namespace writ::http::endpoints_test
