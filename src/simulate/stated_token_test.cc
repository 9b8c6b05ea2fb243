#include "simulate/stated_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::simulate::stated_token_test {
namespace {

using codec::Json;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);
const StatedToken::Usual kUsual{
    .issuer = "https://writ", .audience = "https://api", .time = kNow, .lifetime = 5min};

Result<StatedToken> read(std::string_view json) {
  return read_stated_token(codec::parse_json(json).value(), kNow);
}

TEST(StatedToken, WhatIsNotSaidIsAsUsual) {
  const auto claims = read(R"({"client_id":"portal"})").value().claims(kUsual);
  EXPECT_EQ(claims.issuer, "https://writ");
  EXPECT_EQ(claims.audience, "https://api");
  EXPECT_EQ(claims.subject, "portal") << "without a resource owner the subject is the client";
  EXPECT_EQ(claims.issued_at, kNow);
  EXPECT_EQ(claims.not_before, kNow);
  EXPECT_EQ(claims.expires_at, kNow + 5min);
  EXPECT_EQ(claims.key_thumbprint, std::nullopt);
}

TEST(StatedToken, WhatIsSaidIsSaid) {
  const auto stated = read(R"({"client_id":"agent","sub":"nora","iss":"https://other","aud":"https://x",
    "iat":"-2h","exp":"+1h","act":["agent",{"sub":"portal","iss":"https://p"}],"bound":true})");
  ASSERT_TRUE(stated) << stated.error().message;
  EXPECT_TRUE(stated->bound);
  const auto claims = stated->claims(kUsual);
  EXPECT_EQ(claims.issuer, "https://other");
  EXPECT_EQ(claims.audience, "https://x");
  EXPECT_EQ(claims.subject, "nora");
  EXPECT_EQ(claims.issued_at, kNow - 2h);
  EXPECT_EQ(claims.not_before, kNow - 2h);
  EXPECT_EQ(claims.expires_at, kNow + 1h);
  EXPECT_EQ(claims.actors, (std::vector<token::Actor>{{"agent", {}}, {"portal", "https://p"}}));
}

TEST(StatedToken, WhatThePlatformSaidOfItsClientCanBeSaidByTheNamesThatPoliciesKnow) {
  const auto stated = read(R"({"client_id":"deployer","workload":{"ref":"refs/heads/main","workflow":"w"}})");
  ASSERT_TRUE(stated) << stated.error().message;
  EXPECT_EQ(stated->claims(kUsual).workload,
            (token::WorkloadClaims{{"ref", "refs/heads/main"}, {"workflow", "w"}}));
  EXPECT_THAT(read(R"({"client_id":"d","workload":{"branch":"main"}})").error().message,
              HasSubstr("no fact `branch`; the facts are account, email"));
  EXPECT_FALSE(read(R"({"client_id":"d","workload":{"ref":7}})"));
  EXPECT_FALSE(read(R"({"client_id":"d","workload":"main"})"));
}

// What the token's own reader takes, the reader of questions takes under the same name.
TEST(StatedToken, EveryCarriedClaimCanBeSaid) {
  for (const auto& claim : token::claim_table()) {
    auto json = Json::object({{"client_id", "portal"}});
    if (claim.carried_text != nullptr) {
      json.set(claim.stated, "x");
      EXPECT_EQ(read(json.dump()).value().claims(kUsual).*claim.carried_text, "x") << claim.name;
    }
    if (claim.carried_date != nullptr) {
      json.set(claim.stated, "-1m");
      EXPECT_EQ(read(json.dump()).value().claims(kUsual).*claim.carried_date, kNow - 1min) << claim.name;
    }
  }
}

TEST(StatedToken, WhatNobodyCanSayIsRefusedByName) {
  for (const auto* name : {"jti", "exchanged_from", "cnf", "authorization_details", "shoe_size"}) {
    const auto stated = read(Json::object({{"client_id", "portal"}, {name, "x"}}).dump());
    ASSERT_FALSE(stated) << name;
    EXPECT_THAT(stated.error().message, HasSubstr(name));
  }
  EXPECT_FALSE(read("{}")) << "somebody has to send the request";
}

TEST(StatedToken, AnInstantThatIsNoneIsRefused) {
  EXPECT_FALSE(read(R"({"client_id":"portal","auth_time":"soon"})"));
  EXPECT_FALSE(read(R"({"client_id":"portal","exp":-1})"));
}

TEST(StatedToken, MovesWithEveryInstantThatWasSaid) {
  auto stated = read(R"({"client_id":"portal","iat":"-1h","auth_time":"-2h"})").value();
  stated.move(10min);
  EXPECT_EQ(stated.issued_at, kNow - 50min);
  EXPECT_EQ(stated.auth_time, kNow - 110min);
  EXPECT_EQ(stated.expires_at, std::nullopt);
}

}  // namespace
}  // namespace writ::simulate::stated_token_test
