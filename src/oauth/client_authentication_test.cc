#include "oauth/client_authentication.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <thread>

#include "crypto/secret_hash.h"
#include "oauth/testing/world.h"

namespace writ::oauth::testing::client_authentication_test {
namespace {

class ClientAuthenticationTest : public ::testing::Test {
 protected:
  // The client's id, or "error/reason".
  std::string authenticate(const Fields& fields, const http::Headers& headers = {}) {
    const auto request = post("/oauth2/token", fields, headers);
    const auto form = Form::parse(request.body).value();
    const auto credentials = Credentials::read(request, form);
    if (!credentials) return text(credentials.error());
    const auto client = world_.clients.authenticate(*credentials, world_.clock.now());
    return client ? client->id() : text(client.error());
  }
  static std::string text(const Refusal& refusal) {
    return std::string(error_name(refusal.error)) + "/" +
           (refusal.reason ? std::string(reason_code(*refusal.reason)) : "-");
  }
  std::string agent_with(std::string_view member, Json value) {
    auto claims = world_.assertion_claims("support-agent");
    claims.set(member, std::move(value));
    return authenticate(World::assertion(world_.agent_key, claims));
  }
  std::string agent_without(std::string_view member) {
    auto claims = world_.assertion_claims("support-agent");
    std::erase_if(*claims.if_object(), [&](const auto& each) { return each.first == member; });
    return authenticate(World::assertion(world_.agent_key, claims));
  }

  World world_;
};

TEST_F(ClientAuthenticationTest, ABasicSecretIsFormDecodedAndAccepted) {
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "support-portal");
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "support-portal") << "from memory";
}

TEST_F(ClientAuthenticationTest, TheSchemesNameHasNoCase) {
  const auto value = "bAsIc " + codec::base64_encode("support-portal:" + form_encode(kSecret));
  EXPECT_EQ(authenticate({}, {{"Authorization", value}}), "support-portal");
}

TEST_F(ClientAuthenticationTest, AWrongSecretIsRefused) {
  EXPECT_EQ(authenticate({}, World::basic("support-portal", "guess")), "invalid_client/caller_unknown");
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "support-portal");
  EXPECT_EQ(authenticate({}, World::basic("support-portal", "guess")), "invalid_client/caller_unknown");
}

TEST_F(ClientAuthenticationTest, AnUnknownClientIsRefusedInTheSameWords) {
  const auto read = [&](std::string_view client, std::string_view secret) {
    const auto request = post("/", {}, World::basic(client, secret));
    const auto credentials = Credentials::read(request, Form::parse("").value()).value();
    return world_.clients.authenticate(credentials, kNow).error();
  };
  const auto unknown = read("nobody", kSecret), wrong = read("support-portal", "guess");
  EXPECT_EQ(unknown.description, wrong.description);
  EXPECT_EQ(unknown.reason, wrong.reason);
}

TEST_F(ClientAuthenticationTest, AnUnknownClientCostsAsMuchAsAWrongSecret) {
  const auto hashes = [&](std::string_view client) {
    const auto before = crypto::secret_hashes_computed();
    EXPECT_EQ(authenticate({}, World::basic(client, "guess")), "invalid_client/caller_unknown");
    return crypto::secret_hashes_computed() - before;
  };
  EXPECT_EQ(hashes("support-portal"), 1u);
  EXPECT_EQ(hashes("nobody"), 1u);
  EXPECT_EQ(hashes("support-agent"), 1u) << "a client without a secret";
}

TEST_F(ClientAuthenticationTest, AUserIsNoClient) {
  EXPECT_EQ(authenticate({}, World::basic("nora")), "invalid_client/caller_unknown");
}

TEST_F(ClientAuthenticationTest, AChangedSecretActsAtOnceAndTheOldOneStops) {
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "support-portal");
  auto portal = world_.directory.snapshot()->find("support-portal")->identity();
  portal.secret_hash = crypto::hash_secret(Secret("new")).value();
  ASSERT_TRUE(world_.directory.update(portal).has_value());
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "invalid_client/caller_unknown");
  EXPECT_EQ(authenticate({}, World::basic("support-portal", "new")), "support-portal");
}

TEST_F(ClientAuthenticationTest, ASuspendedClientIsRefusedAlsoFromMemory) {
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "support-portal");
  ASSERT_TRUE(world_.directory.order("support-portal", inventory::Status::kSuspended).has_value());
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "unauthorized_client/caller_suspended");
  EXPECT_EQ(authenticate({}, World::basic("support-portal", "guess")), "invalid_client/caller_unknown")
      << "its state is nobody else's business";
}

TEST_F(ClientAuthenticationTest, AClientThatExpiresIsRefusedFromThatMomentOn) {
  auto portal = world_.directory.snapshot()->find("support-portal")->identity();
  portal.expires_at = kNow + std::chrono::seconds(1);
  ASSERT_TRUE(world_.directory.update(portal).has_value());
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "support-portal");
  world_.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "unauthorized_client/caller_expired");
}

TEST_F(ClientAuthenticationTest, ASecretThatHasExpiredIsRefusedOnlyToTheOneThatKnowsIt) {
  auto portal = world_.directory.snapshot()->find("support-portal")->identity();
  portal.credentials = {
      {.type = inventory::CredentialType::kSecret, .expires_at = kNow + std::chrono::seconds(1)}};
  ASSERT_TRUE(world_.directory.update(portal).has_value());
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "support-portal");
  world_.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(authenticate({}, World::basic("support-portal")), "invalid_client/credential_expired");
  EXPECT_EQ(authenticate({}, World::basic("support-portal", "guess")), "invalid_client/caller_unknown");
}

TEST_F(ClientAuthenticationTest, AKeyThatHasExpiredVerifiesNothing) {
  auto agent = world_.directory.snapshot()->find("support-agent")->identity();
  const auto& key = agent.keys.at(0);
  agent.credentials = {{.type = inventory::CredentialType::kKey,
                        .id = key.kid().value_or(key.thumbprint()),
                        .expires_at = kNow + std::chrono::seconds(1)}};
  ASSERT_TRUE(world_.directory.update(agent).has_value());
  EXPECT_EQ(authenticate(world_.as_agent()), "support-agent");
  world_.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(authenticate(world_.as_agent()), "invalid_client/token_signature");
}

TEST_F(ClientAuthenticationTest, ARetiredClientIsRefused) {
  ASSERT_TRUE(world_.directory.order("support-agent", inventory::Status::kRetired).has_value());
  EXPECT_EQ(authenticate(world_.as_agent()), "unauthorized_client/caller_retired");
}

TEST_F(ClientAuthenticationTest, NoCredentialsAreRefused) {
  EXPECT_EQ(authenticate({}), "invalid_client/caller_unknown");
  EXPECT_EQ(authenticate({{"client_id", "support-portal"}}), "invalid_client/caller_unknown");
}

TEST_F(ClientAuthenticationTest, MoreThanOneMethodIsRefused) {
  const auto basic = World::basic("support-portal");
  EXPECT_EQ(authenticate(world_.as_agent(), basic), "invalid_request/caller_mismatch");
  EXPECT_EQ(authenticate({{"client_secret", "x"}}, basic), "invalid_request/caller_mismatch");
  auto both = world_.as_agent();
  both.emplace_back("client_secret", "x");
  EXPECT_EQ(authenticate(both), "invalid_request/caller_mismatch");
  auto twice = basic;
  twice.add("Authorization", *basic.find("Authorization"));
  EXPECT_EQ(authenticate({}, twice), "invalid_request/caller_mismatch");
}

TEST_F(ClientAuthenticationTest, AClientIdMustAgreeWithTheCredentials) {
  EXPECT_EQ(authenticate({{"client_id", "support-portal"}}, World::basic("support-portal")),
            "support-portal");
  EXPECT_EQ(authenticate({{"client_id", "marketing-app"}}, World::basic("support-portal")),
            "invalid_request/caller_mismatch");
  auto agent = world_.as_agent();
  agent.emplace_back("client_id", "mail-drafter");
  EXPECT_EQ(authenticate(agent), "invalid_request/caller_mismatch");
}

TEST_F(ClientAuthenticationTest, MalformedBasicCredentialsAreRefused) {
  for (const std::string value :
       {"Basic", "Basic ", "Basic !!!!", "Basic bm9jb2xvbg==", "Basic YTpi ", "Bearer abc",
        "Basic OnNlY3JldA==", "Basic cG9ydGFsOg==", "Basic YTolZg=="}) {
    EXPECT_EQ(authenticate({}, {{"Authorization", value}}), "invalid_client/caller_unknown") << value;
  }
  const auto huge = "Basic " + std::string(kMaxAuthorizationBytes, 'A');
  EXPECT_EQ(authenticate({}, {{"Authorization", huge}}), "invalid_client/caller_unknown");
}

TEST_F(ClientAuthenticationTest, AnAssertionIsAcceptedForIssuerOrTokenEndpoint) {
  EXPECT_EQ(authenticate(world_.as_agent()), "support-agent");
  EXPECT_EQ(agent_with("aud", Json(kTokenUrl)), "support-agent");
}

TEST_F(ClientAuthenticationTest, AnAssertionForSomeoneElseIsRefused) {
  EXPECT_EQ(agent_with("aud", Json("https://evil.example")), "invalid_client/audience_mismatch");
  auto two = Json::array();
  two.push(Json(kIssuer));
  two.push(Json("https://evil.example"));
  EXPECT_EQ(agent_with("aud", two), "invalid_client/audience_mismatch");
}

TEST_F(ClientAuthenticationTest, AnAssertionIsUsedOnce) {
  const auto agent = world_.as_agent();
  EXPECT_EQ(authenticate(agent), "support-agent");
  EXPECT_EQ(authenticate(agent), "invalid_client/token_replayed");
}

TEST_F(ClientAuthenticationTest, AnAssertionWithoutAnIdIsRefused) {
  EXPECT_EQ(agent_without("jti"), "invalid_client/token_malformed");
}

TEST_F(ClientAuthenticationTest, AnAssertionWithoutAnEndOrTooFarAwayOrPastIsRefused) {
  EXPECT_EQ(agent_without("exp"), "invalid_client/token_malformed");
  EXPECT_EQ(agent_with("exp", unix_seconds(kNow) + 1000), "invalid_client/token_malformed");
  EXPECT_EQ(agent_with("exp", unix_seconds(kNow)), "invalid_client/token_expired");
}

TEST_F(ClientAuthenticationTest, AnAssertionAboutAnotherIsRefused) {
  EXPECT_EQ(agent_with("sub", "mail-drafter"), "invalid_client/caller_mismatch");
}

TEST_F(ClientAuthenticationTest, AnAssertionOfAnotherKeyIsRefused) {
  EXPECT_EQ(authenticate(world_.as(new_key(), "support-agent")), "invalid_client/token_signature");
  EXPECT_EQ(authenticate(world_.as(world_.drafter_key, "support-agent")), "invalid_client/token_signature");
}

TEST_F(ClientAuthenticationTest, AnAssertionOfAnUnknownClientIsRefusedLikeAnUnknownKey) {
  EXPECT_EQ(authenticate(world_.as(new_key(), "nobody")), "invalid_client/token_signature");
  EXPECT_EQ(authenticate(world_.as(new_key(), "support-portal")), "invalid_client/token_signature");
}

TEST_F(ClientAuthenticationTest, AnAccessTokenIsNoAssertion) {
  auto claims = world_.assertion_claims("support-agent");
  const Fields fields{
      {"client_assertion_type", std::string(kAssertionJwtBearer)},
      {"client_assertion", jose::sign_jws(world_.agent_key, claims.dump(), "at+jwt").value()}};
  EXPECT_EQ(authenticate(fields), "invalid_client/token_type");
}

TEST_F(ClientAuthenticationTest, AHalfOrMistypedAssertionIsRefused) {
  auto agent = world_.as_agent();
  EXPECT_EQ(authenticate({agent[0]}), "invalid_request/token_malformed");
  EXPECT_EQ(authenticate({agent[1]}), "invalid_request/token_malformed");
  agent[0].second = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
  EXPECT_EQ(authenticate(agent), "invalid_request/token_type");
  agent = world_.as_agent();
  agent[1].second = "a.b.c";
  EXPECT_EQ(authenticate(agent), "invalid_client/token_malformed");
}

TEST_F(ClientAuthenticationTest, AReplayThatCannotBeRememberedIsAFailureOfOurs) {
  token::MemoryReplayGuard full({.per_scope = 0});
  const ClientAuthentication clients(
      {.issuer = std::string(kIssuer), .token_endpoint = std::string(kTokenUrl)}, world_.directory, full);
  std::string last;
  for (int i = 0; i < 40 && !last.starts_with("server_error"); ++i) {
    const auto request = post("/", world_.as_agent());
    const auto credentials = Credentials::read(request, Form::parse(request.body).value()).value();
    const auto client = clients.authenticate(credentials, kNow);
    last = client ? "ok" : text(client.error());
  }
  EXPECT_EQ(last, "server_error/indeterminate");
}

TEST_F(ClientAuthenticationTest, MayBeUsedFromManyThreads) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(authenticate({}, World::basic("support-portal")), "support-portal");
        EXPECT_EQ(authenticate(world_.as_agent()), "support-agent");
      }
    });
  }
}

}  // namespace
}  // namespace writ::oauth::testing::client_authentication_test
