// Pages of other origins, through the whole gateway.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/gateway.h"

namespace writ::gateway::proxy_cors_test {
namespace {

using testing::Gateway;
using testing::GatewayOptions;
using testing::head;
using ::testing::IsEmpty;
using testing::Upstream;
using testing::word;
using testing::World;

class CorsProxyTest : public ::testing::Test {
 protected:
  static GatewayOptions for_shop() {
    return {.cors = std::make_shared<const Cors>(
                Cors::with({.origins = {"https://shop.example"}, .expose = {}}).value())};
  }
  static std::string preflight(std::string_view path, std::string_view method) {
    return head("OPTIONS " + std::string(path), "",
                fmt::format("Origin: https://shop.example\r\nAccess-Control-Request-Method: {}\r\n"
                            "Access-Control-Request-Headers: authorization\r\n",
                            method));
  }
  std::string get(std::string_view fields) const { return head("GET /invoices/inv-1", token, fields); }
  static constexpr std::string_view kFromShop = "Origin: https://shop.example\r\n";

  World world;
  std::string token = world.token();
};

TEST_F(CorsProxyTest, APreflightIsAnsweredWithoutATokenAndReachesNoApi) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), for_shop());
  const auto answer = gateway.send(preflight("/invoices/inv-1", "PUT"));
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Methods"), "GET, HEAD, PUT, POST");
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Headers"), "authorization");
  EXPECT_THAT(upstream.seen(), IsEmpty());
  EXPECT_EQ(gateway.stats().preflights, 1u);
}

TEST_F(CorsProxyTest, APreflightForWhatNoRouteTakesIsNoYes) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), for_shop());
  EXPECT_EQ(word(gateway.send(preflight("/invoices/inv-1", "DELETE"))), "405 method_not_allowed");
  EXPECT_EQ(word(gateway.send(preflight("/elsewhere", "GET"))), "404 not_found");
}

TEST_F(CorsProxyTest, WithoutCorsAPreflightIsAMethodThatNoRouteTakes) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  const auto answer = gateway.send(preflight("/invoices/inv-1", "GET"));
  EXPECT_EQ(word(answer), "405 method_not_allowed");
  EXPECT_FALSE(answer.headers.contains("Access-Control-Allow-Origin"));
}

TEST_F(CorsProxyTest, APageMayReadTheAnswerAndWhyItWasRefused) {
  const Upstream upstream([](const http::Request&) {
    auto response = http::text_response(200, "made");
    response.headers.add("Access-Control-Allow-Origin", "*");
    response.headers.add("Access-Control-Allow-Credentials", "true");
    return response;
  });
  const Gateway gateway(world, upstream.port(), for_shop());
  const auto permitted = gateway.send(get(kFromShop));
  EXPECT_EQ(permitted.status, 200);
  EXPECT_EQ(permitted.headers.find("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(permitted.headers.count("Access-Control-Allow-Origin"), 1u);
  EXPECT_FALSE(permitted.headers.contains("Access-Control-Allow-Credentials"));
  EXPECT_EQ(upstream.seen().front().headers.find("Origin"), "https://shop.example");

  const auto refused = gateway.send(head("GET /invoices/inv-1", "", kFromShop));
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers.find("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_TRUE(refused.headers.has_token("Access-Control-Expose-Headers", "WWW-Authenticate"));

  const auto other = gateway.send(get("Origin: https://evil.example\r\n"));
  EXPECT_EQ(other.status, 200);
  EXPECT_FALSE(other.headers.contains("Access-Control-Allow-Origin"));
  EXPECT_EQ(other.headers.find("Vary"), "Origin");
}

TEST_F(CorsProxyTest, AnUpstreamThatIsNotThereIsToldToThePageToo) {
  const Gateway gateway(world, 1, for_shop());
  const auto answer = gateway.send(get(kFromShop));
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Origin"), "https://shop.example");
}

}  // namespace
}  // namespace writ::gateway::proxy_cors_test
