// APIs that are only observed, and routes that are public.
#include <gtest/gtest.h>

#include "gateway/testing/gateway.h"

namespace writ::gateway::observed_test {
namespace {

using testing::Gateway;
using testing::head;
using testing::Upstream;
using testing::word;
using testing::World;

class ObservedTest : public ::testing::Test {
 protected:
  RouteSpec route(std::string method, std::string path) const {
    return {.method = std::move(method),
            .path = std::move(path),
            .api = "invoices",
            .action = {"Billing::Action", "read"},
            .resource_type = "Billing::Invoice",
            .resource_id = "{invoice}",
            .attributes = {},
            .upstream = "http://127.0.0.1:" + std::to_string(upstream.port())};
  }
  void serve(std::vector<RouteSpec> specs) {
    world.current.replace(std::make_shared<const Routes>(Routes::make(std::move(specs)).value()));
  }
  const codec::Json last() const { return world.audit.lines().back(); }

  World world;
  Upstream upstream;
  Gateway gateway{world, upstream.port()};
};

TEST_F(ObservedTest, WhatWouldBeRefusedPassesAndIsRecordedAsRefused) {
  auto observed = route("GET", "/invoices/{invoice}");
  observed.observed = true;
  serve({observed});
  EXPECT_EQ(gateway.send(head("GET /invoices/sealed", world.token())).status, 200);
  EXPECT_EQ(last().find("not_enforced")->dump(), "true");
  EXPECT_EQ(world.audit.effects().back(), "deny/policy_forbid");
  EXPECT_FALSE(upstream.seen().at(0).headers.contains(kContextHeader));
  EXPECT_EQ(gateway.send(head("GET /invoices/inv-1", world.token())).status, 200);
  EXPECT_EQ(world.audit.effects().back(), "permit");
  EXPECT_EQ(last().find("not_enforced")->dump(), "true");
  EXPECT_TRUE(upstream.seen().at(1).headers.contains(kContextHeader));
  EXPECT_EQ(gateway.send(head("GET /invoices/inv-1", "")).status, 200);
  EXPECT_EQ(world.audit.effects().back(), "deny/token_missing");
  EXPECT_FALSE(upstream.seen().at(2).headers.contains("Authorization"));
  EXPECT_EQ(world.enforcer.stats().observed, 2u);
}

TEST_F(ObservedTest, WithoutItsRecordNothingPassesAnObservedApiEither) {
  auto observed = route("GET", "/invoices/{invoice}");
  observed.observed = true;
  serve({observed});
  world.audit.broken = true;
  EXPECT_EQ(word(gateway.send(head("GET /invoices/sealed", world.token()))), "503 audit_unavailable");
  EXPECT_EQ(word(gateway.send(head("GET /invoices/inv-1", world.token()))), "503 audit_unavailable");
  EXPECT_TRUE(upstream.seen().empty());
}

TEST_F(ObservedTest, ABodyThatWouldBeReadForItsAmountStreamsWhereTheTokenIsNotGood) {
  auto spending = route("POST", "/invoices/{invoice}");
  spending.observed = true;
  spending.amounts = {{"rows", "body /rows"}};
  serve({spending});
  EXPECT_EQ(gateway
                .send(head("POST /invoices/inv-1", "nonsense",
                           "Content-Type: application/json\r\nContent-Length: 10\r\n") +
                      R"({"rows":5})")
                .status,
            200);
  EXPECT_EQ(upstream.seen().at(0).body, R"({"rows":5})");
}

TEST_F(ObservedTest, OthersOfTheGatewayStayEnforced) {
  auto observed = route("GET", "/invoices/{invoice}");
  observed.observed = true;
  serve({observed, route("HEAD", "/invoices/{invoice}")});
  EXPECT_EQ(gateway.send(head("HEAD /invoices/sealed", world.token(), "Connection: close\r\n")).status, 403);
}

TEST_F(ObservedTest, APublicRouteTakesNoTokenAndTrustsNone) {
  auto open = route("GET", "/invoices/{invoice}");
  open.is_public = true;
  serve({open});
  EXPECT_EQ(gateway.send(head("GET /invoices/inv-1", "")).status, 200);
  EXPECT_EQ(gateway.send(head("GET /invoices/inv-1", world.token())).status, 200);
  for (const auto& line : world.audit.lines()) {
    EXPECT_EQ(line.find("public")->dump(), "true");
    EXPECT_EQ(line.find("subject"), nullptr);
  }
  for (const auto& seen : upstream.seen()) {
    EXPECT_FALSE(seen.headers.contains("Authorization"));
    EXPECT_FALSE(seen.headers.contains(kContextHeader));
    EXPECT_TRUE(seen.headers.contains(kRequestIdHeader));
  }
}

TEST_F(ObservedTest, AForbidClosesAPublicRoute) {
  auto open = route("GET", "/invoices/{invoice}");
  open.is_public = true;
  serve({open});
  EXPECT_EQ(gateway.send(head("GET /invoices/sealed", world.token())).status, 403);
  EXPECT_EQ(world.audit.effects().back(), "deny/policy_forbid");
  EXPECT_TRUE(upstream.seen().empty());
}

TEST_F(ObservedTest, WithoutItsRecordNothingPassesAPublicRoute) {
  auto open = route("GET", "/invoices/{invoice}");
  open.is_public = true;
  serve({open});
  world.audit.broken = true;
  EXPECT_EQ(word(gateway.send(head("GET /invoices/inv-1", ""))), "503 audit_unavailable");
  EXPECT_TRUE(upstream.seen().empty());
}

}  // namespace
}  // namespace writ::gateway::observed_test
