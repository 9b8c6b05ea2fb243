#include "policytest/record.h"

#include <gtest/gtest.h>

#include "enforce/record.h"
#include "token/testing/verified.h"

namespace writ::policytest::record::record_test {
namespace {

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

// What the one writer of records says of a token, the one reader takes back.
TEST(Record, TheTokenComesBackWithEveryClaimThatIsRecorded) {
  auto claims = token::testing::valid_claims(kNow);
  claims.actors = {{"support-agent", {}}, {"support-portal", {}}};
  claims.task = "t1";
  claims.key_thumbprint = std::string(43, 'k');
  claims.workload = {{"ref", "refs/heads/main"}, {"workflow", "release.yml"}};
  for (const auto& claim : token::claim_table()) {
    if (claim.carried_text != nullptr) claims.*claim.carried_text = "of " + std::string(claim.name);
    if (claim.carried_date != nullptr) claims.*claim.carried_date = kNow - std::chrono::hours(1);
  }
  const enforce::Told told{.point = "oauth",
                           .kind = context::Point::kIssue,
                           .claims = &claims,
                           .subject = claims.subject,
                           .client = claims.client_id};
  const auto line = codec::parse_json("{" + enforce::record_of(kNow, told).members + "}").value();

  const auto token = token_in(line);
  EXPECT_EQ(token.subject, claims.subject);
  EXPECT_EQ(token.client, claims.client_id);
  EXPECT_EQ(token.actors, claims.actors);
  EXPECT_TRUE(token.bound);
  EXPECT_EQ(token.workload, claims.workload);
  for (const auto& claim : token::claim_table()) {
    if (claim.carried_text != nullptr) {
      EXPECT_EQ(token.*claim.carried_text, claims.*claim.carried_text) << claim.name;
    }
    if (claim.carried_date != nullptr) {
      EXPECT_EQ(token.*claim.carried_date, claims.*claim.carried_date) << claim.name;
    }
  }
}

TEST(Record, OfAnotherKindOrAbsentIsEmpty) {
  const auto token = token_in(codec::parse_json(R"({"acr":1,"auth_time":"soon"})").value());
  EXPECT_EQ(token.acr, std::nullopt);
  EXPECT_EQ(token.auth_time, std::nullopt);
  EXPECT_FALSE(token.bound);
}

}  // namespace
}  // namespace writ::policytest::record::record_test
