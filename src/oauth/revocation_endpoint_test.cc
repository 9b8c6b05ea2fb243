#include "oauth/revocation_endpoint.h"

#include <gtest/gtest.h>

#include "oauth/testing/world.h"

namespace writ::oauth::testing {
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
  EXPECT_EQ(revoke({{"token", world_.provider_token()}}).status, 200);
  world_.clock.advance(5min);
  EXPECT_EQ(revoke({{"token", token_}}).status, 200);
  EXPECT_EQ(world_.revocations.size(), 0u);
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

}  // namespace
}  // namespace writ::oauth::testing
