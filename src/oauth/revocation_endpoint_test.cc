#include "oauth/revocation_endpoint.h"

#include <gtest/gtest.h>

#include "oauth/testing/world.h"

namespace writ::oauth::testing::revocation_endpoint_test {
namespace {

class BrokenStore final : public token::RevocationStore {
 public:
  Result<void> save(const token::Revocation&) override { return failure(ErrorCode::kIo, "the disk is full"); }
  Result<std::vector<token::Revocation>> load() override { return std::vector<token::Revocation>(); }
  Result<void> forget_revocations(Instant) override { return {}; }
};

class RevocationEndpointTest : public ::testing::Test {
 protected:
  http::Response revoke(const Fields& fields, std::string_view client = "support-portal") {
    return world_.revocation.handle(post("/oauth2/revoke", fields, World::basic(client)));
  }
  std::string state(std::string_view token) {
    return token::testing::outcome(world_.verifier.verify_parameter(token, world_.clock.now()));
  }

  World world_;
  const std::string token_ = world_.portal_token();
};

TEST_F(RevocationEndpointTest, AClientRevokesItsOwnToken) {
  EXPECT_EQ(state(token_), "valid");
  const auto response = revoke({{"token", token_}, {"token_type_hint", "refresh_token"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(state(token_), "token_revoked");
  EXPECT_NE(world_.audit.back().find("token.revoked"), std::string::npos);
  EXPECT_EQ(world_.audit.back().find(token_), std::string::npos);
}

TEST_F(RevocationEndpointTest, AnotherClientsTokenIsLeftAlone) {
  EXPECT_EQ(outcome(revoke({{"token", token_}}, "marketing-app")), "unauthorized_client/caller_mismatch");
  EXPECT_EQ(state(token_), "valid");
  EXPECT_NE(world_.audit.back().find("token.revocation_refused"), std::string::npos);
}

TEST_F(RevocationEndpointTest, ATokenThatIsNotValidNeedsNoRevocation) {
  EXPECT_EQ(revoke({{"token", "nonsense"}}).status, 200);
  world_.clock.advance(5min);
  EXPECT_EQ(revoke({{"token", token_}}).status, 200);
  EXPECT_EQ(world_.revocations.size(), 0u);
}

// It could be good at an API, and would stay so.
TEST_F(RevocationEndpointTest, WhatCannotBeTakenBackHereIsNotSaidToBe) {
  EXPECT_EQ(outcome(revoke({{"token", world_.provider_token()}})), "unsupported_token_type/-");
  EXPECT_EQ(outcome(revoke({{"token", "writ_ak_" + std::string(16, '0') + "_" + std::string(56, '0')}})),
            "unsupported_token_type/-");
  EXPECT_EQ(outcome(revoke({{"token", "writ_ak_mistyped"}})), "unsupported_token_type/-");
  EXPECT_NE(world_.audit.back().find("token.revocation_refused"), std::string::npos);
  EXPECT_EQ(world_.audit.back().find("mistyped"), std::string::npos);
}

TEST_F(RevocationEndpointTest, TheClientMustAuthenticate) {
  const auto response = world_.revocation.handle(post("/oauth2/revoke", {{"token", token_}}));
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(state(token_), "valid");
}

TEST_F(RevocationEndpointTest, MalformedRequestsAreRefused) {
  EXPECT_EQ(outcome(revoke({})), "invalid_request/-");
  auto request = post("/oauth2/revoke", {{"token", token_}}, World::basic("support-portal"));
  request.method = "GET";
  EXPECT_EQ(world_.revocation.handle(request).status, 405);
}

TEST_F(RevocationEndpointTest, WithoutAnAuditRecordNothingIsAcknowledged) {
  world_.audit_broken = true;
  EXPECT_EQ(revoke({{"token", token_}}).status, 503);
}

TEST_F(RevocationEndpointTest, ARevocationThatIsNotDurableIsNotAcknowledged) {
  BrokenStore store;
  token::Revocations revocations(&store);
  const RevocationEndpoint endpoint({.clock = world_.clock,
                                     .clients = world_.clients,
                                     .verifier = world_.verifier,
                                     .revocations = revocations,
                                     .record = world_.record});
  EXPECT_EQ(
      endpoint.handle(post("/oauth2/revoke", {{"token", token_}}, World::basic("support-portal"))).status,
      503);
}

// A client that takes back more than is kept.

class ManyRevocations : public RevocationEndpointTest {
 protected:
  std::string state(std::string_view token) {
    return token::testing::outcome(verifier_.verify_parameter(token, world_.clock.now()));
  }
  int revoke(const std::string& token) {
    return endpoint_.handle(post("/oauth2/revoke", {{"token", token}}, World::basic("support-portal")))
        .status;
  }

  token::Revocations revocations_{nullptr, 2};
  const token::Verifier verifier_{
      {.issuer = std::string(kIssuer)}, world_.ring->snapshot()->public_keys, revocations_, world_.replays};
  const RevocationEndpoint endpoint_{{.clock = world_.clock,
                                      .clients = world_.clients,
                                      .verifier = verifier_,
                                      .revocations = revocations_,
                                      .record = world_.record}};
};

TEST_F(ManyRevocations, TakesBackAllOfItsTokensAndNobodyElses) {
  const auto nightly = World::access_token(world_.ask({{"grant_type", std::string(kGrantClientCredentials)},
                                                       {"resource", std::string(kInvoices)},
                                                       {"purpose", "export"}},
                                                      World::basic("nightly-export")));
  const auto other = world_.portal_token();
  const auto agents = world_.agent_token(other);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(revoke(world_.portal_token()), 200);
  EXPECT_EQ(state(other), "valid");
  EXPECT_EQ(revoke(world_.portal_token()), 200);
  EXPECT_EQ(state(other), "token_revoked") << "rather one too many than one too few";
  EXPECT_EQ(state(agents), "token_revoked") << "what was exchanged from one of them";
  EXPECT_EQ(state(nightly), "valid");
  EXPECT_EQ(revocations_.size(), 3u) << "two tokens, and all until now";
  EXPECT_NE(world_.audit.back().find("all tokens of the client's"), std::string::npos);
  world_.clock.advance(1s);
  const auto later = world_.portal_token();
  EXPECT_EQ(state(later), "valid");
  EXPECT_EQ(revoke(later), 200);
  EXPECT_EQ(state(later), "token_revoked");
  EXPECT_EQ(revocations_.size(), 3u) << "nothing more is kept";
}

TEST_F(ManyRevocations, AreCountedForTwoHours) {
  for (int i = 0; i < 2; ++i) EXPECT_EQ(revoke(world_.portal_token()), 200);
  EXPECT_EQ(revocations_.reach_of("support-portal", world_.clock.now()), token::Reach::kAllOfClient);
  EXPECT_EQ(revocations_.reach_of("nightly-export", world_.clock.now()), token::Reach::kToken);
  EXPECT_EQ(revocations_.reach_of("support-portal", world_.clock.now() + 2h), token::Reach::kToken);
}

}  // namespace
}  // namespace writ::oauth::testing::revocation_endpoint_test
