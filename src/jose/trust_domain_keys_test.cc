// SPIFFE bundles: which of their keys verify JWT-SVIDs, and that they mean nothing to anybody else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jose/provider_keys.h"

namespace writ::jose::trust_domain_keys_test {
namespace {

using codec::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const KeyRules kDomain = trust_domain_rules(std::nullopt);

Json key(std::string_view kid, std::string_view use) {
  auto json = PrivateJwk::generate(crypto::Algorithm::kEs256).value().public_jwk().to_json();
  auto& members = *json.if_object();
  std::erase_if(members, [](const auto& member) {
    return member.first == "kid" || member.first == "use" || member.first == "alg";
  });
  if (!kid.empty()) json.set("kid", kid);
  if (!use.empty()) json.set("use", use);
  return json;
}

Json set_of(std::initializer_list<Json> keys) {
  auto list = Json::array();
  for (const auto& each : keys) list.push(each);
  return Json::object({{"keys", std::move(list)}, {"spiffe_sequence", 7}, {"spiffe_refresh_hint", 300}});
}

std::vector<std::string> kids(const JwkSet& set) {
  std::vector<std::string> all;
  for (const auto& each : set.keys()) all.push_back(each.kid().value_or("none"));
  return all;
}

TEST(TrustDomainKeys, OfABundleThoseForJwtSvidsCountAlone) {
  const auto read = read_provider_keys(set_of({key("x", "x509-svid"), key("j", "jwt-svid"), key("s", "sig"),
                                               key("n", ""), key("k", "jwt-svid")}),
                                       kDomain);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(kids(read->keys), ElementsAre("j", "k"));
  ASSERT_EQ(read->skipped.size(), 2u) << "those for X.509 are nobody's mistake";
  EXPECT_THAT(read->skipped[0].why, HasSubstr("use: jwt-svid"));
}

TEST(TrustDomainKeys, OneForJwtSvidsWithoutAKidIsNotUsed) {
  const auto read = read_provider_keys(set_of({key("", "jwt-svid"), key("j", "jwt-svid")}), kDomain);
  ASSERT_TRUE(read);
  EXPECT_THAT(kids(read->keys), ElementsAre("j"));
  EXPECT_THAT(read->skipped[0].why, HasSubstr("needs a `kid`"));
}

TEST(TrustDomainKeys, ABundleForX509AloneVerifiesNoJwtSvid) {
  EXPECT_FALSE(read_provider_keys(set_of({key("x", "x509-svid")}), kDomain));
  EXPECT_FALSE(read_provider_keys(set_of({key("x", "x509-svid"), key("s", "sig")}), kDomain));
}

TEST(TrustDomainKeys, AnOrdinarySetIsReadAsOne) {
  const auto read = read_provider_keys(set_of({key("s", "sig"), key("n", "")}), kDomain);
  ASSERT_TRUE(read);
  EXPECT_THAT(kids(read->keys), ElementsAre("s", "n"));
}

TEST(TrustDomainKeys, WhatIsReadIsReadAgainFromWhereItWasKept) {
  const auto read = read_provider_keys(set_of({key("j", "jwt-svid")}), kDomain).value();
  const auto again = read_provider_keys(read.keys.to_json(), kDomain);
  ASSERT_TRUE(again);
  EXPECT_THAT(kids(again->keys), ElementsAre("j"));
}

TEST(TrustDomainKeys, AKeyForSvidsIsNobodyElsesKey) {
  EXPECT_FALSE(read_provider_keys(set_of({key("j", "jwt-svid")}), provider_rules(std::nullopt)));
  EXPECT_FALSE(Jwk::parse(key("j", "jwt-svid"), kDomain)) << "alone it is not one of a bundle";
}

}  // namespace
}  // namespace writ::jose::trust_domain_keys_test
