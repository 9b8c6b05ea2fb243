#include "enforce/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json.h"

namespace writ::enforce::record_test {
namespace {

codec::Json written(const Told& told) {
  return codec::parse_json("{" + record_of(Instant(), told).members + "}").value();
}

TEST(Record, SaysOfARefusalWhatTheCallerIsTold) {
  const decision::Refusal refusal{Reason::kPolicyForbid, "why", "Writ::Agent::\"a\"", {"p1"}, {}};
  Told told{.point = "gateway", .request_id = "r-1"};
  told.refusal = said(refusal);
  const auto line = written(told);
  EXPECT_EQ(*line.find_string("effect"), "deny");
  EXPECT_EQ(*line.find_string("reason"), "policy_forbid");
  EXPECT_EQ(*line.find_string("message"), "why");
  EXPECT_EQ(*line.find_string("party"), "Writ::Agent::\"a\"");
  EXPECT_EQ(line.find("policies")->dump(), R"(["p1"])");
}

TEST(Record, WhatBrokeIsIndeterminate) {
  const decision::Refusal broken{Reason::kIndeterminate, "why", {}, {}, {}};
  Told told{.point = "gateway"};
  told.refusal = said(broken);
  EXPECT_EQ(*written(told).find_string("effect"), "indeterminate");
}

TEST(Record, ATokenThatIsAskedForHasAnIdOnlyWhenItWasMade) {
  token::AccessClaims claims{.subject = "nora", .client_id = "portal", .jti = "j-1"};
  Told told{.point = "oauth", .kind = context::Point::kIssue, .claims = &claims, .client = "claimed"};
  EXPECT_EQ(*written(told).find_string("token_id"), "j-1");
  EXPECT_EQ(*written(told).find_string("client"), "claimed") << "the claims are not anybody's yet";
  const decision::Refusal refusal{Reason::kPolicyForbid, "why", {}, {}, {}};
  told.refusal = said(refusal);
  EXPECT_EQ(written(told).find("token_id"), nullptr);
}

}  // namespace
}  // namespace writ::enforce::record_test
