// Rates and forms of refusals, through the whole gateway.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/gateway.h"

namespace writ::gateway::proxy_rates_test {
namespace {

using testing::Gateway;
using testing::GatewayOptions;
using ::testing::HasSubstr;
using testing::head;
using ::testing::SizeIs;
using testing::Upstream;
using testing::word;
using testing::World;
using Per = RateSpec::Per;

class ProxyRatesTest : public ::testing::Test {
 protected:
  static GatewayOptions with(std::vector<RateSpec> rates) { return {.rates = std::move(rates)}; }
  static RateSpec two(Per per) { return {.per = per, .requests = 2, .window = std::chrono::hours(1)}; }
  static std::string get(std::string_view by) { return head("GET /invoices/inv-1", by); }

  World world;
  const std::string token = world.token();
  const Upstream upstream;
};

TEST_F(ProxyRatesTest, ACallOverTheRateOfItsClientIsRefusedBeforeItIsDecidedOn) {
  const Gateway gateway(world, upstream.port(), with({two(Per::kClient)}));
  EXPECT_EQ(gateway.send(get(token)).status, 200);
  EXPECT_EQ(gateway.send(get(token)).status, 200);
  const auto decided = world.audit.lines().size();
  const auto refused = gateway.send(get(token));
  EXPECT_EQ(word(refused), "429 rate_limited");
  EXPECT_EQ(refused.headers.find("Retry-After"), "1800");
  EXPECT_EQ(refused.headers.find("RateLimit-Policy"), R"("client";q=2;w=3600)");
  EXPECT_THAT(std::string(refused.headers.find("RateLimit").value_or("")), HasSubstr(R"("client";r=0;t=)"));
  EXPECT_THAT(world.audit.lines(), SizeIs(decided));
  EXPECT_THAT(upstream.seen(), SizeIs(2));
  EXPECT_EQ(gateway.stats().over_rates, 1u);
}

TEST_F(ProxyRatesTest, WhoIsWithinItsRateIsToldWhatIsLeft) {
  const Gateway gateway(world, upstream.port(), with({two(Per::kSubject)}));
  const auto answer = gateway.send(get(token));
  EXPECT_EQ(answer.headers.find("RateLimit-Policy"), R"("subject";q=2;w=3600)");
  EXPECT_EQ(answer.headers.find("RateLimit"), R"("subject";r=1;t=1800)");
}

TEST_F(ProxyRatesTest, WithoutAGoodTokenNobodyUsesUpTheRateOfAClient) {
  const Gateway gateway(world, upstream.port(), with({two(Per::kClient), two(Per::kAll)}));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gateway.send(get(token + "x")).status, 401);
  EXPECT_EQ(gateway.send(get(token)).status, 200);
}

TEST_F(ProxyRatesTest, StrangersHaveARateAsASource) {
  const Gateway gateway(world, upstream.port(), with({two(Per::kSource)}));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(gateway.send(get("")).status, 401);
  EXPECT_EQ(word(gateway.send(get(""))), "429 rate_limited");
}

TEST_F(ProxyRatesTest, APlaceIsGivenBackWhenTheAnswerHasEnded) {
  const Gateway gateway(world, upstream.port(), with({{.per = Per::kClient, .at_once = 1}}));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gateway.send(get(token)).status, 200);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gateway.send(get(token + "x")).status, 401);
  EXPECT_EQ(gateway.send(get(token)).status, 200);
}

TEST_F(ProxyRatesTest, ABrowserIsRefusedWithAPage) {
  const Gateway gateway(world, upstream.port());
  const auto page = gateway.send(head("GET /invoices/inv-1", "", "Accept: text/html,*/*;q=0.8\r\n"));
  EXPECT_EQ(page.status, 401);
  EXPECT_TRUE(page.headers.contains("WWW-Authenticate"));
  EXPECT_EQ(page.headers.find("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(page.body, HasSubstr("token_missing"));
  const auto nowhere = gateway.send(head("GET /nowhere", "", "Accept: text/html\r\n"));
  EXPECT_EQ(nowhere.status, 404);
  EXPECT_EQ(nowhere.headers.find("Content-Type"), "text/html; charset=utf-8");
}

TEST_F(ProxyRatesTest, AnUpstreamThatIsNotThereIsToldInTheFormThatWasAskedFor) {
  const Gateway gateway(world, 1);
  const auto answer =
      gateway.send(head("GET /invoices/inv-1", token, "Accept: application/problem+json\r\n"));
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.headers.find("Content-Type"), "application/problem+json");
  EXPECT_THAT(answer.body, HasSubstr("urn:writ:problem:upstream_unreachable"));
}

}  // namespace
}  // namespace writ::gateway::proxy_rates_test
