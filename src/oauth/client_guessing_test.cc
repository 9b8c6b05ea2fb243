// Who does not know a client's credentials: what they learn, how fast they may try, and whom they hold up.
#include <algorithm>
#include <gtest/gtest.h>

#include "oauth/client_authentication.h"
#include "oauth/testing/world.h"

namespace writ::oauth::testing::client_guessing_test {
namespace {

using Standing = ClientAuthentication::Standing;

class ClientGuessingTest : public ::testing::Test {
 protected:
  Outcome<AuthenticatedClient> authenticate(http::Request request) const {
    const auto credentials = Credentials::read(request, Form::parse(request.body).value());
    if (!credentials) return std::unexpected(credentials.error());
    return world_.clients.authenticate(*credentials, world_.clock.now());
  }
  static http::Request secret_from(std::string peer, std::string_view client, std::string_view secret) {
    auto request = post("/oauth2/token", {}, World::basic(client, secret));
    request.peer_ip = std::move(peer);
    return request;
  }
  Standing standing(const http::Request& request) const {
    return world_.clients.glance(request, world_.clock.now()).standing;
  }

  World world_;
};

TEST_F(ClientGuessingTest, AForgedAssertionSaysTheSameOfAClientThatIsThereAndOfOneThatIsNot) {
  const auto forger = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto other_kind = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  int next = 1;
  for (const jose::PrivateJwk* key :
       {&forger, &other_kind, static_cast<const jose::PrivateJwk*>(&world_.drafter_key)}) {
    const auto said = [&](std::string_view client) {
      auto request = post("/oauth2/token", world_.as(*key, client));
      request.peer_ip = "198.51.100." + std::to_string(next++);  // each one is looked at
      const auto refusal = authenticate(std::move(request)).error();
      return std::string(error_name(refusal.error)) + "/" + std::string(reason_code(*refusal.reason)) + "/" +
             refusal.description + "/" + refusal.party;
    };
    // With keys, with a secret, a user, and nobody.
    const auto there = said("support-agent");
    for (const auto* client : {"support-portal", "nora", "nobody"}) EXPECT_EQ(said(client), there) << client;
  }
}

// Medians: one signature is looked at in each case, and nothing else takes as long.
TEST_F(ClientGuessingTest, AForgedAssertionCostsTheSameForAClientThatIsThereAndForOneThatIsNot) {
  const auto forger = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  int next = 1;
  const auto cost = [&](const Fields& fields) {
    auto request = post("/oauth2/token", fields);
    std::vector<std::int64_t> times;
    for (int i = 0; i < 41; ++i) {
      request.peer_ip = "198.51.100." + std::to_string(next++);  // each one is looked at
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_FALSE(authenticate(request));
      times.push_back((std::chrono::steady_clock::now() - begin).count());
    }
    std::ranges::sort(times);
    return static_cast<double>(times[20]);
  };
  // Its own key, but another's words: the key is found, and the signature is wrong.
  auto claims = world_.assertion_claims("support-agent");
  auto signed_by_it = World::assertion(world_.agent_key, claims);
  auto& changed = signed_by_it[1].second[signed_by_it[1].second.rfind('.') + 10];
  changed = changed == 'A' ? 'B' : 'A';
  const double known_key = cost(signed_by_it);
  const double unknown_key = cost(world_.as(forger, "support-agent"));
  const double nobody = cost(world_.as(forger, "nobody"));
  EXPECT_LT(std::max({known_key, unknown_key, nobody}), 2 * std::min({known_key, unknown_key, nobody}));
}

TEST_F(ClientGuessingTest, TooManyWrongSecretsAreSlowedDownWhoeverTheyAreFor) {
  for (const auto* client : {"support-portal", "nobody"}) {
    const std::string peer = std::string("198.51.100.") + (client == std::string("nobody") ? "1" : "2");
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(authenticate(secret_from(peer, client, "guess")).error().error, OauthError::kInvalidClient);
    const auto slowed = authenticate(secret_from(peer, client, "guess")).error();
    EXPECT_EQ(slowed.error, OauthError::kSlowDown);
    const auto response = to_response(slowed);
    EXPECT_EQ(response.status, 429);
    EXPECT_GT(std::stoi(std::string(*response.headers.find("Retry-After"))), 0);
    // The right one, from there, is a guess as well; from elsewhere it is right.
    EXPECT_FALSE(authenticate(secret_from(peer, "support-portal", kSecret)));
  }
  EXPECT_TRUE(authenticate(secret_from("198.51.100.3", "support-portal", kSecret)));
}

TEST_F(ClientGuessingTest, TooManyForgedAssertionsAreSlowedDownWhoeverTheyAreFor) {
  const auto forger = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  for (const auto* client : {"support-agent", "nobody"}) {
    const std::string peer = std::string("198.51.100.") + (client == std::string("nobody") ? "1" : "2");
    const auto said = [&](http::Request request) {
      request.peer_ip = peer;
      return authenticate(std::move(request)).error();
    };
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(said(post("/oauth2/token", world_.as(forger, client))).error, OauthError::kInvalidClient);
    const auto slowed = said(post("/oauth2/token", world_.as(forger, client)));
    EXPECT_EQ(slowed.error, OauthError::kSlowDown);
    EXPECT_NE(slowed.description.find("assertions with a wrong signature"), std::string::npos);
    EXPECT_EQ(to_response(slowed).status, 429);
    // A good one from there is not looked at either; a secret is, and so is a good one from elsewhere.
    EXPECT_EQ(said(post("/oauth2/token", world_.as_agent())).error, OauthError::kSlowDown);
    EXPECT_TRUE(authenticate(secret_from(peer, "support-portal", kSecret)));
  }
  EXPECT_TRUE(authenticate(post("/oauth2/token", world_.as_agent())));
  EXPECT_EQ(world_.clients.assertion_attempts().slowed, 4u);
  world_.clock.advance(std::chrono::minutes(1));
  auto later = post("/oauth2/token", world_.as_agent());
  later.peer_ip = "198.51.100.1";
  EXPECT_TRUE(authenticate(std::move(later)));
}

TEST_F(ClientGuessingTest, AForgerDoesNotHoldUpAClientThatIsKnownBehindTheSameAddress) {
  const auto forger = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  EXPECT_TRUE(authenticate(post("/oauth2/token", world_.as_agent())));
  for (int i = 0; i < 12; ++i) (void)authenticate(post("/oauth2/token", world_.as(forger, "nobody")));
  EXPECT_TRUE(authenticate(post("/oauth2/token", world_.as_agent())));
  // Its own name has a limit too, and then it waits.
  for (int i = 0; i < 12; ++i) (void)authenticate(post("/oauth2/token", world_.as(forger, "support-agent")));
  EXPECT_EQ(authenticate(post("/oauth2/token", world_.as_agent())).error().error, OauthError::kSlowDown);
}

TEST_F(ClientGuessingTest, AGoodSignatureOfSomethingWrongIsNoForgery) {
  auto claims = world_.assertion_claims("support-agent");
  claims.set("aud", "https://elsewhere.example");
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(authenticate(post("/oauth2/token", World::assertion(world_.agent_key, claims))).error().error,
              OauthError::kInvalidClient);
  EXPECT_TRUE(authenticate(post("/oauth2/token", world_.as_agent())));
}

TEST_F(ClientGuessingTest, ASecretThatWasFoundRightIsNotAGuess) {
  const std::string peer = "198.51.100.1";
  EXPECT_TRUE(authenticate(secret_from(peer, "support-portal", kSecret)));
  for (int i = 0; i < 12; ++i) (void)authenticate(secret_from(peer, "support-portal", "guess"));
  EXPECT_TRUE(authenticate(secret_from(peer, "support-portal", kSecret)));
}

TEST_F(ClientGuessingTest, AGlanceTellsWhoWaitsForWhom) {
  const std::string peer = "198.51.100.1";
  EXPECT_EQ(standing(secret_from(peer, "support-portal", kSecret)), Standing::kSecret);
  EXPECT_TRUE(authenticate(secret_from(peer, "support-portal", kSecret)));
  EXPECT_EQ(standing(secret_from(peer, "support-portal", kSecret)), Standing::kKnown);
  EXPECT_EQ(standing(secret_from(peer, "support-portal", "guess")), Standing::kSecret);
  (void)authenticate(secret_from(peer, "support-portal", "guess"));
  EXPECT_EQ(standing(secret_from(peer, "support-portal", "guess")), Standing::kGuess);
  EXPECT_EQ(standing(secret_from(peer, "nobody", "guess")), Standing::kGuess);
  EXPECT_EQ(standing(secret_from(peer, "support-portal", kSecret)), Standing::kKnown);
  EXPECT_EQ(standing(post("/oauth2/token", world_.as_agent())), Standing::kAssertion);
  EXPECT_EQ(standing(post("/oauth2/token", {}, {{"Authorization", "Bearer x"}})), Standing::kAssertion);
}

TEST_F(ClientGuessingTest, SourcesHaveTurnsOfTheirOwn) {
  const auto turn = [&](std::string peer) {
    return world_.clients.glance(secret_from(std::move(peer), "support-portal", "x"), kNow).turn;
  };
  EXPECT_NE(turn("198.51.100.1"), turn("198.51.100.2"));
  EXPECT_EQ(turn("198.51.100.1"), turn("::ffff:198.51.100.1"));
  EXPECT_EQ(turn("2001:db8::1"), turn("2001:db8::2"));
}

}  // namespace
}  // namespace writ::oauth::testing::client_guessing_test
