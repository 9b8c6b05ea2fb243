// What a client authenticated with stands in its token, of its own token alone, and policies may need it.
#include <gtest/gtest.h>

#include "oauth/testing/workloads.h"

namespace writ::oauth::testing::client_credential_claim_test {
namespace {

const Instant kMade = kNow - std::chrono::days(40);

class ClientCredentialClaim : public ::testing::Test {
 protected:
  ClientCredentialClaim() {
    auto portal = w_.directory.snapshot()->find("support-portal")->identity();
    portal.credentials = {{.type = inventory::CredentialType::kSecret, .created_at = kMade}};
    WRIT_CHECK(w_.directory.update(portal).has_value());
    auto agent = w_.directory.snapshot()->find("support-agent")->identity();
    agent.credentials = {{.type = inventory::CredentialType::kKey,
                          .id = w_.agent_key.public_jwk().thumbprint(),
                          .created_at = kMade + std::chrono::days(1)}};
    WRIT_CHECK(w_.directory.update(agent).has_value());
  }

  token::AccessClaims by_secret(std::string_view secret = kSecret) {
    return w_.claims(w_.portal_token(kInvoices, World::basic("support-portal", secret)));
  }
  token::AccessClaims of_itself(const Fields& credentials) {
    return w_.claims(World::access_token(w_.here.handle(
        post("/oauth2/token",
             World::joined({{"grant_type", "client_credentials"}, {"resource", std::string(kInvoices)}},
                           credentials)))));
  }

  WorkloadWorld w_;
};

TEST_F(ClientCredentialClaim, ASecretIsNamedWithItsDay) {
  const auto claims = by_secret();
  EXPECT_EQ(claims.credential_kind, "secret");
  EXPECT_EQ(claims.credential_created, kMade);
}

TEST_F(ClientCredentialClaim, OfThePreviousSecretNobodyKnowsTheDay) {
  auto portal = w_.directory.snapshot()->find("support-portal")->identity();
  portal.previous_secret = inventory::PreviousSecret{*portal.secret_hash, w_.clock.now() + 1h};
  portal.secret_hash = crypto::hash_secret(Secret("new")).value();
  ASSERT_TRUE(w_.directory.update(portal).has_value());
  for (int turn = 0; turn < 2; ++turn) {  // hashed, then from memory
    EXPECT_EQ(by_secret().credential_kind, "secret");
    EXPECT_EQ(by_secret().credential_created, std::nullopt);
    EXPECT_EQ(by_secret("new").credential_created, kMade);
  }
}

TEST_F(ClientCredentialClaim, AnExchangedTokenNamesTheCredentialOfWhoExchangedIt) {
  const auto claims = w_.claims(w_.agent_token(w_.portal_token()));
  EXPECT_EQ(claims.client_id, "support-agent");
  EXPECT_EQ(claims.credential_kind, "key");
  EXPECT_EQ(claims.credential_created, kMade + std::chrono::days(1));
}

TEST_F(ClientCredentialClaim, WhoseDayIsNotKnownHasNoneOfTheTokenThatItExchanged) {
  auto agent = w_.directory.snapshot()->find("support-agent")->identity();
  agent.credentials.clear();
  ASSERT_TRUE(w_.directory.update(agent).has_value());
  const auto claims = w_.claims(w_.agent_token(w_.portal_token()));
  EXPECT_EQ(claims.credential_kind, "key");
  EXPECT_EQ(claims.credential_created, std::nullopt);
}

TEST_F(ClientCredentialClaim, AWorkloadsCredentialIsItsPlatformsTokenOfThen) {
  const auto claims = of_itself(w_.by(w_.platform_key, w_.kubernetes(), "exporter"));
  EXPECT_EQ(claims.credential_kind, "federation");
  EXPECT_EQ(claims.credential_created, w_.clock.now());
}

TEST_F(ClientCredentialClaim, ACertificateIsNamedByItsRule) {
  w_.add({.id = "svid",
          .kind = inventory::Kind::kService,
          .certificates = {{.uri = "spiffe://acme.example/svid"}},
          .credentials = {{.type = inventory::CredentialType::kCertificate,
                           .id = "spiffe://acme.example/svid",
                           .created_at = kMade}}});
  auto request = post(
      "/oauth2/token",
      {{"client_id", "svid"}, {"grant_type", "client_credentials"}, {"resource", std::string(kInvoices)}});
  request.peer_certificate = "other";
  request.peer_names = std::make_shared<const std::vector<std::string>>(
      std::vector<std::string>{"URI:spiffe://acme.example/svid"});
  const auto claims = w_.claims(World::access_token(w_.here.handle(request)));
  EXPECT_EQ(claims.credential_kind, "certificate");
  EXPECT_EQ(claims.credential_created, kMade);
}

TEST_F(ClientCredentialClaim, APolicyThatNeedsAKeyRefusesASecret) {
  w_.policies = World::compiled(std::string(kPolicies) + R"(
    @id("with-keys-alone") forbid (principal is Writ::Application, action == Writ::Action::"issue", resource)
    unless { context.credential has kind && context.credential.kind == "key" };)");
  const auto response =
      w_.ask(World::exchange(w_.provider_token(), kTypeJwt,
                             {{"resource", std::string(kInvoices)}, {"purpose", "support"}}),
             World::basic("support-portal"));
  EXPECT_EQ(outcome(response).substr(outcome(response).find('/')), "/policy_forbid");
}

}  // namespace
}  // namespace writ::oauth::testing::client_credential_claim_test
