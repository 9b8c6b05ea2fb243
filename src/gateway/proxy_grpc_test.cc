// gRPC through the proxy: HTTP/2 on both sides, trailers, streams both ways, and refusals as its clients read
// them.
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "gateway/testing/gateway.h"
#include "http/testing/http2_peer.h"
#include "http/testing/http2_upstream.h"

namespace writ::gateway::proxy_grpc_test {
namespace {

using http::testing::Fields;
using http::testing::Http2Peer;
using http::testing::Http2Upstream;
using testing::Gateway;
using testing::GatewayOptions;
using ::testing::HasSubstr;
using testing::World;
using namespace std::chrono_literals;

constexpr std::string_view kPath = "/invoices/inv-1";
const Fields kGrpcAnswer{{":status", "200"}, {"content-type", "application/grpc"}};

class ProxyGrpcTest : public ::testing::Test {
 protected:
  static GatewayOptions over_http2(bool stream = false) {
    GatewayOptions options;
    options.http2 = true;
    options.stream = stream;
    return options;
  }
  Fields call(std::string_view path = kPath, std::string_view token = "good") const {
    Fields more{{"content-type", "application/grpc"}, {"te", "trailers"}, {"grpc-timeout", "5S"}};
    if (token == "good") more.emplace_back("authorization", "Bearer " + of_refunds);
    if (token == "bad") more.emplace_back("authorization", "Bearer x");
    return http::testing::post_fields(path, more);
  }

  World world;
  std::string of_refunds = world.token();
};

TEST_F(ProxyGrpcTest, TrailersOfTheAnswerPassAndNoOthers) {
  Http2Upstream api([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    EXPECT_EQ(to.body(id), "question");
    to.headers(id, kGrpcAnswer);
    to.data(id, "answer", false);
    to.headers(id, {{"grpc-status", "0"}, {"x-mine", "1"}, {"set-cookie", "a=1"}}, true);
    to.wait_for_end();
  });
  const Gateway gateway(world, api.port(), over_http2());
  Http2Peer caller(gateway.port());
  caller.headers(1, call(), false);
  caller.data(1, "question", true);
  const auto answer = caller.await(1);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "answer");
  EXPECT_EQ(answer.trailers.find("grpc-status"), "0");
  EXPECT_EQ(answer.trailers.find("x-mine"), "1");
  EXPECT_EQ(answer.trailers.size(), 2u);
}

TEST_F(ProxyGrpcTest, AnAnswerOfTrailersAloneStaysOne) {
  Http2Upstream api([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.body(id);
    auto only = kGrpcAnswer;
    only.emplace_back("grpc-status", "5");
    to.headers(id, only, true);
    to.wait_for_end();
  });
  const Gateway gateway(world, api.port(), over_http2());
  Http2Peer caller(gateway.port());
  caller.headers(1, call(), false);
  caller.data(1, "question", true);
  for (;;) {
    const auto frame = caller.read();
    ASSERT_NE(frame.type, 0xff);
    ASSERT_NE(frame.type, http::testing::kDataFrame);
    if (frame.type != http::testing::kHeadersFrame) continue;
    EXPECT_NE(frame.flags & http::testing::kEndStreamFlag, 0);
    break;
  }
  EXPECT_EQ(caller.await(1).headers.find("grpc-status"), "5");
}

TEST_F(ProxyGrpcTest, BothSidesStreamAtATime) {
  Http2Upstream api([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.headers(id, kGrpcAnswer);
    for (const std::size_t size : {1, 2, 3}) {
      to.read_data(id, size);
      to.data(id, std::to_string(size), false);
    }
    EXPECT_EQ(to.body(id), "abc");
    to.headers(id, {{"grpc-status", "0"}}, true);
    to.wait_for_end();
  });
  const Gateway gateway(world, api.port(), over_http2());
  Http2Peer caller(gateway.port());
  caller.headers(1, call(), false);
  const auto piece = [&] {
    for (;;) {
      const auto frame = caller.read();
      if (frame.type == http::testing::kDataFrame || frame.type == 0xff) return frame.payload;
    }
  };
  for (const auto* word : {"a", "b", "c"}) {
    caller.data(1, word, false);
    piece();
  }
  caller.data(1, "", true);
  const auto answer = caller.await(1);
  EXPECT_EQ(answer.body, "123");
  EXPECT_EQ(answer.trailers.find("grpc-status"), "0");
}

TEST_F(ProxyGrpcTest, AnAnswerMayEndBeforeItsRequest) {
  Http2Upstream api([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.headers(id, kGrpcAnswer);
    to.headers(id, {{"grpc-status", "3"}}, true);
    EXPECT_TRUE(to.reset_of(id).has_value());
    to.wait_for_end();
  });
  const Gateway gateway(world, api.port(), over_http2());
  Http2Peer caller(gateway.port());
  caller.headers(1, call(), false);
  EXPECT_EQ(caller.await(1).trailers.find("grpc-status"), "3");
}

TEST_F(ProxyGrpcTest, TheCallerOfAStreamMayBeQuiet) {
  Http2Upstream api([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    EXPECT_EQ(to.body(id), "late");
    to.headers(id, kGrpcAnswer);
    to.headers(id, {{"grpc-status", "0"}}, true);
    to.wait_for_end();
  });
  auto options = over_http2(true);
  options.server.body_timeout = 50ms;
  const Gateway gateway(world, api.port(), options);
  Http2Peer caller(gateway.port());
  caller.headers(1, call(), false);
  std::this_thread::sleep_for(200ms);
  caller.data(1, "late", true);
  EXPECT_EQ(caller.await(1).trailers.find("grpc-status"), "0");
}

TEST_F(ProxyGrpcTest, AStreamThatIsCutSaysWhyInItsTrailers) {
  Http2Upstream api([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.headers(id, kGrpcAnswer);
    to.data(id, "first", false);
    EXPECT_TRUE(to.reset_of(id).has_value());
    to.wait_for_end();
  });
  Gateway gateway(world, api.port(), over_http2(true));
  Http2Peer caller(gateway.port());
  caller.headers(1, call(), false);
  while (caller.read().type != http::testing::kDataFrame) {
  }
  gateway.stop_streams();
  const auto answer = caller.await(1);
  EXPECT_EQ(answer.trailers.find("grpc-status"), "14");
  EXPECT_EQ(answer.trailers.find("writ-reason"), "server_stopping");
}

TEST_F(ProxyGrpcTest, AStreamWhoseCallerTakesNothingIsCutAllTheSame) {
  Http2Upstream api([](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    to.headers(id, kGrpcAnswer);
    to.data(id, std::string(16'000, 'a'), false);
    EXPECT_TRUE(to.reset_of(id).has_value());
    to.wait_for_end();
  });
  Gateway gateway(world, api.port(), over_http2(true));
  // SETTINGS_INITIAL_WINDOW_SIZE 1.
  Http2Peer caller(http::testing::RawClient(gateway.port()), std::string("\0\4\0\0\0\1", 6));
  caller.keep_windows_shut();
  caller.headers(1, call(), false);
  while (caller.read().type != http::testing::kDataFrame) {
  }
  gateway.stop_streams();
  const auto answer = caller.await(1);
  EXPECT_EQ(answer.body, "a");
  EXPECT_TRUE(answer.reset.has_value());
}

TEST_F(ProxyGrpcTest, AStreamThatIsCutBeforeItsAnswerSaysWhyToo) {
  std::promise<void> asked;
  Http2Upstream api([&](Http2Upstream::Connection& to) {
    const auto id = to.request().id;
    asked.set_value();
    EXPECT_TRUE(to.reset_of(id).has_value());
    to.wait_for_end();
  });
  Gateway gateway(world, api.port(), over_http2(true));
  Http2Peer caller(gateway.port());
  caller.headers(1, call(), false);
  asked.get_future().get();
  gateway.stop_streams();
  const auto answer = caller.await(1);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.find("grpc-status"), "14");
}

TEST_F(ProxyGrpcTest, RefusalsAreStatusesOfGrpc) {
  const Gateway gateway(world, http::testing::free_port(), over_http2());
  Http2Peer caller(gateway.port());
  const auto nobody = caller.get(1, call(kPath, "none"));
  EXPECT_EQ(nobody.status, 200);
  EXPECT_EQ(nobody.headers.find("content-type"), "application/grpc");
  EXPECT_EQ(nobody.headers.find("grpc-status"), "16");
  EXPECT_THAT(std::string(nobody.headers.find("grpc-message").value_or("")), HasSubstr("token_missing: "));
  EXPECT_EQ(nobody.body, "");
  EXPECT_EQ(caller.get(3, call(kPath, "bad")).headers.find("grpc-status"), "16");
  EXPECT_EQ(caller.get(5, call("/nothing/here")).headers.find("grpc-status"), "12");
  const auto unreachable = caller.get(7, call());
  EXPECT_EQ(unreachable.headers.find("grpc-status"), "14");
  EXPECT_EQ(unreachable.headers.find("writ-reason"), "upstream_unreachable");
}

TEST_F(ProxyGrpcTest, OverHttp1ARefusalIsWhatItAlwaysWas) {
  const Gateway gateway(world, http::testing::free_port(), over_http2());
  const auto answer = gateway.send(
      testing::head("POST /invoices/inv-1", {}, "Content-Type: application/grpc\r\nTE: trailers\r\n"));
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.headers.find("content-type"), "application/json");
}

}  // namespace
}  // namespace writ::gateway::proxy_grpc_test
