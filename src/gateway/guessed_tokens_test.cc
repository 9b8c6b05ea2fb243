// Who brings tokens that are not good: what they are answered, and who goes on meanwhile.
#include <gtest/gtest.h>

#include "gateway/testing/world.h"

namespace writ::gateway::guessed_tokens_test {
namespace {

using testing::asked;
using testing::request;
using testing::World;
using namespace std::chrono_literals;

class GuessedTokensTest : public ::testing::Test {
 protected:
  http::Response ask(const http::Request& request) {
    const auto outcome = enforcer_.enforce(asked(request));
    return outcome ? http::text_response(200, "permit") : response_of(outcome.error());
  }
  http::Response forged() { return ask(request(world_.token() + "A")); }

  World world_;
  token::TokenAttempts attempts_{{.wrong_per_minute = 3}};
  enforce::Enforcer enforcer_{
      {.clock = world_.clock,
       .verifier = world_.tokens.verifier,
       .current = world_.current,
       .tasks = world_.tasks,
       .record = [this](audit::Record line,
                        audit::Log::Done done) { world_.audit.append(std::move(line), std::move(done)); },
       .writer = world_.writer,
       .attempts = &attempts_}};
};

TEST_F(GuessedTokensTest, AreAnswered401AndThen429WithWhenToTryAgain) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(forged().status, 401);
  const auto slowed = forged();
  EXPECT_EQ(slowed.status, 429);
  EXPECT_EQ(slowed.headers.find("Retry-After"), "21");
  const auto body = codec::parse_json(slowed.body).value();
  EXPECT_EQ(*body.find_string("error"), "slow_down");
  EXPECT_EQ(*body.find_string("reason"), "token_signature");
  EXPECT_EQ(world_.audit.size(), 4u) << "each is a stranger's refusal";
  world_.clock.set(world_.clock.now() + 21s);
  EXPECT_EQ(forged().status, 401);
}

TEST_F(GuessedTokensTest, AKnownCallerBehindTheSameAddressGoesOn) {
  const auto known = request(world_.token());
  EXPECT_EQ(ask(known).status, 200);
  for (int i = 0; i < 10; ++i) (void)forged();
  EXPECT_EQ(ask(known).status, 200);
  auto elsewhere = request(world_.token());
  elsewhere.peer_ip = "192.0.2.8";
  EXPECT_EQ(ask(elsewhere).status, 200);
}

TEST_F(GuessedTokensTest, ALookBeforeTheBodyIsReadIsNoAttempt) {
  const auto bad = request(world_.token() + "A");
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(enforcer_.recognises(credentials_in(bad), bad.peer_ip, "invoices"));
  EXPECT_EQ(forged().status, 401);
  EXPECT_EQ(attempts_.stats().tried, 1u);
}

TEST(FullMemoryOfProofs, IsAnswered503WithWhenToTryAgain) {
  World world;
  token::MemoryReplayGuard replays({.per_scope = 1, .total = 8});
  const token::Verifier verifier({.issuer = std::string(testing::kIssuer)},
                                 world.tokens.ring->snapshot()->public_keys, world.tokens.revocations,
                                 replays);
  enforce::Enforcer enforcer(
      {.clock = world.clock,
       .verifier = verifier,
       .current = world.current,
       .tasks = world.tasks,
       .record = [&](audit::Record line,
                     audit::Log::Done done) { world.audit.append(std::move(line), std::move(done)); },
       .writer = world.writer});
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  auto claims = world.claims();
  claims.key_thumbprint = key.public_jwk().thumbprint();
  const auto token = world.token(claims);
  const auto ask = [&] {
    auto bound = request("");
    bound.headers =
        world.bound_headers(key, token, "GET", std::string(testing::kOrigin) + bound.encoded_path);
    auto question = asked(bound);
    question.public_origin = testing::kOrigin;
    return enforcer.enforce(question);
  };
  EXPECT_TRUE(ask());
  const auto full = ask();
  ASSERT_FALSE(full);
  const auto answer = response_of(full.error());
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.headers.contains("Retry-After"));
}

}  // namespace
}  // namespace writ::gateway::guessed_tokens_test
