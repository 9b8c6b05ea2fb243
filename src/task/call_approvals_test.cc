#include "task/call_approvals.h"

#include <gmock/gmock.h>
#include <thread>

#include "task/testing/memory_call_store.h"

namespace writ::task {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

CallApproval asked(std::string_view arguments = "digest-1") {
  CallApproval approval;
  approval.call = {.subject = "nora",
                   .client = "support-agent",
                   .actors = {"support-agent", "support-portal"},
                   .task = "t-1",
                   .purpose = "support",
                   .api = "invoices",
                   .action = R"(Billing::Action::"credit")",
                   .resource = R"(Billing::Invoice::"inv-1")",
                   .method = "POST",
                   .path = "/invoices/inv-1/credit",
                   .query = "now=1",
                   .arguments = std::string(arguments),
                   .policy_revision = "r1"};
  approval.tenant = "north";
  approval.body = "{\"amount\": 20}\r\n\"ü\"";
  approval.asked_at = kNow;
  return approval;
}

std::string word(const std::expected<void, Denial>& outcome) {
  return outcome ? "permit" : std::string(reason_code(outcome.error().reason));
}

class CallApprovalsTest : public ::testing::Test {
 protected:
  StoredCall ask(const CallApproval& approval) {
    return calls_->ask(approval, [&] { return "a-" + std::to_string(++ids_); }).value();
  }
  std::string approved() {
    const auto id = ask(asked()).approval.id;
    EXPECT_TRUE(calls_->approve(id, {"niklas", {"ops-console"}}, kNow));
    return id;
  }
  std::string use(std::string_view id, const Call& call = asked().call, Instant now = kNow + 1s) {
    return word(calls_->use(id, call, now));
  }
  void restart() {
    calls_ = std::make_unique<CallApprovals>(store_);
    ASSERT_TRUE(calls_->load());
  }

  testing::MemoryCallStore store_;
  std::unique_ptr<CallApprovals> calls_ = std::make_unique<CallApprovals>(store_);
  int ids_ = 0;
};

TEST_F(CallApprovalsTest, AnApprovedCallPassesOnce) {
  const auto id = approved();
  EXPECT_EQ(word(calls_->check(id, asked().call, kNow)), "permit");
  EXPECT_EQ(use(id), "permit");
  EXPECT_EQ(use(id), "approval_used");
  EXPECT_EQ(word(calls_->check(id, asked().call, kNow)), "approval_used");
}

TEST_F(CallApprovalsTest, WhatWasUsedIsUsedAfterARestart) {
  const auto id = approved();
  restart();
  EXPECT_EQ(use(id), "permit");
  restart();
  EXPECT_EQ(use(id), "approval_used");
}

TEST_F(CallApprovalsTest, OfManyAtOnceExactlyOnePasses) {
  for (int round = 0; round < 20; ++round) {
    auto approval = asked("digest-" + std::to_string(round));
    const auto id = ask(approval).approval.id;
    ASSERT_TRUE(calls_->approve(id, {"niklas", {}}, kNow));
    std::atomic<int> passed = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] { passed += calls_->use(id, approval.call, kNow) ? 1 : 0; });
    }
    EXPECT_EQ(passed, 1);
  }
}

TEST_F(CallApprovalsTest, AnUnknownOrPendingOrDeniedOrExpiredOneLetsNothingPass) {
  EXPECT_EQ(use("a-0"), "approval_unknown");
  const auto id = ask(asked()).approval.id;
  EXPECT_EQ(use(id), "approval_pending");
  ASSERT_TRUE(calls_->deny(id, "niklas", kNow));
  EXPECT_EQ(use(id), "approval_denied");
  const auto other = approved();
  EXPECT_NE(other, id);
  EXPECT_EQ(use(other, asked().call, kNow + kCallLifetime), "approval_expired");
  EXPECT_EQ(use(other, asked().call, kNow + kCallLifetime - 1ms), "permit");
}

TEST_F(CallApprovalsTest, AnyOtherCallIsRefusedAndLeavesTheApprovalUnused) {
  const auto id = approved();
  const auto differs = [&](auto change) {
    auto call = asked().call;
    change(call);
    const auto outcome = calls_->use(id, call, kNow);
    EXPECT_EQ(word(outcome), "approval_mismatch");
    return outcome.error().message;
  };
  EXPECT_THAT(differs([](Call& call) { call.subject = "sofia"; }), HasSubstr("another caller"));
  EXPECT_THAT(differs([](Call& call) { call.client = "marketing-app"; }), HasSubstr("another caller"));
  EXPECT_THAT(differs([](Call& call) { call.actors.pop_back(); }), HasSubstr("another caller"));
  EXPECT_THAT(differs([](Call& call) { std::swap(call.actors[0], call.actors[1]); }),
              HasSubstr("another caller"));
  EXPECT_THAT(differs([](Call& call) { call.task = "t-2"; }), HasSubstr("another task"));
  EXPECT_THAT(differs([](Call& call) { call.task.reset(); }), HasSubstr("another task"));
  EXPECT_THAT(differs([](Call& call) { call.purpose.reset(); }), HasSubstr("purpose"));
  EXPECT_THAT(differs([](Call& call) { call.api = "mail"; }), HasSubstr("another action"));
  EXPECT_THAT(differs([](Call& call) { call.action += "x"; }), HasSubstr("another action"));
  EXPECT_THAT(differs([](Call& call) { call.resource += "x"; }), HasSubstr("resource"));
  EXPECT_THAT(differs([](Call& call) { call.policy_revision = "r2"; }), HasSubstr("other policies"));
  EXPECT_THAT(differs([](Call& call) { call.method = "PUT"; }), HasSubstr("other arguments"));
  EXPECT_THAT(differs([](Call& call) { call.path += "/"; }), HasSubstr("other arguments"));
  EXPECT_THAT(differs([](Call& call) { call.query = "now=2"; }), HasSubstr("other arguments"));
  EXPECT_THAT(differs([](Call& call) { call.arguments = "digest-2"; }), HasSubstr("other arguments"));
  EXPECT_EQ(use(id), "permit");
}

TEST_F(CallApprovalsTest, AUseThatCannotBeRecordedIsNoUse) {
  const auto id = approved();
  store_.broken = true;
  EXPECT_EQ(use(id), "indeterminate");
  store_.broken = false;
  EXPECT_EQ(use(id), "permit");
}

TEST_F(CallApprovalsTest, WhatCannotBeRecordedIsNeitherAskedNorDecided) {
  store_.broken = true;
  EXPECT_FALSE(calls_->ask(asked(), [] { return std::string("a-1"); }));
  EXPECT_FALSE(calls_->find("a-1"));
  store_.broken = false;
  const auto id = ask(asked()).approval.id;
  store_.broken = true;
  EXPECT_FALSE(calls_->approve(id, {"niklas", {}}, kNow));
  EXPECT_FALSE(calls_->deny(id, "niklas", kNow));
  EXPECT_EQ(calls_->find(id)->state, CallState::kPending);
}

TEST_F(CallApprovalsTest, NobodyWhoTakesPartApproves) {
  const auto id = ask(asked()).approval.id;
  for (const Approver& approver : {Approver{"nora", {}}, Approver{"niklas", {"support-agent"}},
                                   Approver{"niklas", {"ops-console", "support-portal"}}}) {
    const auto done = calls_->approve(id, approver, kNow);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kConflict);
    EXPECT_THAT(done.error().message, HasSubstr("takes part in the call"));
    EXPECT_FALSE(calls_->check_approval(id, approver, kNow));
  }
  EXPECT_EQ(use(id), "approval_pending");
}

TEST_F(CallApprovalsTest, NothingIsDecidedTwiceOrTooLate) {
  const auto id = ask(asked()).approval.id;
  EXPECT_EQ(calls_->approve(id, {"niklas", {}}, kNow + kCallLifetime).error().code, ErrorCode::kConflict);
  EXPECT_EQ(calls_->deny(id, "niklas", kNow + kCallLifetime).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(calls_->approve(id, {"niklas", {}}, kNow));
  EXPECT_EQ(calls_->approve(id, {"olga", {}}, kNow).error().code, ErrorCode::kConflict);
  EXPECT_EQ(calls_->deny(id, "olga", kNow).error().code, ErrorCode::kConflict);
  EXPECT_EQ(calls_->approve("a-0", {"olga", {}}, kNow).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(calls_->find(id)->approval.decided_by, "niklas");
}

TEST_F(CallApprovalsTest, TheSameCallWaitsOnce) {
  const auto id = ask(asked()).approval.id;
  EXPECT_EQ(ask(asked()).approval.id, id);
  ASSERT_TRUE(calls_->approve(id, {"niklas", {}}, kNow));
  EXPECT_EQ(ask(asked()).approval.id, id);
  EXPECT_EQ(use(id), "permit");
  EXPECT_NE(ask(asked()).approval.id, id) << "what is over is asked for anew";
  EXPECT_NE(ask(asked("digest-2")).approval.id, id);
}

TEST_F(CallApprovalsTest, HaveLimits) {
  auto large = asked();
  large.body.assign(kMaxCallBodyBytes, 'x');
  EXPECT_FALSE(ask(large).approval.id.empty());
  large.body += 'x';
  EXPECT_EQ(calls_->ask(large, [] { return std::string("a"); }).error().code, ErrorCode::kLimit);
  large.body = "\xff";
  EXPECT_THAT(calls_->ask(large, [] { return std::string("a"); }).error().message, HasSubstr("no text"));
  for (std::size_t i = 1; i < kMaxOpenCallsOfClient; ++i) ask(asked("digest " + std::to_string(i)));
  EXPECT_EQ(calls_->ask(asked("one more"), [] { return std::string("a"); }).error().code, ErrorCode::kLimit);
  auto other = asked("one more");
  other.call.client = "mail-drafter";
  EXPECT_FALSE(ask(other).approval.id.empty());
  auto later = asked("one more");
  later.asked_at += kCallLifetime;
  EXPECT_FALSE(ask(later).approval.id.empty()) << "what has expired waits no longer";
}

TEST_F(CallApprovalsTest, AreForgottenAnHourAfterTheyExpire) {
  const auto id = ask(asked()).approval.id;
  auto later = asked("digest-2");
  later.asked_at += kCallLifetime + kCallRemembered;
  ask(later);
  EXPECT_TRUE(calls_->find(id));
  later.call.arguments = "digest-3";
  later.asked_at += 1ms;
  ask(later);
  EXPECT_FALSE(calls_->find(id));
  EXPECT_EQ(use(id), "approval_unknown");
  restart();
  EXPECT_EQ(calls_->all().size(), 2u);
  ASSERT_TRUE(calls_->prune(later.asked_at + kCallLifetime + kCallRemembered + 1ms));
  restart();
  EXPECT_EQ(calls_->all().size(), 0u);
}

TEST_F(CallApprovalsTest, ARecordKeepsEverything) {
  auto approval = asked();
  approval.id = "a-1";
  approval.until = kNow + 1ms;
  approval.decided_by = "niklas";
  const auto read = call_from_record(call_record(approval)).value();
  EXPECT_EQ(read.call, approval.call);
  EXPECT_EQ(call_record(read), call_record(approval));
  EXPECT_EQ(read.body, approval.body);
  EXPECT_FALSE(call_from_record(R"({"id":"a-1"})"));
}

}  // namespace
}  // namespace writ::task
