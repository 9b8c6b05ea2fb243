#include "task/call_approvals.h"

#include <gmock/gmock.h>
#include <thread>

#include "task/testing/memory_call_store.h"
#include "task/testing/memory_store.h"
#include "task/testing/write_at_once.h"

namespace writ::task::call_approvals_test {
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
  std::expected<StoredCall, CallApprovals::NotTaken> try_ask(const CallApproval& approval) {
    auto waiting = TRY(calls_->ask(approval, [&] { return "a-" + std::to_string(++ids_); }));
    if (waiting.write != nullptr) {
      if (const auto done = written(std::move(waiting.write)); !done)
        return std::unexpected(CallApprovals::NotTaken{done.error().message, true});
    }
    return calls_->find(waiting.id).value();
  }
  StoredCall ask(const CallApproval& approval) { return try_ask(approval).value(); }
  Result<void> written(std::unique_ptr<Write> write) {
    Result<void> done;
    writer_.write(std::move(write), [&](Result<void> result) { done = std::move(result); });
    return done;
  }
  std::string approved() {
    const auto id = ask(asked()).approval.id;
    EXPECT_TRUE(calls_->approve(id, {"niklas", {"ops-console"}}, kNow));
    return id;
  }
  std::expected<void, Denial> try_use(std::string_view id, const Call& call = asked().call,
                                      Instant now = kNow + 1s) {
    auto write = TRY(calls_->use(id, call, now));
    if (const auto done = written(std::move(write)); !done)
      return std::unexpected(Denial{Reason::kIndeterminate, done.error().message});
    return {};
  }
  std::string use(std::string_view id, const Call& call = asked().call, Instant now = kNow + 1s) {
    return word(try_use(id, call, now));
  }
  void restart() {
    calls_ = std::make_unique<CallApprovals>(store_);
    ASSERT_TRUE(calls_->load());
  }

  testing::MemoryCallStore store_;
  testing::MemoryStore tasks_;
  testing::WriteAtOnce writer_{tasks_, store_};
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
        threads.emplace_back([&] { passed += try_use(id, approval.call, kNow) ? 1 : 0; });
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
    const auto outcome = try_use(id, call, kNow);
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
  EXPECT_FALSE(try_ask(asked()));
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

TEST_F(CallApprovalsTest, WhatIsShownToPeopleIsShortAndText) {
  auto large = asked();
  large.body.assign(kMaxCallBodyBytes, 'x');
  EXPECT_FALSE(ask(large).approval.id.empty());
  large.body += 'x';
  EXPECT_FALSE(try_ask(large).error().later);
  large.body = "\xff";
  EXPECT_THAT(try_ask(large).error().why, HasSubstr("not text"));
}

CallApproval asked_by(std::string_view subject, std::string_view client, int number) {
  auto approval = asked("digest " + std::to_string(number));
  approval.call.subject = subject;
  approval.call.client = client;
  approval.asked_at += std::chrono::milliseconds(number);
  return approval;
}

TEST_F(CallApprovalsTest, OneSubjectNeverBlocksAnotherOfTheSameClient) {
  for (int i = 0; i < 200; ++i) ask(asked_by("nora", "portal", i));
  EXPECT_EQ(calls_->size(), CallLimits{}.per_subject);
  EXPECT_FALSE(ask(asked_by("sofia", "portal", 0)).approval.id.empty());
}

TEST_F(CallApprovalsTest, ASubjectsOldestThatNobodyHasDecidedOnMakesRoom) {
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(ask(asked_by("nora", "portal", i)).approval.id);
  ASSERT_TRUE(calls_->approve(ids[0], {"niklas", {}}, kNow));
  ids.push_back(ask(asked_by("nora", "portal", 10)).approval.id);
  EXPECT_TRUE(calls_->find(ids[0])) << "people have approved it";
  EXPECT_FALSE(calls_->find(ids[1]));
  EXPECT_TRUE(calls_->find(ids[2]));
  EXPECT_EQ(use(ids[1], asked_by("nora", "portal", 1).call), "approval_unknown");
  EXPECT_EQ(use(ids[0], asked_by("nora", "portal", 0).call), "permit");
  restart();
  EXPECT_FALSE(calls_->find(ids[1])) << "also after a restart";
  EXPECT_EQ(calls_->size(), 10u);
}

TEST_F(CallApprovalsTest, WhereAllOfASubjectsAreApprovedAndUnusedNoMoreIsAsked) {
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(calls_->approve(ask(asked_by("nora", "portal", i)).approval.id, {"niklas", {}}, kNow));
  EXPECT_TRUE(try_ask(asked_by("nora", "portal", 10)).error().later);
  auto later = asked_by("nora", "portal", 10);
  later.asked_at += kCallLifetime;
  EXPECT_FALSE(ask(later).approval.id.empty()) << "what has expired waits no longer";
}

TEST_F(CallApprovalsTest, AreLimitedPerClientInAllAndInBytes) {
  calls_ = std::make_unique<CallApprovals>(
      store_, CallLimits{.per_subject = 2, .per_client = 3, .all = 5, .bytes = 4'000});
  const auto next = [&](std::string_view subject, std::string_view client, std::size_t bytes = 0) {
    auto approval = asked_by(subject, client, ++ids_);
    approval.body.assign(bytes, 'x');
    const auto done = try_ask(approval);
    return done ? std::string("waits") : done.error().why;
  };
  for (const auto* subject : {"a", "b", "c"}) EXPECT_EQ(next(subject, "portal"), "waits");
  EXPECT_EQ(next("d", "portal"), "3 calls of this client wait for approval or use already");
  EXPECT_EQ(next("d", "mail", 1'000), "waits");
  EXPECT_THAT(next("d", "mail", 1), HasSubstr("as many bytes as are kept of one"));
  EXPECT_EQ(next("d", "desk", 1'000), "waits");
  EXPECT_EQ(next("d", "other"), "5 calls wait for approval or use already");
  const auto refused = calls_->refused();
  EXPECT_EQ(refused.of_subject, 0u);
  EXPECT_EQ(refused.of_client, 1u);
  EXPECT_EQ(refused.bytes, 1u);
  EXPECT_EQ(refused.of_all, 1u);
}

TEST_F(CallApprovalsTest, TheSameCallThatIsBeingWrittenIsNotWrittenTwice) {
  const auto new_id = [] { return std::string("a-1"); };
  auto first = calls_->ask(asked(), new_id).value();
  auto second = calls_->ask(asked(), new_id).value();
  EXPECT_EQ(second.id, first.id);
  EXPECT_FALSE(second.fresh);
  ASSERT_NE(second.write, nullptr) << "it waits for the first";
  EXPECT_FALSE(second.write->call);
  EXPECT_FALSE(calls_->find("a-1"));
  EXPECT_EQ(word(calls_->check("a-1", asked().call, kNow)), "approval_unknown");
  ASSERT_TRUE(written(std::move(first.write)));
  EXPECT_TRUE(calls_->find("a-1"));
}

TEST_F(CallApprovalsTest, AUseThatIsDroppedBeforeItIsWrittenIsNoUse) {
  const auto id = approved();
  ASSERT_TRUE(calls_->use(id, asked().call, kNow));
  EXPECT_EQ(use(id), "permit");
  const auto other = ask(asked("digest-2")).approval.id;
  ASSERT_TRUE(calls_->approve(other, {"niklas", {}}, kNow));
  const auto held = calls_->use(other, asked("digest-2").call, kNow);
  EXPECT_EQ(use(other, asked("digest-2").call), "approval_used") << "while it is being written";
}

TEST_F(CallApprovalsTest, AreForgottenAnHourAfterTheyExpire) {
  const auto id = ask(asked()).approval.id;
  const auto end = kNow + kCallLifetime + kCallRemembered;
  ASSERT_TRUE(calls_->prune(end));
  EXPECT_TRUE(calls_->find(id));
  ASSERT_TRUE(calls_->prune(end + 1ms));
  EXPECT_FALSE(calls_->find(id));
  EXPECT_EQ(use(id), "approval_unknown");
  restart();
  EXPECT_EQ(calls_->size(), 0u);
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
}  // namespace writ::task::call_approvals_test
