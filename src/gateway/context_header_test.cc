#include "gateway/context_header.h"

#include <gtest/gtest.h>

#include "codec/base64url.h"
#include "crypto/hash.h"
#include "gateway/testing/world.h"
#include "jose/jws.h"

namespace writ::gateway::context_header_test {
namespace {

using testing::Json;
using testing::kNow;
using testing::World;
using namespace std::chrono_literals;

class ContextHeaderTest : public ::testing::Test {
 protected:
  enforce::Permit permit(const token::AccessClaims& claims) {
    auto outcome = world.enforce(testing::request(world.token(claims)));
    EXPECT_EQ(testing::word(outcome), "permit");
    return *std::move(outcome);
  }
  // The same token, another moment.
  enforce::Permit permit_of(std::string_view token) { return world.enforce(testing::request(token)).value(); }
  static ContextHeaders::About about(std::string_view path = "/invoices/inv-1",
                                     std::string_view method = "GET") {
    return {.action = {"Billing::Action", "read"},
            .resource = {"Billing::Invoice", "inv-1"},
            .method = method,
            .path = path};
  }
  std::string sign(const enforce::Permit& permit,
                   const ContextHeaders::About& about = ContextHeaderTest::about()) {
    return std::string(headers.sign(permit, about).value());
  }
  // As an upstream reads it: with the published keys.
  Json read(std::string_view header) const {
    const auto jws = jose::parse_jws(header).value();
    const auto keys = world.tokens.ring->snapshot();
    const auto* key = keys->public_keys.find(jws.kid());
    EXPECT_NE(key, nullptr);
    EXPECT_EQ(jws.typ(), "writ-context+jwt");
    return jose::parse_claims(jws.verify(*key).value()).value();
  }

  World world;
  ContextHeaders headers{*world.tokens.ring, std::string(testing::kIssuer)};
};

std::string hash(std::string_view text) {
  return codec::base64url_encode(crypto::as_bytes(crypto::sha256(text)));
}

TEST_F(ContextHeaderTest, SaysWhoDoesWhatInWhichTask) {
  const auto task = world.open_task();
  const auto claims = read(sign(permit(world.claims_in(*task))));
  EXPECT_EQ(claims, Json::object({{"iss", testing::kIssuer},
                                  {"aud", testing::kInvoices},
                                  {"iat", unix_seconds(kNow)},
                                  {"exp", unix_seconds(kNow) + 30},
                                  {"sub", "nora"},
                                  {"client_id", "support-agent"},
                                  {"act", Json::object({{"sub", "support-agent"},
                                                        {"act", Json::object({{"sub", "support-portal"}})}})},
                                  {"task", "task-1"},
                                  {"purpose", "support"},
                                  {"tenant", "north"},
                                  {"environment", "production"},
                                  {"action", R"(Billing::Action::"read")"},
                                  {"resource", R"(Billing::Invoice::"inv-1")"},
                                  {"req", hash("GET /invoices/inv-1")}}));
}

TEST_F(ContextHeaderTest, AbsentFactsAreLeftOut) {
  const auto claims = read(sign(permit(world.claims())));
  for (const auto* name : {"act", "task", "jti", "request_id"}) EXPECT_EQ(claims.find(name), nullptr) << name;
}

// A token that names no tenant is of its user's: the header says what was decided on.
TEST_F(ContextHeaderTest, TheTenantIsTheOneTheDecisionSaw) {
  auto claims = world.claims();
  claims.tenant.reset();
  EXPECT_EQ(*read(sign(permit(claims))).find_string("tenant"), "north");
}

TEST_F(ContextHeaderTest, IsNeverAnAccessToken) {
  const auto made = permit(world.claims());
  const auto header = sign(made);
  EXPECT_EQ(token::testing::outcome(world.tokens.bearer(header)), "token_type");
  EXPECT_EQ(world.outcome(header), "401 token_type");
}

TEST_F(ContextHeaderTest, IsSignedByTheCurrentKey) {
  const auto made = permit(world.claims());
  const auto before = sign(made);
  auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  const auto kid = key.kid();
  auto published = world.tokens.ring->snapshot()->public_keys.keys();
  published.push_back(key.public_jwk());
  world.tokens.ring->replace({std::move(key), jose::JwkSet::of(std::move(published)).value()});
  read(before);  // the old key is still published
  // Also one that would have been used again: the old key may have been stolen.
  const auto after = sign(made);
  EXPECT_EQ(jose::parse_jws(after)->kid(), kid);
  EXPECT_EQ(*read(after).find_string("sub"), "nora");
}

TEST_F(ContextHeaderTest, IsUsedAgainWhileItIsYoung) {
  const auto token = world.token();
  const auto first = sign(permit_of(token));
  EXPECT_EQ(sign(permit_of(token)), first);
  world.clock.advance(kContextReuse - 1ms);
  EXPECT_EQ(sign(permit_of(token)), first);
  world.clock.advance(1ms);
  const auto next = sign(permit_of(token));
  EXPECT_NE(next, first);
  EXPECT_EQ(*read(next).find("iat")->if_int(), unix_seconds(kNow) + 10);
  EXPECT_EQ(sign(permit_of(token)), next);
}

// Whoever gets it has time left to look at it.
TEST_F(ContextHeaderTest, AReusedOneIsValidForLongEnough) {
  EXPECT_GE(kContextLifetime - kContextReuse, 15s);
}

TEST_F(ContextHeaderTest, AnotherTokenHasAnother) {
  const auto first = sign(permit(world.claims()));
  auto sofia = world.claims();
  sofia.subject = "sofia";
  sofia.tenant = "south";
  EXPECT_EQ(*read(sign(permit(sofia))).find_string("sub"), "sofia");
  EXPECT_NE(sign(permit(world.claims())), first);
}

TEST_F(ContextHeaderTest, AnotherRequestHasAnother) {
  const auto made = permit(world.claims());
  const auto first = sign(made);
  EXPECT_EQ(*read(sign(made, about("/invoices/inv-2"))).find_string("req"), hash("GET /invoices/inv-2"));
  EXPECT_EQ(*read(sign(made, about("/invoices/inv-1", "POST"))).find_string("req"),
            hash("POST /invoices/inv-1"));
  auto other = about();
  other.action = {"Billing::Action", "refund"};
  EXPECT_EQ(*read(sign(made, other)).find_string("action"), R"(Billing::Action::"refund")");
  other = about();
  other.resource = {"Billing::Invoice", "inv-2"};
  EXPECT_EQ(*read(sign(made, other)).find_string("resource"), R"(Billing::Invoice::"inv-2")");
  // What is written one after the other must not run together.
  other = about();
  other.resource = {"Billing::Invoice", "inv-1GET"};
  other.method = "";
  EXPECT_NE(sign(made, other), first);
}

// What the token leaves out comes from the inventory, and that may change under a token.
TEST_F(ContextHeaderTest, AnotherTenantHasAnother) {
  auto claims = world.claims();
  claims.tenant.reset();
  const auto token = world.token(claims);
  sign(permit_of(token));
  auto nora = world.directory.snapshot()->find("nora")->identity();
  nora.tenant = "west";
  ASSERT_TRUE(world.directory.update(nora).has_value());
  EXPECT_EQ(*read(sign(permit_of(token))).find_string("tenant"), "west");
}

TEST_F(ContextHeaderTest, WithOnePlaceTheNewerTakesIt) {
  ContextHeaders one(*world.tokens.ring, std::string(testing::kIssuer), 1);
  const auto made = permit(world.claims());
  const std::string first(one.sign(made, about("/a")).value());
  EXPECT_EQ(*read(one.sign(made, about("/b")).value()).find_string("req"), hash("GET /b"));
  EXPECT_EQ(*read(one.sign(made, about("/a")).value()).find_string("req"), hash("GET /a"));
}

}  // namespace
}  // namespace writ::gateway::context_header_test
