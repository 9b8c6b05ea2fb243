#include "token/claims.h"

#include <fstream>
#include <gtest/gtest.h>

#include "base/testing/folders.h"
#include "token/testing/world.h"

namespace writ::token::claims_test {
namespace {

using testing::kNow;

AccessClaims full_claims() {
  auto claims = testing::valid_claims(kNow);
  claims.actors = {{"mail-drafter", std::nullopt}, {"support-agent", "https://agents.example"}};
  claims.exchanged_from = {"parent", "its parent"};
  claims.credential_kind = "key";
  claims.credential_created = instant_from_unix_seconds(1'740'000'000);
  claims.task = "t1";
  claims.purpose = "support";
  claims.tenant = "north";
  claims.environment = "production";
  claims.subject_issuer = "https://idp.example";
  claims.acr = "2";
  claims.auth_time = kNow - std::chrono::minutes(10);
  claims.key_thumbprint = std::string(43, 'a');
  claims.workload = {{"ref", "refs/heads/main"}, {"workflow", "deploy"}};
  claims.authorization_details = codec::parse_json(R"([{"type":"writ_task"}])").value();
  return claims;
}

TEST(Claims, ComeBackFromTheirJson) {
  const auto json = claims_to_json(full_claims());
  const auto again = claims_from_json(json).value();
  EXPECT_EQ(claims_to_json(again), json);
  EXPECT_EQ(again.actors, full_claims().actors);
  EXPECT_EQ(again.auth_time, full_claims().auth_time);
  EXPECT_EQ(again.expires_at, kNow + std::chrono::minutes(5));
}

TEST(Claims, EveryRowOfTheTableIsWrittenAndReadStrictly) {
  const auto json = claims_to_json(full_claims());
  for (const Claim& claim : claim_table()) {
    ASSERT_NE(json.find(claim.name), nullptr) << claim.name << " is missing in full_claims()";
    auto wrong = json;
    wrong.set(claim.name, codec::Json(true));
    EXPECT_FALSE(claims_from_json(wrong)) << claim.name;
  }
  EXPECT_EQ(json.if_object()->size(), claim_table().size());
}

TEST(Claims, EachOfAContractIsLeftOutAloneAndNoOther) {
  const auto all = claims_to_json(full_claims());
  const auto none = claims_to_json(full_claims(), ClaimsContract::none());
  for (const Claim& claim : claim_table()) {
    EXPECT_EQ(none.find(claim.name) == nullptr, claim.by_contract) << claim.name;
    const auto contract = ClaimsContract::of({std::string(claim.name)});
    ASSERT_EQ(contract.has_value(), claim.by_contract) << claim.name;
    if (!contract) continue;
    const auto json = claims_to_json(full_claims(), *contract);
    EXPECT_EQ(*json.find(claim.name), *all.find(claim.name)) << claim.name;
    EXPECT_EQ(json.if_object()->size(), none.if_object()->size() + 1) << claim.name;
  }
}

TEST(Claims, TheDocumentsNameEachOne) {
  const auto names = [](std::string_view path, std::string_view name) {
    std::ifstream file(source_path(path));
    const std::string text(std::istreambuf_iterator<char>(file), {});
    return text.find("`" + std::string(name) + "`") != text.npos;
  };
  for (const Claim& claim : claim_table()) {
    EXPECT_TRUE(claim.stated.empty() || names("/docs/testing.md", claim.stated)) << claim.name;
    EXPECT_TRUE(!claim.by_contract || names("/docs/configuration.md", claim.name)) << claim.name;
    EXPECT_TRUE(!claim.recorded || names("/docs/audit-format.md", claim.name)) << claim.name;
  }
}

TEST(Claims, WhatIsCarriedOnIsAllButTheTokenItself) {
  AccessClaims next;
  next.carry_on(full_claims());
  EXPECT_EQ(next.actors, full_claims().actors);
  for (const Claim& claim : claim_table()) {
    EXPECT_TRUE(claim.carried_text == nullptr || next.*claim.carried_text) << claim.name;
    EXPECT_TRUE(claim.carried_date == nullptr || next.*claim.carried_date) << claim.name;
  }
  EXPECT_EQ(next.jti, "");
  EXPECT_EQ(next.key_thumbprint, std::nullopt);
}

TEST(Claims, TheNearestActorIsTheOutermost) {
  EXPECT_EQ(actors_to_json(full_claims().actors).dump(),
            R"({"sub":"mail-drafter","act":{"sub":"support-agent","iss":"https://agents.example"}})");
}

TEST(Claims, TheContractPicksAmongTheOptionalOnes) {
  const auto json = claims_to_json(full_claims(), ClaimsContract::of({"tenant", "acr"}).value());
  EXPECT_NE(json.find("tenant"), nullptr);
  EXPECT_NE(json.find("acr"), nullptr);
  for (const auto* name : {"purpose", "environment", "auth_time", "authorization_details"}) {
    EXPECT_EQ(json.find(name), nullptr) << name;
  }
}

TEST(Claims, NoContractDropsWhatGuardsRead) {
  const auto json = claims_to_json(full_claims(), ClaimsContract::none());
  for (const auto* name : {"act", "task", "cnf", "exchanged_from", "sub", "client_id", "aud"})
    EXPECT_NE(json.find(name), nullptr) << name;
}

TEST(Claims, ATokenIsBoundInOneWay) {
  auto claims = full_claims();
  claims.key_thumbprint.reset();
  claims.certificate_thumbprint = std::string(43, 'c');
  auto json = claims_to_json(claims);
  EXPECT_EQ(json.find("cnf")->dump(), R"({"x5t#S256":")" + std::string(43, 'c') + R"("})");
  EXPECT_EQ(claims_from_json(json).value().certificate_thumbprint, claims.certificate_thumbprint);
  claims.key_thumbprint = std::string(43, 'k');
  EXPECT_EQ(claims_from_json(claims_to_json(claims)).error().code, ErrorCode::kUnsupported);
}

TEST(Claims, WhatAPlatformToldIsSoManyTexts) {
  const auto read = [](const codec::Json& workload) {
    auto json = claims_to_json(full_claims());
    json.set("workload", workload);
    return claims_from_json(json);
  };
  auto many = codec::Json::object();
  for (std::size_t i = 0; i < kMaxWorkloadFacts; ++i) many.set("f" + std::to_string(i), "x");
  EXPECT_EQ(read(many).value().workload.size(), kMaxWorkloadFacts);
  many.set("one more", "x");
  EXPECT_FALSE(read(many));
  EXPECT_FALSE(read(codec::Json::object({{"ref", 7}})));
  EXPECT_FALSE(read(codec::Json::object({{"ref", std::string(kMaxClaimBytes + 1, 'x')}})));
}

TEST(Claims, WhatATokenWasExchangedFromIsReadStrictly) {
  auto json = claims_to_json(full_claims());
  EXPECT_EQ(claims_from_json(json).value().exchanged_from, full_claims().exchanged_from);
  for (const auto* wrong : {R"("parent")", "[1]", R"([""])", "{}", "null"}) {
    json.set("exchanged_from", codec::parse_json(wrong).value());
    EXPECT_FALSE(claims_from_json(json)) << wrong;
  }
  auto ids = codec::Json::array();
  for (std::size_t i = 0; i < kMaxOrigins; ++i) ids.push("id");
  json.set("exchanged_from", ids);
  EXPECT_TRUE(claims_from_json(json));
  ids.push("one more");
  json.set("exchanged_from", ids);
  EXPECT_EQ(claims_from_json(json).error().code, ErrorCode::kLimit);
}

TEST(Claims, AContractWithAnUnknownNameIsAnError) {
  EXPECT_FALSE(ClaimsContract::of({"tenant", "shoe_size"}).has_value());
  EXPECT_FALSE(ClaimsContract::of({"act"}).has_value());
}

TEST(Claims, KeepTheLimitOfAText) {
  auto claims = full_claims();
  claims.purpose = std::string(kMaxClaimBytes, 'p');
  EXPECT_TRUE(claims_from_json(claims_to_json(claims)).has_value());
  claims.purpose = std::string(kMaxClaimBytes + 1, 'p');
  EXPECT_FALSE(claims_from_json(claims_to_json(claims)).has_value());
}

TEST(Claims, NumericDatesAreRoundedDownToMilliseconds) {
  EXPECT_EQ(unix_millis(numeric_date(codec::Json(1.9999), "x").value()), 1999);
  EXPECT_EQ(unix_millis(numeric_date(codec::Json(2), "x").value()), 2000);
  EXPECT_FALSE(numeric_date(codec::Json(-0.5), "x").has_value());
  EXPECT_FALSE(numeric_date(codec::Json("2"), "x").has_value());
}

TEST(Minter, RefusesClaimsThatWouldNotVerify) {
  const testing::World world;
  const auto refused = [&](auto change) {
    auto claims = full_claims();
    change(claims);
    return !world.minter.mint(claims).has_value();
  };
  EXPECT_FALSE(refused([](auto&) {}));
  EXPECT_TRUE(refused([](auto& c) { c.subject = ""; }));
  EXPECT_TRUE(refused([](auto& c) { c.audience = ""; }));
  EXPECT_TRUE(refused([](auto& c) { c.purpose = "a\nb"; }));
  EXPECT_TRUE(refused([](auto& c) { c.expires_at = c.issued_at; }));
  EXPECT_TRUE(refused([](auto& c) { c.actors.resize(kMaxChain + 1, {"a", std::nullopt}); }));
  EXPECT_TRUE(refused([](auto& c) { c.key_thumbprint = "short"; }));
}

TEST(Minter, RefusesATokenTooLongToPresent) {
  const testing::World world;
  auto claims = full_claims();
  auto details = codec::Json::array();
  for (int i = 0; i < 100; ++i) details.push(codec::Json(std::string(100, 'x')));
  claims.authorization_details = details;
  EXPECT_EQ(world.minter.mint(claims).error().code, ErrorCode::kLimit);
}

TEST(Minter, SignsWithTheTypeOfAccessTokens) {
  const testing::World world;
  const auto jws = jose::parse_jws(world.mint(full_claims())).value();
  EXPECT_EQ(jws.typ(), "at+jwt");
  EXPECT_EQ(jws.kid(), world.ring->snapshot()->signing.kid());
}

}  // namespace
}  // namespace writ::token::claims_test
