#include "http/exchange.h"

#include <gtest/gtest.h>
#include <memory>

#include "http/testing/loopback.h"

namespace writ::http::exchange_test {
namespace {

using testing::RawClient;
using testing::TestServer;

constexpr std::string_view kPost = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
constexpr std::string_view kGet = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(Exchange, IsNoLargerThanWhatCallbacksHoldWithoutMemoryOfTheirOwn) {
  static_assert(sizeof(Exchange) <= 2 * sizeof(void*));
}

TEST(Exchange, AFieldThatWasAddedIsInItsAnswerAndNotInTheNextOne) {
  TestServer server([](Exchange exchange) {
    if (exchange.request().path == "/a") exchange.add_to_answer("X-Added", "yes");
    exchange.respond(text_response(200, "whole"));
  });
  RawClient client(server.port());
  client.send(kPost);
  EXPECT_EQ(client.read_response().headers.find("x-added"), "yes");
  client.send(kGet);
  EXPECT_FALSE(client.read_response().headers.contains("x-added"));
}

TEST(Exchange, AFieldThatWasAddedIsInAnAnswerAfterTheBodyWasReadAndInOneThatIsStreamed) {
  TestServer server([](Exchange exchange) {
    exchange.add_to_answer("X-Added", "yes");
    Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
      if (whole.request().path == "/a") return whole.respond(text_response(200, whole.request().body));
      whole.start({.status = 200, .headers = {}, .content_length = 0});
      whole.finish();
    });
  });
  RawClient client(server.port());
  for (const auto request : {kPost, kGet}) {
    client.send(request);
    EXPECT_EQ(client.read_response().headers.find("x-added"), "yes") << request;
  }
}

// How an exchange may end.
enum class End { kAnswered, kStreamed, kAbandoned, kAborted };

class ExchangeEnds : public ::testing::TestWithParam<End> {};

TEST_P(ExchangeEnds, WhatItKeepsIsLetGoOf) {
  const auto kept = std::make_shared<int>(0);
  TestServer server([&](Exchange exchange) {
    exchange.keep(kept);
    ASSERT_EQ(kept.use_count(), 2);
    switch (GetParam()) {
      case End::kAnswered:
        exchange.respond(text_response(200, ""));
        break;
      case End::kStreamed:
        exchange.start({.status = 200, .headers = {}, .content_length = 0});
        EXPECT_EQ(kept.use_count(), 2) << "the answer has only begun";
        exchange.finish();
        break;
      case End::kAbandoned: {
        const Exchange dropped = std::move(exchange);
        break;
      }
      case End::kAborted:
        exchange.start({.status = 200, .headers = {}, .content_length = 5});
        exchange.abort();
        break;
    }
    EXPECT_EQ(kept.use_count(), 1);
  });
  testing::exchange_raw(server.port(), kGet);
}

INSTANTIATE_TEST_SUITE_P(EachWay, ExchangeEnds,
                         ::testing::Values(End::kAnswered, End::kStreamed, End::kAbandoned, End::kAborted));

}  // namespace
}  // namespace writ::http::exchange_test
