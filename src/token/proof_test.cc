#include "token/proof.h"

#include <gtest/gtest.h>

#include "jose/testing/foreign_jws.h"
#include "token/testing/world.h"

namespace writ::token::proof_test {
namespace {

using codec::Json;
using testing::kNow;
using testing::outcome;
using testing::proof_claims;
using testing::proof_header;
using testing::sign_proof;
using namespace std::chrono_literals;

constexpr ProofTarget kTarget{"GET", "https://invoices.acme.example/invoices/7"};

class Dpop : public ::testing::Test {
 protected:
  Dpop() {
    auto claims = testing::valid_claims(kNow);
    claims.key_thumbprint = key_.public_jwk().thumbprint();
    token_ = world_.mint(claims);
    header_ = proof_header(key_);
    claims_ = proof_claims(kTarget, token_, kNow, "proof-1");
  }

  std::string present(const jose::PrivateJwk& key, Times now = kNow) {
    return outcome(world_.with_proof(token_, sign_proof(key, header_, claims_), kTarget, now));
  }
  std::string present(Times now = kNow) { return present(key_, now); }

  testing::World world_;
  jose::PrivateJwk key_ = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  std::string token_;
  Json header_;
  Json claims_;
};

TEST_F(Dpop, AProofOfTheTokensKeyIsAccepted) {
  EXPECT_EQ(present(), "valid");
}

TEST_F(Dpop, AProofOfAnEd25519KeyIsAccepted) {
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa).value();
  auto claims = testing::valid_claims(kNow);
  claims.key_thumbprint = key.public_jwk().thumbprint();
  token_ = world_.mint(claims);
  header_ = proof_header(key);
  claims_ = proof_claims(kTarget, token_, kNow, "proof-1");
  EXPECT_EQ(present(key), "valid");
}

// Others' algorithms are for others' tokens: a proof knows Writ's own.
TEST_F(Dpop, AProofOfAnRsaOrP384KeyIsRefused) {
  for (const auto algorithm : {crypto::Algorithm::kRs256, crypto::Algorithm::kEs384}) {
    const auto pair = crypto::testing::ForeignKey::generate(algorithm);
    const jose::Jwk key(pair.public_key());
    auto claims = testing::valid_claims(kNow);
    claims.key_thumbprint = key.thumbprint();
    token_ = world_.mint(claims);
    const auto name = crypto::algorithm_name(algorithm);
    const auto header = Json::object({{"typ", "dpop+jwt"}, {"alg", name}, {"jwk", key.to_json()}});
    const auto proof = jose::testing::foreign_jws(pair, header.dump(),
                                                  proof_claims(kTarget, token_, kNow, "proof-1").dump());
    EXPECT_EQ(outcome(world_.with_proof(token_, proof, kTarget)), "sender_binding_mismatch") << name;
  }
}

TEST_F(Dpop, AProofIsGoodForOneUse) {
  EXPECT_EQ(present(), "valid");
  EXPECT_EQ(present(), "token_replayed");
  claims_.set("jti", "proof-2");
  EXPECT_EQ(present(), "valid");
}

TEST_F(Dpop, ABoundTokenWithoutAProofIsRefused) {
  EXPECT_EQ(outcome(world_.bearer(token_)), "sender_binding_missing");
}

TEST_F(Dpop, ABoundTokenUnderTheBearerSchemeIsRefusedEvenWithItsProof) {
  const std::string value = "Bearer " + token_;
  const auto proof = sign_proof(key_, header_, claims_);
  const std::string_view values[] = {value}, proofs[] = {proof};
  const auto presented = Presented::from_values(values, proofs).value();
  EXPECT_EQ(outcome(world_.verifier.verify(presented, kTarget, kNow)), "sender_binding_missing");
}

TEST_F(Dpop, WithoutATargetNoProofCounts) {
  EXPECT_EQ(outcome(world_.with_proof(token_, sign_proof(key_, header_, claims_), std::nullopt)),
            "sender_binding_missing");
}

TEST_F(Dpop, AnUnboundTokenUnderTheDpopSchemeIsRefused) {
  token_ = world_.mint(testing::valid_claims(kNow));
  EXPECT_EQ(present(), "sender_binding_mismatch");
}

TEST_F(Dpop, AnUnboundBearerTokenWithAProofIsRefused) {
  const auto unbound = world_.mint(testing::valid_claims(kNow));
  const std::string value = "Bearer " + unbound;
  const auto proof = sign_proof(key_, header_, claims_);
  const std::string_view values[] = {value}, proofs[] = {proof};
  const auto presented = Presented::from_values(values, proofs).value();
  EXPECT_EQ(outcome(world_.verifier.verify(presented, kTarget, kNow)), "sender_binding_mismatch");
}

TEST_F(Dpop, AnotherKeysProofIsRefusedAndNotRemembered) {
  const auto other = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto good_header = header_;
  header_ = proof_header(other);
  EXPECT_EQ(present(other), "sender_binding_mismatch");
  header_ = good_header;
  EXPECT_EQ(present(other), "sender_binding_mismatch");  // the right key in the header, the wrong signature
  EXPECT_EQ(present(), "valid");
}

TEST_F(Dpop, RefusesAProofForAnythingElse) {
  const std::pair<const char*, Json> changes[] = {
      {"htm", "POST"},
      {"htm", "get"},
      {"htu", "https://invoices.acme.example/invoices/8"},
      {"htu", "https://mail.acme.example/invoices/7"},
      {"htu", "http://invoices.acme.example/invoices/7"},
      {"htu", "/invoices/7"},
      {"ath", "AAAA"},
      {"jti", ""},
      {"jti", 7},
      {"jti", std::string(kMaxClaimBytes + 1, 'j')},
      {"iat", "now"},
      {"exp", unix_seconds(kNow)},
      {"exp", "never"},
      {"nbf", unix_seconds(kNow) + 6},
      {"nbf", Json()},
      {"iat", unix_seconds(kNow) - 60},
      {"iat", unix_seconds(kNow) + 6},
  };
  const auto good = claims_;
  for (const auto& [name, value] : changes) {
    claims_ = good;
    claims_.set(name, value);
    EXPECT_EQ(present(), "sender_binding_mismatch") << name << ' ' << value.dump();
  }
}

TEST_F(Dpop, RefusesAProofWithAMissingClaim) {
  const auto good = claims_;
  for (const auto* name : {"jti", "htm", "htu", "iat", "ath"}) {
    claims_ = good;
    std::erase_if(*claims_.if_object(), [&](const auto& member) { return member.first == name; });
    EXPECT_EQ(present(), "sender_binding_mismatch") << name;
  }
}

TEST_F(Dpop, RefusesAProofWithAnotherHeader) {
  const auto good = header_;
  for (const auto* name : {"typ", "jwk"}) {
    header_ = good;
    std::erase_if(*header_.if_object(), [&](const auto& member) { return member.first == name; });
    EXPECT_EQ(present(), "sender_binding_mismatch") << name;
  }
  header_ = good;
  header_.set("typ", "JWT");
  EXPECT_EQ(present(), "sender_binding_mismatch");
  header_ = good;
  header_.set("crit", Json::array());
  EXPECT_EQ(present(), "sender_binding_mismatch");
  header_ = good;
  header_.set("jwk", codec::parse_json(key_.serialise().expose()).value());  // with the private member
  EXPECT_EQ(present(), "sender_binding_mismatch");
}

TEST_F(Dpop, AProofLivesForAMinute) {
  EXPECT_EQ(present(kNow + 60s), "sender_binding_mismatch");
  EXPECT_EQ(present(kNow + 60s - 1ms), "valid");
}

TEST_F(Dpop, AProofEndsByTheLaterReadingAndBeginsByTheEarlier) {
  EXPECT_EQ(present({kNow, kNow + 60s}), "sender_binding_mismatch");
  EXPECT_EQ(present({kNow - 5s, kNow + 59s}), "valid");
  // A proof of a moment later than the token's, which is good already.
  claims_.set("iat", unix_seconds(kNow) + 2);
  EXPECT_EQ(present({kNow - 4s, kNow}), "sender_binding_mismatch");
}

TEST_F(Dpop, UrisCompareAfterNormalisation) {
  int count = 0;
  for (const auto* uri :
       {"HTTPS://Invoices.ACME.example/invoices/7", "https://invoices.acme.example:443/invoices/7",
        "https://invoices.acme.example:/invoices/7", "https://invoices.acme.example/%69nvoices/%37",
        "https://invoices.acme.example/invoices/7?page=2", "https://invoices.acme.example/invoices/7#x"}) {
    claims_.set("htu", uri);
    claims_.set("jti", std::to_string(++count));
    EXPECT_EQ(present(), "valid") << uri;
  }
  for (const auto* uri :
       {"https://invoices.acme.example/Invoices/7", "https://invoices.acme.example:8443/invoices/7",
        "https://invoices.acme.example/invoices%2F7", "https://invoices.acme.example/invoices/7%",
        "https://invoices.acme.example/invoices/%%337", "https://nora@invoices.acme.example/invoices/7",
        "https://invoices.acme.example/invoices/7/"}) {
    claims_.set("htu", uri);
    EXPECT_EQ(present(), "sender_binding_mismatch") << uri;
  }
}

TEST(Proof, WithoutATokenItShowsWhichKeyTheSenderHolds) {
  MemoryReplayGuard replays;
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  const auto proof = sign_proof(key, proof_header(key), proof_claims(kTarget, "", kNow, "p"));
  EXPECT_EQ(verify_proof(proof, kTarget, std::nullopt, "portal", replays, kNow).value(),
            key.public_jwk().thumbprint());
}

TEST(ReplayGuard, RemembersUntilTheInstantAndApartByScope) {
  MemoryReplayGuard guard;
  EXPECT_TRUE(guard.first_use("a", "1", kNow + 10s, kNow).value());
  EXPECT_FALSE(guard.first_use("a", "1", kNow + 10s, kNow + 9s).value());
  EXPECT_TRUE(guard.first_use("b", "1", kNow + 10s, kNow).value());
  EXPECT_TRUE(guard.first_use("", "a1", kNow + 10s, kNow).value());
  EXPECT_TRUE(guard.first_use("a", "1", kNow + 20s, kNow + 10s).value());
}

TEST(ReplayGuard, WhenItIsFullItSaysSoAndForgetsNothing) {
  MemoryReplayGuard guard({.per_scope = 32});
  int refused = 0;
  for (int i = 0; i < 1000; ++i)
    refused += !guard.first_use("a", std::to_string(i), kNow + 10s, kNow).has_value();
  EXPECT_EQ(refused, 1000 - 32);
  EXPECT_EQ(guard.refused(), 1000U - 32U);
  EXPECT_FALSE(guard.first_use("a", "0", kNow + 10s, kNow).value());
  EXPECT_TRUE(guard.first_use("a", "999", kNow + 20s, kNow + 10s).value());  // the old ones have expired
}

TEST(ReplayGuard, WhoFillsItsMemoryIsRefusedAlone) {
  MemoryReplayGuard guard({.per_scope = 32, .total = 64});
  const auto fill = [&](std::string_view scope) {
    int accepted = 0;
    for (int i = 0; i < 100; ++i)
      accepted += guard.first_use(scope, std::to_string(i), kNow + 10s, kNow) ? 1 : 0;
    return accepted;
  };
  EXPECT_EQ(fill("a"), 32);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(guard.first_use("b", std::to_string(i), kNow + 10s, kNow).value());
  EXPECT_EQ(fill("c"), 21) << "an equal share, when all of it is used";
  EXPECT_FALSE(guard.first_use("a", "100", kNow + 10s, kNow));
  EXPECT_TRUE(guard.first_use("b", "100", kNow + 10s, kNow).value());
  EXPECT_TRUE(guard.first_use("d", "1", kNow + 10s, kNow).value());
}

TEST(ReplayGuard, GivesBackTheMemoryOfThoseWhoDoNotComeAgain) {
  MemoryReplayGuard guard;
  for (int i = 0; i < 5000; ++i)
    ASSERT_TRUE(guard.first_use("a", std::to_string(i), kNow + 10s, kNow).value());
  ASSERT_TRUE(guard.first_use("b", "1", kNow + 20s, kNow).value());
  guard.prune(kNow + 10s - 1ms);
  EXPECT_EQ(guard.size(), 5001U);
  guard.prune(kNow + 10s);
  EXPECT_EQ(guard.size(), 1U);
  EXPECT_FALSE(guard.first_use("b", "1", kNow + 20s, kNow + 10s).value());
}

TEST(ReplayGuard, WhatAnEarlierProcessSawIsUsed) {
  std::vector<UsedIdentifier> noted;
  MemoryReplayGuard before({}, [&](const UsedIdentifier& used) { noted.push_back(used); });
  ASSERT_TRUE(before.first_use("a", "1", kNow + 10s, kNow).value());
  ASSERT_FALSE(before.first_use("a", "1", kNow + 10s, kNow).value());
  ASSERT_EQ(noted.size(), 1U);
  MemoryReplayGuard after;
  after.take_over(noted);
  EXPECT_FALSE(after.first_use("a", "1", kNow + 10s, kNow + 9s).value());
  EXPECT_TRUE(after.first_use("a", "2", kNow + 10s, kNow + 9s).value());
  EXPECT_TRUE(after.first_use("a", "1", kNow + 20s, kNow + 10s).value());
}

TEST(ReplayGuard, WhatMayHaveBeenSeenIsUsed) {
  MemoryReplayGuard guard;
  guard.distrust(kNow + 10s);
  EXPECT_FALSE(guard.first_use("a", "1", kNow + 10s, kNow).value());
  EXPECT_TRUE(guard.first_use("a", "1", kNow + 10s + 1ms, kNow).value());
}

}  // namespace
}  // namespace writ::token::proof_test
