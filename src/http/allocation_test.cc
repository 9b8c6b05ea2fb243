// Memory that runs out in the middle of a request ends that request, and no other.
#include <gtest/gtest.h>

#include "base/testing/allocations.h"
#include "http/server.h"
#include "http/testing/http2_peer.h"
#include "http/testing/loopback.h"

namespace writ::http::allocation_test {
namespace {

using testing::exchange_raw;
using testing::RawClient;
using testing::TestServer;
using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /whole HTTP/1.1\r\nHost: a\r\n\r\n";

void read_on(std::shared_ptr<Exchange> held) {
  held->read_body([held](Result<std::string_view> piece) {
    if (!piece) return;
    piece->empty() ? held->respond(text_response(200, "streamed")) : read_on(held);
  });
}

// Reads a body whole or in pieces, and answers whole or streamed, by the path.
void serve(Exchange exchange) {
  const std::string path = exchange.request().path;
  if (path == "/pieces") return read_on(std::make_shared<Exchange>(std::move(exchange)));
  Exchange::read_whole_body(std::move(exchange), 0, [path](Exchange whole) {
    if (path != "/streamed") return whole.respond(text_response(200, whole.request().body));
    static constexpr std::string_view kBody = "an answer in pieces";
    whole.start(
        {.status = 200, .headers = {{"X-Long", std::string(100, 'x')}}, .content_length = std::nullopt});
    auto held = std::make_shared<Exchange>(std::move(whole));
    held->write(kBody, [held](Result<void> written) {
      if (written) held->finish();
    });
  });
}

class AllocationTest : public ::testing::TestWithParam<std::string> {
 protected:
  void fail_at(std::size_t number) {
    server_.loops().run(0, [number] {
      writ::testing::allocations = 0;
      writ::testing::failing = number;
      writ::testing::counting = true;
    });
  }
  // Did it come to that?
  bool failed(std::size_t number) {
    bool done = false;
    server_.loops().run(0, [&] {
      done = writ::testing::allocations >= number;
      writ::testing::counting = false;
    });
    return done;
  }

  TestServer server_{serve};
};

TEST_P(AllocationTest, OneThatFailsEndsOneRequestAndNoOther) {
  bool came_to_it = true;
  std::size_t number = 1;
  for (; came_to_it; ++number) {
    ASSERT_LT(number, 200u);
    const auto began = std::chrono::steady_clock::now();
    fail_at(number);
    RawClient client(server_.port());
    client.send(GetParam());
    const int status = client.read_response().status;
    came_to_it = failed(number);
    // Answered, or refused, or closed; and never left to wait.
    EXPECT_TRUE(status == 0 || status == 200 || status == 500) << status << " at " << number;
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << "at " << number;
    EXPECT_EQ(exchange_raw(server_.port(), kGet).status, 200) << "after " << number;
    if (!came_to_it) {
      EXPECT_EQ(status, 200);
    }
  }
  EXPECT_GT(number, 3u);
  for (int i = 0; i < 300 && server_.server().stats().connections_open > 0; ++i)
    std::this_thread::sleep_for(10ms);
  const auto stats = server_.server().stats();
  EXPECT_EQ(stats.connections_open, 0u);
  EXPECT_EQ(stats.stranger_bytes, 0u);
}

class Http2AllocationTest : public AllocationTest {};

// A stream, or the connection with it. The others of the connection may end too; those of others do not.
TEST_P(Http2AllocationTest, OneThatFailsEndsOneConnectionAtTheMost) {
  bool came_to_it = true;
  for (std::size_t number = 1; came_to_it; ++number) {
    ASSERT_LT(number, 300u);
    fail_at(number);
    testing::Http2Peer peer(server_.port());
    peer.headers(1, testing::post_fields(GetParam()), false);
    peer.data(1, "body", true);
    const auto answer = peer.await(1);
    came_to_it = failed(number);
    EXPECT_TRUE(answer.status == 0 || answer.status == 200 || answer.status == 500) << answer.status;
    EXPECT_EQ(exchange_raw(server_.port(), kGet).status, 200) << "after " << number;
    if (!came_to_it) {
      EXPECT_EQ(answer.status, 200);
    }
  }
  for (int i = 0; i < 300 && server_.server().stats().connections_open > 0; ++i)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server_.stats().connections_open, 0u);
  EXPECT_EQ(server_.stats().stranger_bytes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Requests, Http2AllocationTest, ::testing::Values("/whole", "/streamed", "/pieces"));

INSTANTIATE_TEST_SUITE_P(
    Requests, AllocationTest,
    ::testing::Values(
        std::string(kGet), "GET /streamed HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /" + std::string(300, 'p') + "?" + std::string(300, 'q') +
            " HTTP/1.1\r\nHost: a\r\nX-A: " + std::string(3000, 'x') + "\r\n\r\n",
        "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n" + std::string(30'000, 'b'),
        "POST /pieces HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));

}  // namespace
}  // namespace writ::http::allocation_test
