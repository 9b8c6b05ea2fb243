// Access tokens that are bound to the certificate of their client (RFC 8705 §3): whose they are, and where
// they are refused.
#include <gtest/gtest.h>

#include "oauth/testing/world.h"

namespace writ::oauth::testing::bound_tokens_test {
namespace {

const std::string kOwn(43, 'a'), kOther(43, 'b');

class BoundTokens : public ::testing::Test {
 protected:
  BoundTokens() {
    static const std::string hash = crypto::hash_secret(Secret(std::string(kSecret))).value();
    w_.add({.id = "batch",
            .kind = inventory::Kind::kService,
            .purposes = {"export"},
            .certificates = {{.dns = "batch.acme.example"}}});
    w_.add({.id = "bound-portal",
            .kind = inventory::Kind::kApplication,
            .acts_for = {"users"},
            .purposes = {"support"},
            .secret_hash = hash,
            .certificate_bound = true});
    w_.policies = World::compiled(R"(@id("all") permit (principal, action, resource);)");
  }

  http::Response ask(const Fields& fields, std::string certificate, const http::Headers& headers = {}) {
    auto request = post("/oauth2/token", fields, headers);
    request.peer_certificate = std::move(certificate);
    request.peer_names =
        std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"DNS:batch.acme.example"});
    return endpoint_.handle(request);
  }
  http::Response batch(const http::Headers& headers = {}) {
    return ask({{"client_id", "batch"},
                {"grant_type", "client_credentials"},
                {"resource", std::string(kInvoices)},
                {"purpose", "export"}},
               kOwn, headers);
  }
  http::Response portal(std::string certificate, const std::string& proof = "") {
    auto headers = World::basic("bound-portal");
    if (!proof.empty()) headers.add("DPoP", proof);
    return ask(World::exchange(w_.provider_token(), kTypeJwt,
                               {{"resource", std::string(kInvoices)}, {"purpose", "support"}}),
               std::move(certificate), headers);
  }
  // What the gateway says to the token over a connection with this certificate.
  std::string used(std::string_view token, std::string_view certificate) const {
    const auto headers = http::Headers{{"Authorization", "Bearer " + std::string(token)}};
    const auto presented = token::Presented::from_headers(headers).value().with_certificate(certificate);
    const auto verified = w_.verifier.verify(presented, std::nullopt, w_.clock.now());
    return verified ? "good" : std::string(reason_code(verified.error().reason));
  }

  World w_;
  TokenEndpoint endpoint_{
      {.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl), .bind_certificates = true},
      {.clock = w_.clock,
       .clients = w_.clients,
       .tasks = w_.tasks,
       .trusted_issuers = w_.trusted,
       .verifier = w_.verifier,
       .minter = w_.minter,
       .replays = w_.replays,
       .current = w_.current,
       .record = w_.record}};
};

TEST_F(BoundTokens, AClientThatAuthenticatesByItsCertificateGetsATokenThatIsBoundToIt) {
  const auto answer = batch();
  ASSERT_EQ(outcome(answer), "issued") << answer.body;
  EXPECT_EQ(*World::body(answer).find_string("token_type"), "Bearer");
  const auto token = World::access_token(answer);
  EXPECT_EQ(w_.claims(token).certificate_thumbprint, kOwn);
  EXPECT_TRUE(w_.claims(token).sender_bound());
  EXPECT_EQ(used(token, kOwn), "good");
  EXPECT_EQ(used(token, kOther), "sender_binding_mismatch");
  EXPECT_EQ(used(token, ""), "sender_binding_missing");
}

TEST_F(BoundTokens, WhereTheGatewayAsksForNoCertificateItsTokensAreNotBound) {
  auto request = post("/oauth2/token", {{"client_id", "batch"},
                                        {"grant_type", "client_credentials"},
                                        {"resource", std::string(kInvoices)},
                                        {"purpose", "export"}});
  request.peer_certificate = kOwn;
  request.peer_names =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"DNS:batch.acme.example"});
  const auto answer = w_.endpoint.handle(request);
  ASSERT_EQ(outcome(answer), "issued") << answer.body;
  EXPECT_FALSE(w_.claims(World::access_token(answer)).sender_bound());
}

TEST_F(BoundTokens, AClientWhoseTokensAreBoundGetsNoneWithoutACertificate) {
  const auto answer = portal(kOwn);
  ASSERT_EQ(outcome(answer), "issued") << answer.body;
  EXPECT_EQ(w_.claims(World::access_token(answer)).certificate_thumbprint, kOwn);
  EXPECT_EQ(outcome(portal("")), "invalid_request/sender_binding_missing");
}

// With another method of authentication a certificate alone asks for nothing.
TEST_F(BoundTokens, ACertificateBesideASecretBindsNothingThatNobodyAskedFor) {
  const auto answer = ask(World::exchange(w_.provider_token(), kTypeJwt,
                                          {{"resource", std::string(kInvoices)}, {"purpose", "support"}}),
                          kOwn, World::basic("support-portal"));
  ASSERT_EQ(outcome(answer), "issued") << answer.body;
  EXPECT_FALSE(w_.claims(World::access_token(answer)).sender_bound());
}

TEST_F(BoundTokens, AProofBindsToItsKeyInsteadAndIsRefusedWhereTheCertificateIsDemanded) {
  const auto key = new_key();
  const auto answer = batch({{"DPoP", w_.proof(key)}});
  ASSERT_EQ(outcome(answer), "issued") << answer.body;
  const auto claims = w_.claims(World::access_token(answer));
  EXPECT_EQ(claims.key_thumbprint, key.public_jwk().thumbprint());
  EXPECT_FALSE(claims.certificate_thumbprint);
  EXPECT_EQ(outcome(portal(kOwn, w_.proof(key))), "invalid_dpop_proof/sender_binding_mismatch");
}

TEST_F(BoundTokens, ABoundTokenIsExchangedOverAConnectionWithItsCertificateAlone) {
  const auto token = World::access_token(portal(kOwn));
  const auto exchanged = [&](std::string certificate) {
    return outcome(ask(
        World::exchange(token, kTypeAccessToken, {{"resource", std::string(kMail)}, {"purpose", "support"}}),
        std::move(certificate), World::basic("bound-portal")));
  };
  EXPECT_EQ(exchanged(kOwn), "issued");
  EXPECT_EQ(exchanged(kOther), "invalid_request/sender_binding_mismatch");
  // An agent that has only the token has nothing.
  const auto taken_over = [&](std::string certificate) {
    return outcome(
        ask(World::joined(World::exchange(token, kTypeAccessToken, {{"resource", std::string(kInvoices)}}),
                          w_.as_agent()),
            std::move(certificate)));
  };
  EXPECT_EQ(taken_over(""), "invalid_request/sender_binding_missing");
  EXPECT_EQ(taken_over(kOther), "invalid_request/sender_binding_mismatch");
}

}  // namespace
}  // namespace writ::oauth::testing::bound_tokens_test
