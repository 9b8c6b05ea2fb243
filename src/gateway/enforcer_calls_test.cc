// Approvals of single calls, as the enforcer offers and uses them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/refusal.h"
#include "gateway/testing/world.h"

namespace writ::gateway::enforcer_calls_test {
namespace {

using ::testing::HasSubstr;
using testing::request;
using testing::word;
using testing::World;
using namespace std::chrono_literals;

constexpr std::string_view kPolicies = R"(
@id("all") permit (principal, action, resource is Billing::Invoice);
@id("people-approve-refunds") forbid (principal, action == Billing::Action::"refund", resource)
unless { context.approved };
@id("sealed") forbid (principal, action, resource == Billing::Invoice::"sealed");
)";

class EnforcerCallsTest : public ::testing::Test {
 protected:
  EnforcerCallsTest() { world.policies = testing::compiled(kPolicies); }

  enforce::Outcome refund(std::string_view approval = {}, std::optional<std::string_view> body = "{}",
                          std::string_view invoice = "inv-1") {
    auto sent = request(world.token(), "/invoices/inv-1/refund", "POST");
    if (!approval.empty()) sent.headers.add(kApprovalHeader, approval);
    return refund(sent, body, invoice);
  }
  enforce::Outcome refund(const http::Request& sent, std::optional<std::string_view> body = "{}",
                          std::string_view invoice = "inv-1") {
    return world.enforcer.enforce(testing::asked(sent, "refund", invoice, body));
  }
  // The id under which the call waits.
  std::string offered(std::string_view body = "{}") {
    const auto outcome = refund();
    EXPECT_EQ(word(outcome), "403 approval_required");
    const auto sent = request(world.token(), "/invoices/inv-1/refund", "POST");
    http::Response answer;
    world.enforcer.offer_approval(*outcome.error().offer,
                                  digest_of(sent, *ForwardedHeaders::standard(), body), body,
                                  [&](const enforce::Refused& given) { answer = response_of(given); });
    last_answer = answer;
    const auto told = codec::parse_json(answer.body).value();
    return told.find_string("approval") != nullptr ? *told.find_string("approval") : "";
  }
  std::string approved() {
    const auto id = offered();
    EXPECT_TRUE(world.call_approvals.approve(id, {"niklas", {}}, world.clock.now()));
    return id;
  }

  World world;
  http::Response last_answer;
};

TEST_F(EnforcerCallsTest, AnApprovedCallPassesOnceAndItsRecordNamesTheApproval) {
  const auto id = approved();
  EXPECT_EQ(word(refund(id)), "permit");
  EXPECT_EQ(*world.audit.lines().back().find_string("approval"), id);
  EXPECT_EQ(word(refund(id)), "403 approval_used");
  EXPECT_EQ(world.audit.lines().back().find_string("approval"), nullptr);
}

TEST_F(EnforcerCallsTest, TheAnswerThatNamesTheApprovalWaitsForItsRecord) {
  const auto sent = request(world.token(), "/invoices/inv-1/refund", "POST");
  const auto outcome = refund(sent);
  world.audit.broken = true;
  http::Response answer;
  world.enforcer.offer_approval(*outcome.error().offer, digest_of(sent, *ForwardedHeaders::standard(), "{}"),
                                "{}", [&](const enforce::Refused& given) { answer = response_of(given); });
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("audit_unavailable"));
}

TEST_F(EnforcerCallsTest, WhatCannotBeKeptStaysARefusalWithoutAnApproval) {
  world.call_store.broken = true;
  EXPECT_EQ(offered(), "");
  EXPECT_EQ(last_answer.status, 403);
  EXPECT_THAT(last_answer.body, HasSubstr("approval_required"));
}

TEST_F(EnforcerCallsTest, AUseThatCannotBeRecordedIsIndeterminate) {
  const auto id = approved();
  world.call_store.broken = true;
  EXPECT_EQ(word(refund(id)), "503 indeterminate");
  world.call_store.broken = false;
  EXPECT_EQ(word(refund(id)), "permit");
}

TEST_F(EnforcerCallsTest, AnApprovalIsUsedEvenWhenTheAuditThenFails) {
  const auto id = approved();
  world.audit.broken = true;
  EXPECT_EQ(word(refund(id)), "503 indeterminate");
  world.audit.broken = false;
  EXPECT_EQ(word(refund(id)), "403 approval_used");
}

TEST_F(EnforcerCallsTest, WhatElseRefusesLeavesItUnused) {
  const auto id = approved();
  world.policies = testing::compiled(std::string(kPolicies) + R"(
@id("none") forbid (principal, action == Billing::Action::"refund", resource);)");
  EXPECT_EQ(word(refund(id)), "403 policy_forbid");
  world.policies = testing::compiled(kPolicies);
  EXPECT_EQ(word(refund(id)), "permit");
}

TEST_F(EnforcerCallsTest, TheArgumentsAreMethodPathQueryMediaTypeAndBody) {
  const auto id = approved();
  const auto with = [&](auto change, std::string_view body = "{}") {
    auto sent = request(world.token(), "/invoices/inv-1/refund", "POST");
    sent.headers.add(kApprovalHeader, id);
    change(sent);
    return word(refund(sent, body));
  };
  const auto nothing = [](http::Request&) {};
  EXPECT_EQ(with(nothing, "{ }"), "403 approval_mismatch");
  EXPECT_EQ(with(nothing, ""), "403 approval_mismatch");
  EXPECT_EQ(with([](http::Request& sent) { sent.method = "PUT"; }), "403 approval_mismatch");
  EXPECT_EQ(with([](http::Request& sent) { sent.path += "2"; }), "403 approval_mismatch");
  EXPECT_EQ(with([](http::Request& sent) { sent.encoded_path = "/invoices%2Dinv-1/refund"; }),
            "403 approval_mismatch");
  EXPECT_EQ(with([](http::Request& sent) { sent.query = "a=1"; }), "403 approval_mismatch");
  EXPECT_EQ(with([](http::Request& sent) { sent.headers.add("content-type", "text/plain"); }),
            "403 approval_mismatch");
  EXPECT_EQ(with([](http::Request& sent) { sent.headers.add("Content-Encoding", "gzip"); }),
            "403 approval_mismatch");
  EXPECT_EQ(with(nothing), "permit");
}

TEST_F(EnforcerCallsTest, ABodyThatWasNotReadUsesNoApproval) {
  const auto id = approved();
  EXPECT_EQ(word(refund(id, std::nullopt)), "403 approval_unknown");
}

TEST_F(EnforcerCallsTest, TwoApprovalsOrOneThatIsTooLongAreNone) {
  const auto id = approved();
  auto sent = request(world.token(), "/invoices/inv-1/refund", "POST");
  sent.headers.add(kApprovalHeader, id);
  sent.headers.add(kApprovalHeader, id);
  EXPECT_EQ(word(refund(sent)), "403 approval_unknown");
  EXPECT_EQ(word(refund(std::string(65, 'a'))), "403 approval_unknown");
  EXPECT_EQ(word(refund(id)), "permit");
}

TEST_F(EnforcerCallsTest, NothingIsOfferedWhereAnApprovalDoesNotHelp) {
  const auto forbidden = refund(std::string_view(), "{}", "sealed");
  EXPECT_EQ(word(forbidden), "403 policy_forbid");
  EXPECT_EQ(forbidden.error().offer, nullptr);
  const auto unknown = refund(request("no token", "/invoices/inv-1/refund", "POST"));
  EXPECT_EQ(unknown.error().offer, nullptr);
}

TEST_F(EnforcerCallsTest, AQuestionAloneUsesNoApproval) {
  const auto id = approved();
  auto sent = request(world.token(), "/invoices/inv-1/refund", "POST");
  sent.headers.add(kApprovalHeader, id);
  const auto asked = testing::asked(sent, "refund", "inv-1", "{}");
  EXPECT_FALSE(world.enforcer.would_permit(asked));
  EXPECT_NE(world.enforcer.would_offer(asked), nullptr);
  EXPECT_EQ(word(refund(id)), "permit");
}

}  // namespace
}  // namespace writ::gateway::enforcer_calls_test
