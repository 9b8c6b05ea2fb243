#include "token/verifier.h"

#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "base/testing/folders.h"
#include "token/testing/world.h"
#include "token/verified_cache.h"

namespace writ::token::verifier_test {
namespace {

using testing::kNow;
using testing::outcome;
using testing::valid_claims;
using testing::World;
using namespace std::chrono_literals;

codec::Json load_cases(const std::string& name) {
  std::ifstream file(source_path("/tests/cases/token/") + name, std::ios::binary);
  return codec::parse_json(std::string(std::istreambuf_iterator<char>(file), {})).value();
}

TEST(Verifier, AgreesWithTheCases) {
  const World world;
  const auto cases = load_cases("access_tokens.json");
  for (const auto& item : *cases.find("cases")->if_array()) {
    auto claims = *cases.find("claims");
    if (const auto* set = item.find("set")) {
      for (const auto& [name, value] : *set->if_object()) claims.set(name, value);
    }
    if (const auto* remove = item.find("remove")) {
      for (const auto& name : *remove->if_array()) {
        std::erase_if(*claims.if_object(),
                      [&](const auto& member) { return member.first == *name.if_string(); });
      }
    }
    std::optional<std::string_view> typ = "at+jwt";
    if (const auto* changed = item.find("typ")) {
      typ = changed->is_null() ? std::nullopt : std::optional<std::string_view>(*changed->if_string());
    }
    const auto token = jose::sign_jws(world.ring->snapshot()->signing, claims.dump(), typ).value();
    EXPECT_EQ(outcome(world.bearer(token)), *item.find_string("expect")) << *item.find_string("name");
  }
}

TEST(Verifier, GivesTheClaimsOfAValidToken) {
  const World world;
  auto claims = valid_claims(kNow);
  claims.tenant = "north";
  claims.actors = {{"support-agent", std::nullopt}};
  const auto verified = world.bearer(world.mint(claims)).value();
  EXPECT_EQ(verified->subject, "nora");
  EXPECT_EQ(verified->tenant, "north");
  EXPECT_EQ(verified->actors, claims.actors);
  EXPECT_FALSE(verified.sender_bound());
}

TEST(Verifier, RefusesATokenWithAnAlteredByteAnywhere) {
  const World world;
  const auto token = world.mint(valid_claims(kNow));
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto altered = token;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(outcome(world.bearer(altered)), "valid") << i;
  }
}

TEST(Verifier, AnAlteredPayloadIsAWrongSignatureWhateverItBecomes) {
  const World world;
  const auto token = world.mint(valid_claims(kNow));
  const auto begin = token.find('.') + 1;
  auto altered = token;
  altered[begin + 10] = altered[begin + 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(outcome(world.bearer(altered)), "token_signature");
}

TEST(Verifier, RefusesWhatIsNoToken) {
  const World world;
  for (const auto* text : {"x", "a.b", "a.b.c", "e30.e30.e30", "...."}) {
    EXPECT_EQ(outcome(world.bearer(text)), "token_malformed") << text;
  }
}

TEST(Verifier, RefusesEveryOtherAlgorithmAsAWrongSignature) {
  const World world;
  const auto payload = codec::base64url_encode(claims_to_json(valid_claims(kNow)).dump());
  for (const auto* alg : {"none", "HS256", "RS256", "PS256", "ES384", "ES512", "Ed25519"}) {
    const auto header = codec::Json::object({{"alg", alg}, {"typ", "at+jwt"}}).dump();
    EXPECT_EQ(outcome(world.bearer(codec::base64url_encode(header) + "." + payload + ".")), "token_signature")
        << alg;
  }
}

TEST(Verifier, RefusesDuplicateClaims) {
  const World world;
  auto text = claims_to_json(valid_claims(kNow)).dump();
  text.insert(1, R"("sub":"sofia",)");
  const auto token = jose::sign_jws(world.ring->snapshot()->signing, text, "at+jwt").value();
  EXPECT_EQ(outcome(world.bearer(token)), "token_malformed");
}

TEST(Verifier, AStrangersTokenIsOfAnUnknownIssuer) {
  const World world, other;
  auto claims = valid_claims(kNow);
  EXPECT_EQ(outcome(world.bearer(other.mint(claims))),
            "token_signature");  // claims to be ours, with another's key
  claims.issuer = "https://other.example";
  EXPECT_EQ(outcome(world.bearer(other.mint(claims))), "token_issuer");
}

// Providers sign with algorithms that Writ does not: that is not what is wrong with their tokens.
TEST(Verifier, AStrangersTokenIsSaidToBeThatWhateverItIsSignedWith) {
  const World world;
  auto claims = valid_claims(kNow);
  claims.issuer = "https://login.other.example";
  const auto payload = codec::base64url_encode(claims_to_json(claims).dump());
  for (const auto* alg : {"RS256", "PS512", "ES384", "Ed25519"}) {
    const auto header = codec::base64url_encode(codec::Json::object({{"alg", alg}, {"typ", "JWT"}}).dump());
    const auto refused = world.bearer(header + "." + payload + ".c2ln");
    EXPECT_EQ(outcome(refused), "token_issuer") << alg;
    EXPECT_EQ(refused.error().message,
              "the token is of issuer `https://login.other.example`, whose tokens are not taken here");
  }
  const auto header = codec::base64url_encode(R"({"alg":"RS256"})");
  EXPECT_EQ(outcome(world.bearer(header + "." + codec::base64url_encode("[1]") + ".c2ln")),
            "token_signature");
  EXPECT_EQ(outcome(world.bearer(header + "." + payload + ".c2ln=")), "token_malformed");
  const auto hidden = codec::base64url_encode(R"({"iss":"https://a\u000a.example"})");
  EXPECT_EQ(world.bearer(header + "." + hidden + ".c2ln").error().message, "the token is of another issuer");
}

TEST(Verifier, ExpiryIsCheckedAlsoOnACacheHit) {
  const World world;
  const auto token = world.mint(valid_claims(kNow));
  EXPECT_EQ(outcome(world.bearer(token)), "valid");
  EXPECT_EQ(world.verifier.cached(), 1U);
  EXPECT_EQ(outcome(world.bearer(token, kNow + 5min - 1ms)), "valid");
  EXPECT_EQ(outcome(world.bearer(token, kNow + 5min)), "token_expired");
}

TEST(Verifier, NotBeforeIsCheckedAlsoOnACacheHit) {
  const World world;
  const auto token = world.mint(valid_claims(kNow));
  EXPECT_EQ(outcome(world.bearer(token)), "valid");
  EXPECT_EQ(outcome(world.bearer(token, kNow - 6s)), "token_not_yet_valid");
}

TEST(Verifier, ATokenEndsByTheLaterReadingAndBeginsByTheEarlier) {
  const World world;
  const auto token = world.mint(valid_claims(kNow));
  EXPECT_EQ(outcome(world.verifier.verify_parameter(token, {kNow, kNow + 5min - 1ms})), "valid");
  EXPECT_EQ(outcome(world.verifier.verify_parameter(token, {kNow, kNow + 5min})), "token_expired");
  EXPECT_EQ(outcome(world.verifier.verify_parameter(token, {kNow - 5s, kNow})), "valid");
  EXPECT_EQ(outcome(world.verifier.verify_parameter(token, {kNow - 6s, kNow})), "token_not_yet_valid");
}

TEST(Verifier, RevocationIsCheckedAlsoOnACacheHit) {
  World world;
  const auto token = world.mint(valid_claims(kNow));
  EXPECT_EQ(outcome(world.bearer(token)), "valid");
  ASSERT_TRUE(world.revocations.revoke({"jti-1", kNow + 5min}).has_value());
  EXPECT_EQ(outcome(world.bearer(token)), "token_revoked");
}

TEST(Verifier, BindingIsCheckedAlsoOnACacheHit) {
  const World world;
  auto claims = valid_claims(kNow);
  claims.key_thumbprint = std::string(43, 'a');
  const auto token = world.mint(claims);
  EXPECT_EQ(outcome(world.verifier.verify_parameter(token, kNow)), "valid");  // and now it is cached
  EXPECT_EQ(world.verifier.cached(), 1U);
  EXPECT_EQ(outcome(world.bearer(token)), "sender_binding_missing");
}

TEST(Verifier, ForgedTokensAreNotCached) {
  const World world;
  const auto token = world.mint(valid_claims(kNow));
  EXPECT_EQ(outcome(world.bearer(token + "A")), "token_signature");
  EXPECT_EQ(world.verifier.cached(), 0U);
}

TEST(Verifier, AnExpiredTokenIsRefusedAgainAndTakesNobodysPlace) {
  const World world;
  auto claims = valid_claims(kNow);
  for (int i = 0; i < 64; ++i) {
    claims.jti = std::to_string(i);
    const auto token = world.mint(claims);
    EXPECT_EQ(outcome(world.bearer(token, kNow + 10min)), "token_expired");
    EXPECT_EQ(outcome(world.bearer(token, kNow + 10min)), "token_expired");
  }
  claims.jti = "good";
  claims.issued_at = claims.not_before = kNow + 10min;
  claims.expires_at = kNow + 15min;
  EXPECT_EQ(outcome(world.bearer(world.mint(claims), kNow + 10min)), "valid");
}

TEST(Verifier, AKeyThatIsGoneVerifiesNothingNotEvenFromTheCache) {
  World world;
  const auto token = world.mint(valid_claims(kNow));
  EXPECT_EQ(outcome(world.bearer(token)), "valid");
  const auto fresh = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  world.verifier.set_keys(jose::JwkSet::of({fresh.public_jwk()}).value());
  EXPECT_EQ(outcome(world.bearer(token)), "token_signature");
}

TEST(Verifier, RotationKeepsOldTokensValidUntilTheirKeyIsRemoved) {
  World world;
  const auto old_key = world.ring->snapshot()->signing;
  const auto old_token = world.mint(valid_claims(kNow));
  EXPECT_EQ(outcome(world.bearer(old_token)), "valid");
  const auto rotate = [&](std::vector<jose::Jwk> published, const jose::PrivateJwk& signing) {
    const auto set = jose::JwkSet::of(std::move(published)).value();
    world.verifier.set_keys(set);
    world.ring->replace({signing, set});
  };
  const auto next = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  rotate({next.public_jwk(), old_key.public_jwk()}, next);
  const auto new_token = world.mint(valid_claims(kNow));
  EXPECT_EQ(jose::parse_jws(new_token).value().alg(), "EdDSA");
  EXPECT_EQ(outcome(world.bearer(old_token)), "valid");
  EXPECT_EQ(outcome(world.bearer(new_token)), "valid");

  rotate({next.public_jwk()}, next);
  EXPECT_EQ(outcome(world.bearer(old_token)), "token_signature");
  EXPECT_EQ(outcome(world.bearer(new_token)), "valid");
}

// Its id again, with another key: as after a database that was brought back.
TEST(Verifier, AKeyThatWasReplacedUnderItsIdVerifiesNothingOfBefore) {
  World world;
  const auto token = world.mint(valid_claims(kNow));
  EXPECT_EQ(outcome(world.bearer(token)), "valid");
  const auto kid = world.ring->snapshot()->signing.kid();
  const auto other = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  world.verifier.set_keys(jose::JwkSet::of({jose::Jwk(other.key().public_key(), kid)}).value());
  EXPECT_EQ(outcome(world.bearer(token)), "token_signature");
}

TEST(KeyRing, TakesAKeyThatSigns) {
  EXPECT_FALSE(KeyRing::of({}).has_value());
}

TEST(VerifiedCache, IsBounded) {
  VerifiedCache cache(8);
  const auto claims = std::make_shared<const AccessClaims>(valid_claims(kNow));
  for (int i = 0; i < 1000; ++i) cache.insert(std::to_string(i), 1, claims);
  EXPECT_LE(cache.size(), 8U);
}

TEST(VerifiedCache, WhatExpiresFirstMakesRoom) {
  VerifiedCache cache(4);  // one bucket
  const auto expiring_in = [](Duration duration) {
    auto claims = valid_claims(kNow);
    claims.expires_at = kNow + duration;
    return std::make_shared<const AccessClaims>(claims);
  };
  for (int i = 0; i < 4; ++i) cache.insert(std::to_string(i), 1, expiring_in((i + 1) * 1min));
  cache.insert("new", 1, expiring_in(9min));
  EXPECT_EQ(cache.find("0", 1), nullptr);
  for (const auto* name : {"1", "2", "3", "new"}) EXPECT_NE(cache.find(name, 1), nullptr) << name;
}

TEST(VerifiedCache, AnotherGenerationIsAMiss) {
  VerifiedCache cache(8);
  const auto claims = std::make_shared<const AccessClaims>(valid_claims(kNow));
  cache.insert("t", 1, claims);
  EXPECT_EQ(cache.find("t", 2), nullptr);
  EXPECT_EQ(cache.find("u", 1), nullptr);
  cache.insert("t", 2, claims);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(Verifier, ManyThreadsVerifyRevokeAndRotate) {
  World world;
  std::vector<std::string> tokens;
  for (int i = 0; i < 50; ++i) {
    auto claims = valid_claims(kNow);
    claims.jti = std::to_string(i);
    tokens.push_back(world.mint(claims));
  }
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        for (const auto& token : tokens) {
          const auto result = outcome(world.bearer(token));
          EXPECT_TRUE(result == "valid" || result == "token_revoked") << result;
        }
      }
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 25; ++i)
      EXPECT_TRUE(world.revocations.revoke({std::to_string(i), kNow + 1min}).has_value());
    world.verifier.set_keys(world.ring->snapshot()->public_keys);
    EXPECT_TRUE(world.revocations.prune(kNow, Duration()));
  });
  threads.clear();
  EXPECT_EQ(outcome(world.bearer(tokens[0])), "token_revoked");
  EXPECT_EQ(outcome(world.bearer(tokens[49])), "valid");
}

}  // namespace
}  // namespace writ::token::verifier_test
