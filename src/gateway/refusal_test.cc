#include "gateway/refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "codec/json.h"

namespace writ::gateway::refusal_test {
namespace {

using codec::Json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kReasons = static_cast<std::size_t>(Reason::kIndeterminate) + 1;

http::Response refused(Reason reason, bool bound = false) {
  return refusal_response({reason, "why", {}, {}, {}}, "r-1", bound);
}

std::string challenge(Reason reason, bool bound = false) {
  return std::string(refused(reason, bound).headers.find("WWW-Authenticate").value_or("none"));
}

// Written out, so that a new reason is thought about here.
int expected_status(Reason reason) {
  switch (reason) {
    case Reason::kTokenMissing:
    case Reason::kTokenMalformed:
    case Reason::kTokenSignature:
    case Reason::kTokenType:
    case Reason::kTokenIssuer:
    case Reason::kTokenExpired:
    case Reason::kTokenNotYetValid:
    case Reason::kTokenRevoked:
    case Reason::kTokenReplayed:
    case Reason::kAudienceMismatch:
    case Reason::kSenderBindingMissing:
    case Reason::kSenderBindingMismatch:
    case Reason::kStepUpRequired:
      return 401;
    case Reason::kCallerUnknown:
    case Reason::kCallerRequested:
    case Reason::kCallerLapsed:
    case Reason::kCallerExpired:
    case Reason::kCallerOwnerGone:
    case Reason::kCredentialExpired:
    case Reason::kSubjectRequested:
    case Reason::kSubjectLapsed:
    case Reason::kSubjectExpired:
    case Reason::kCallerSuspended:
    case Reason::kCallerRetired:
    case Reason::kSubjectSuspended:
    case Reason::kCallerMismatch:
    case Reason::kDelegationNotAuthorised:
    case Reason::kChainTooDeep:
    case Reason::kTenantMismatch:
    case Reason::kEnvironmentMismatch:
    case Reason::kTaskMissing:
    case Reason::kTaskNotStarted:
    case Reason::kTaskExpired:
    case Reason::kTaskEnded:
    case Reason::kTaskRevoked:
    case Reason::kTaskSuspended:
    case Reason::kActionNotInTask:
    case Reason::kResourceNotInTask:
    case Reason::kPurposeMismatch:
    case Reason::kBudgetExceeded:
    case Reason::kAmountUnknown:
    case Reason::kPolicyForbid:
    case Reason::kPolicyNoPermit:
    case Reason::kContextMissing:
    case Reason::kFactsUnavailable:
    case Reason::kObligationUnmet:
    case Reason::kApprovalRequired:
    case Reason::kApprovalUnknown:
    case Reason::kApprovalMismatch:
    case Reason::kApprovalPending:
    case Reason::kApprovalDenied:
    case Reason::kApprovalExpired:
    case Reason::kApprovalUsed:
      return 403;
    case Reason::kIndeterminate:
      return 503;
  }
  return 0;
}

std::string_view expected_error(Reason reason, int status) {
  if (reason == Reason::kStepUpRequired) return "insufficient_user_authentication";
  return status == 401 ? "invalid_token" : status == 403 ? "access_denied" : "indeterminate";
}

TEST(Refusal, EveryReasonHasItsStatusAndItsError) {
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    const auto response = refused(reason);
    EXPECT_EQ(response.status, expected_status(reason)) << reason_code(reason);
    const auto body = codec::parse_json(response.body).value();
    EXPECT_EQ(*body.find_string("error"), expected_error(reason, response.status)) << reason_code(reason);
    EXPECT_EQ(*body.find_string("reason"), reason_code(reason));
  }
}

// RFC 6750 §3, RFC 9449 §7.1: 401 always says how to authenticate, nothing else does.
TEST(Refusal, EveryUnauthorizedAnswerHasAChallengeAndNoOtherHas) {
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    for (const bool bound : {false, true}) {
      const auto response = refused(reason, bound);
      EXPECT_EQ(response.headers.count("WWW-Authenticate"), response.status == 401 ? 1u : 0u)
          << reason_code(reason);
    }
  }
}

TEST(Refusal, ABearerChallengeNamesErrorAndReason) {
  EXPECT_EQ(challenge(Reason::kTokenExpired),
            R"(Bearer realm="writ", error="invalid_token", error_description="token_expired")");
}

// RFC 9470 §3.
TEST(Refusal, AChallengeForAnotherLoginSaysWhichOne) {
  decision::Refusal refusal{Reason::kStepUpRequired, "why", {}, {}, {}};
  refusal.acr = "urn:acme:gold";
  refusal.new_login = true;
  const auto response = refusal_response(refusal, "r-1");
  EXPECT_EQ(response.headers.find("WWW-Authenticate"),
            R"(Bearer realm="writ", error="insufficient_user_authentication", )"
            R"(error_description="step_up_required", acr_values="urn:acme:gold", max_age="0")");
  EXPECT_THAT(response.body, HasSubstr(R"("acr_values":"urn:acme:gold","max_age":0)"));
}

TEST(Refusal, AnAcrThatWouldEndItsQuotesIsInTheBodyAlone) {
  decision::Refusal refusal{Reason::kStepUpRequired, "why", {}, {}, {}};
  refusal.acr = "a\", realm=\"b";
  const auto response = refusal_response(refusal, "r-1");
  EXPECT_EQ(
      response.headers.find("WWW-Authenticate"),
      R"(Bearer realm="writ", error="insufficient_user_authentication", error_description="step_up_required")");
}

// RFC 9449 §7.1: the algorithms a proof may have.
TEST(Refusal, ADpopChallengeNamesTheAlgorithms) {
  EXPECT_EQ(
      challenge(Reason::kTokenExpired, true),
      R"(DPoP realm="writ", algs="ES256 EdDSA", error="invalid_token", error_description="token_expired")");
}

// RFC 6750 §3.1: no error code where there was no token.
TEST(Refusal, AMissingTokenIsToldNoError) {
  EXPECT_EQ(challenge(Reason::kTokenMissing), R"(Bearer realm="writ")");
  EXPECT_EQ(challenge(Reason::kTokenMissing, true), R"(DPoP realm="writ", algs="ES256 EdDSA")");
}

// RFC 9449 §7.2: a bound token that came as a bearer token must come with a proof the next time.
TEST(Refusal, AMissingOrWrongProofIsToldThatAProofIsWanted) {
  EXPECT_THAT(challenge(Reason::kSenderBindingMissing), StartsWith("DPoP "));
  EXPECT_THAT(challenge(Reason::kSenderBindingMismatch, true), StartsWith("DPoP "));
}

TEST(Refusal, TheBodySaysWhoWhyAndWhich) {
  const auto response = refusal_response({.reason = Reason::kPolicyForbid,
                                          .message = "a policy forbids \"it\"\n",
                                          .party = "Writ::Agent::\"a\"",
                                          .policies = {"p1", "p2"},
                                          .path = "context.purpose"},
                                         "r-1");
  EXPECT_EQ(response.headers.find("Content-Type"), "application/json");
  EXPECT_EQ(codec::parse_json(response.body).value(),
            codec::parse_json(R"({"error":"access_denied","reason":"policy_forbid",
                "message":"a policy forbids \"it\"\n","party":"Writ::Agent::\"a\"","path":"context.purpose",
                "policies":["p1","p2"],"request_id":"r-1"})")
                .value());
}

TEST(Refusal, AbsentMembersAreLeftOut) {
  EXPECT_EQ(refused(Reason::kTaskEnded).body,
            R"({"error":"access_denied","reason":"task_ended","message":"why","request_id":"r-1"})");
}

TEST(Refusal, NoAnswerIsStoredAndEachNamesItsRequest) {
  for (const auto& response :
       {refused(Reason::kTokenExpired), refused(Reason::kPolicyForbid), refused(Reason::kIndeterminate),
        audit_unavailable("r-1"), error_answer(404, "not_found", "no route leads to this path", "r-1")}) {
    EXPECT_EQ(response.headers.find("Cache-Control"), "no-store") << response.body;
    EXPECT_EQ(response.headers.find("X-Request-Id"), "r-1") << response.body;
    EXPECT_THAT(response.body, HasSubstr(R"("request_id":"r-1")"));
  }
}

TEST(Refusal, WithoutARecordNothingHappens) {
  const auto response = audit_unavailable("r-1");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, StartsWith(R"({"error":"audit_unavailable","message":")"));
  EXPECT_FALSE(response.headers.contains("WWW-Authenticate"));
}

TEST(Refusal, RequestIdsAreUniqueAndShort) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const auto id = enforce::RequestId::next();
    EXPECT_EQ(id.view().size(), 22u);
    EXPECT_TRUE(ids.insert(id.str()).second);
  }
}

}  // namespace
}  // namespace writ::gateway::refusal_test
