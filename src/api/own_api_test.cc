#include "api/own_api.h"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <thread>

#include "api/paging.h"
#include "api/problem.h"
#include "http/testing/loopback.h"

namespace writ::api::own_api_test {
namespace {

using http::testing::exchange_raw;
using http::testing::RawClient;
using http::testing::TestServer;

http::Request asked(std::string query) {
  http::Request request;
  request.query = std::move(query);
  return request;
}

TEST(OwnApi, ReadersHoldUpReadersAndNobodyElse) {
  std::promise<void> release;
  auto released = release.get_future().share();
  std::atomic<int> reading = 0;
  http::Workers readers({.threads = 1, .max_queued = 4});
  auto endpoints = std::make_shared<http::Endpoints>(http::Endpoints::Options{.workers = 1});
  ASSERT_TRUE(
      add_read(*endpoints, "/v1/audit/records", readers, [&](const http::Request&, const http::PathValues&) {
        ++reading;
        released.wait();
        return http::text_response(200, "records");
      }));
  ASSERT_TRUE(endpoints->add("POST", "/v1/identities/{id}/suspend", http::Cost::kSlow,
                             [](const http::Request&, const http::PathValues& values) {
                               return http::text_response(200, values[0]);
                             }));
  TestServer server(endpoints);
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.port());
    clients.back().send("GET /v1/audit/records HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  while (reading == 0 || readers.stats().waiting < 2) std::this_thread::yield();
  const auto stopped = exchange_raw(
      server.port(), "POST /v1/identities/nora/suspend HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(stopped.body, "nora");
  release.set_value();
  for (auto& client : clients) EXPECT_EQ(client.read_response().body, "records");
}

// Which files Writ has, and where, is the operator's to know.
TEST(OwnApi, WhatCannotBeStoredIsToldWithoutItsFilesAndMayBeTriedAgain) {
  const auto answer = problem({ErrorCode::kIo, "database `/var/lib/writ/writ.db`: disk I/O error"});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.find("Retry-After"), "1");
  EXPECT_EQ(answer.body.find("/var/lib"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("nothing was done"), std::string::npos) << answer.body;
}

TEST(OwnApi, AReadBeyondTheQueueIsToldToComeAgain) {
  std::promise<void> release;
  auto released = release.get_future().share();
  std::atomic<int> reading = 0;
  http::Workers readers({.threads = 1, .max_queued = 1});
  auto endpoints = std::make_shared<http::Endpoints>(http::Endpoints::Options{});
  ASSERT_TRUE(add_read(*endpoints, "/a", readers, [&](const http::Request&, const http::PathValues&) {
    ++reading;
    released.wait();
    return http::text_response(200, "read");
  }));
  TestServer server(endpoints);
  constexpr std::string_view kRead = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  RawClient running(server.port()), queued(server.port());
  running.send(kRead);
  while (reading == 0) std::this_thread::yield();
  queued.send(kRead);
  while (readers.stats().waiting == 0) std::this_thread::yield();
  const auto refused = exchange_raw(server.port(), kRead);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.find("Retry-After"), "1");
  release.set_value();
  EXPECT_EQ(running.read_response().body, "read");
  EXPECT_EQ(queued.read_response().body, "read");
}

TEST(Paging, WhatAnAnswerGaveAsNextIsReadBack) {
  for (const std::string id : {"nora", "CN=Nora Smith,OU=Users", "a/b;c&d", "j\xc3\xb6rg"}) {
    const auto page = id_page_of(asked("limit=7&after=" + next_page(id)));
    ASSERT_TRUE(page) << id;
    EXPECT_EQ(page->after, id);
    EXPECT_EQ(page->limit, 7u);
  }
  EXPECT_EQ(id_page_of(asked("")).value().limit, control::kMaxListed);
}

TEST(Paging, AnythingElseIsRefused) {
  for (const auto* query : {"limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "after=", "after=!",
                            "after=AA", "after=bm9yYQ&after=bm9yYQ", "after=bm9yYQ=="}) {
    const auto page = id_page_of(asked(query));
    ASSERT_FALSE(page) << query;
    EXPECT_EQ(page.error().status, 400);
  }
  EXPECT_FALSE(id_page_of(asked("after=" + std::string(2000, 'A'))));
}

}  // namespace
}  // namespace writ::api::own_api_test
