// What a provider's token says of who it is for, who may exchange it and how: understood, or refused.
#include <gtest/gtest.h>
#include <random>

#include "oauth/testing/world.h"
#include "oauth/token_endpoint.h"

namespace writ::oauth::testing::provider_token_test {
namespace {

using token::Actor;

class ProviderTokenTest : public ::testing::Test {
 protected:
  static Fields exchange_of(std::string_view token) {
    return World::exchange(token, kTypeJwt, {{"resource", std::string(kInvoices)}, {"purpose", "support"}});
  }
  http::Response asks(const Json& claims, const http::Headers& headers = World::basic("support-portal")) {
    return world_.ask(exchange_of(world_.provider_token(claims)), headers);
  }
  std::string portal_asks(const Json& claims) { return outcome(asks(claims)); }

  World world_;
};

// Whoever the token endpoint lets in can be named, stopped, and is refused then.
TEST_F(ProviderTokenTest, EverySubjectThatPassesCanBeStopped) {
  std::vector<std::string> subjects{
      "CN=Nora Smith,OU=Users", "ACME\\nora", "o'brien", "j\u00f6rg", std::string(200, 'n'),
      std::string(512, 'n'),    "users",      "a/b?c#d", "\u540d",    "\"quoted\""};
  for (const std::string& odd : {std::string(513, 'n'), std::string("a\nb"), std::string("a\x7f"),
                                 std::string("a\u0085"), std::string("\0", 1)})
    subjects.push_back(odd);
  std::mt19937 random(11);
  static constexpr std::string_view kPieces[] = {"a",      "'",      "\"",     "\\", "/",  " ",
                                                 "\u00e4", "\u0001", "\u0090", "%",  "::", "*"};
  for (int i = 0; i < 40; ++i) {
    std::string subject;
    for (int piece = 0; piece < 4; ++piece) subject += kPieces[random() % std::size(kPieces)];
    subjects.push_back(subject);
  }
  int passed = 0;
  for (const auto& subject : subjects) {
    const auto before = portal_asks(world_.provider_claims(subject));
    const auto id = user_name("", subject);  // a long one is called by its digest
    const bool stopped = world_.directory.order(id, inventory::Status::kSuspended).has_value();
    EXPECT_EQ(before == "issued", stopped) << subject << ": " << before;
    if (before == "issued") {
      ++passed;
      EXPECT_EQ(portal_asks(world_.provider_claims(subject)), "invalid_request/subject_suspended") << subject;
    }
  }
  EXPECT_GT(passed, 20);
}

TEST_F(ProviderTokenTest, ATokenMadeForAClientIsThatClientsToExchange) {
  auto claims = world_.provider_claims("somebody");
  for (const char* name : {"azp", "client_id", "cid", "appid"}) {
    auto named = claims;
    named.set(name, "support-portal");
    EXPECT_EQ(portal_asks(named), "issued") << name;
    named.set(name, "marketing-app");
    EXPECT_EQ(portal_asks(named), "invalid_request/caller_mismatch") << name;
  }
  claims.set("azp", "somebody");
  EXPECT_EQ(portal_asks(claims), "invalid_request/caller_mismatch");
}

TEST_F(ProviderTokenTest, AnotherClientTakesItOverOnlyWhenBothTheTokenAndTheInventorySaySo) {
  const auto hash = crypto::hash_secret(Secret(std::string(kSecret))).value();
  world_.add({.id = "mobile-app",
              .kind = inventory::Kind::kApplication,
              .acts_for = {"users"},
              .purposes = {"support"}});
  world_.add({.id = "bff",
              .kind = inventory::Kind::kApplication,
              .acts_for = {"users", "mobile-app", "marketing-app"},
              .accept_from = {"mobile-app"},
              .purposes = {"support"},
              .secret_hash = hash});
  const auto asked = [&](const char* made_for, std::initializer_list<const char*> audiences) {
    auto claims = world_.provider_claims("somebody");
    auto aud = Json::array();
    aud.push(kIssuer);
    for (const char* each : audiences) aud.push(each);
    claims.set("azp", made_for);
    claims.set("aud", aud);
    return asks(claims, World::basic("bff"));
  };
  EXPECT_EQ(outcome(asked("mobile-app", {})), "invalid_request/caller_mismatch");
  EXPECT_EQ(outcome(asked("marketing-app", {"bff"})), "invalid_request/caller_mismatch");
  // Both say so; now policies are asked about the named client too.
  const auto refused = asked("mobile-app", {"bff"});
  EXPECT_EQ(outcome(refused), "invalid_target/policy_no_permit");
  world_.policies = World::compiled(
      std::string(kPolicies) + R"(@id("apps") permit (principal is Writ::Application, action, resource);)");
  const auto issued = asked("mobile-app", {"bff"});
  ASSERT_EQ(outcome(issued), "issued");
  const auto claims = world_.claims(World::access_token(issued));
  EXPECT_EQ(claims.client_id, "bff");
  EXPECT_EQ(claims.actors, (std::vector<Actor>{{"bff", {}}, {"mobile-app", {}}}));
  ASSERT_TRUE(world_.directory.order("mobile-app", inventory::Status::kSuspended));
  EXPECT_EQ(outcome(asked("mobile-app", {"bff"})), "unauthorized_client/caller_suspended");
}

TEST_F(ProviderTokenTest, AProvidersTokenThatIsBoundToAKeyIsExchangedWithItsProofAlone) {
  auto claims = world_.provider_claims("somebody");
  const auto key = new_key();
  claims.set("cnf", Json::object({{"jkt", key.public_jwk().thumbprint()}}));
  EXPECT_EQ(portal_asks(claims), "invalid_request/sender_binding_missing");
  const auto with_proof_of = [&](const jose::PrivateJwk& prover) {
    auto headers = World::basic("support-portal");
    headers.add("DPoP", world_.proof(prover));
    return asks(claims, headers);
  };
  EXPECT_EQ(outcome(with_proof_of(new_key())), "invalid_request/sender_binding_mismatch");
  const auto issued = with_proof_of(key);
  ASSERT_EQ(outcome(issued), "issued");
  EXPECT_EQ(world_.claims(World::access_token(issued)).key_thumbprint, key.public_jwk().thumbprint());
}

TEST_F(ProviderTokenTest, WhoMayActIsTheClientOrNobody) {
  auto claims = world_.provider_claims("somebody");
  claims.set("may_act", Json::object({{"sub", "support-portal"}}));
  EXPECT_EQ(portal_asks(claims), "issued");
  claims.set("may_act", Json::object({{"sub", "marketing-app"}}));
  EXPECT_EQ(portal_asks(claims), "invalid_request/delegation_not_authorised");
}

TEST_F(ProviderTokenTest, TheTokenSaysWhoseWordItsSubjectIsAlsoWhenItIsHandedOn) {
  EXPECT_EQ(world_.claims(world_.portal_token()).subject_issuer, kProvider);
  EXPECT_EQ(world_.claims(world_.agent_token(world_.portal_token())).subject_issuer, kProvider);
}

}  // namespace
}  // namespace writ::oauth::testing::provider_token_test
