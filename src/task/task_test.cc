#include <gtest/gtest.h>
#include <thread>

#include "codec/name.h"
#include "task/registry.h"
#include "task/testing/memory_store.h"

namespace writ::task::task_test {
namespace {

const Instant kNow = instant_from_unix_seconds(1'750'000'000);
constexpr std::string_view kRead = R"(Billing::Action::"read")";

codec::Json request() {
  return codec::parse_json(R"({"purpose":"support","subject":"nora","agents":["agent"],
    "actions":["Billing::Action::\"read\"","Billing::Action::\"credit\""],
    "resources":["Billing::Invoice::\"1\"","Billing::Ledger::*"],"expires_in_seconds":60})")
      .value();
}

Task make_task(std::optional<std::int64_t> calls = std::nullopt) {
  auto task = task_from_request(request(), kNow).value();
  task.id = "t";
  task.opened_by = "portal";
  task.budget.calls = calls;
  return task;
}

class TaskTest : public ::testing::Test {
 protected:
  testing::MemoryStore store;
  Registry registry{store};
  cedar::Arena arena;
  cedar::EntityRef read = arena.entity("Billing::Action", "read");
  cedar::EntityRef credit = arena.entity("Billing::Action", "credit");

  cedar::EntityRef invoice = arena.entity("Billing::Invoice", "1");

  LiveTask::Use use(cedar::EntityRef action, Instant now = kNow) const { return {action, invoice, now}; }
  std::shared_ptr<LiveTask> open(Task task) { return registry.open(std::move(task)).value(); }
};

TEST(TaskRequest, RefusesWhatContradictsItselfOrIsUnknown) {
  const auto with = [](std::string_view name, std::string_view value) {
    auto json = request();
    json.set(name, codec::parse_json(value).value());
    return task_from_request(json, kNow);
  };
  ASSERT_TRUE(task_from_request(request(), kNow));
  for (const auto& [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"unknown", "1"},
           {"purpose", R"("")"},
           {"purpose", "1"},
           {"agents", R"("agent")"},
           {"agents", "[]"},  // and no client: nobody could use it
           {"actions", "[]"},
           {"actions", R"(["read"])"},
           {"actions", R"(["Billing::Invoice::\"1\""])"},
           {"resources", "[]"},
           {"resources", R"(["*"])"},
           {"resources", R"(["Billing::*::\"1\""])"},
           {"expires_in_seconds", "0"},
           {"expires_in_seconds", "-1"},
           {"expires_in_seconds", "999999999999"},
           {"not_before", R"("soon")"},
           {"budget", R"({"calls":0})"},
           {"budget", R"({"calls":1.5})"},
           {"budget", R"({"actions":{"Billing::Action::\"shred\"":1}})"},
           {"budget", R"({"amount":1})"},
           {"parent", R"("")"},
           {"approvals", "2"},
           {"approvals", "{}"},
           {"approvals", R"({"needed":0})"},
           {"approvals", R"({"needed":9})"},
           {"approvals", R"({"needed":1,"within_seconds":0})"},
           {"approvals", R"({"needed":1,"by":["niklas"]})"}}) {
    EXPECT_FALSE(with(name, value)) << name << " " << value;
  }
}

TEST(TaskRequest, RefusesMoreThanItsLimits) {
  auto json = request();
  auto agents = codec::Json::array();
  for (std::size_t i = 0; i <= kMaxAgents; ++i) agents.push("agent-" + std::to_string(i));
  json.set("agents", agents);
  EXPECT_FALSE(task_from_request(json, kNow));
  json = request();
  auto resources = codec::Json::array();
  for (std::size_t i = 0; i <= kMaxResources; ++i) resources.push("A::\"" + std::to_string(i) + "\"");
  json.set("resources", resources);
  EXPECT_FALSE(task_from_request(json, kNow));
}

TEST(TaskRequest, RecordsComeBackWhole) {
  auto task = make_task(5);
  task.budget.actions.push_back({task.actions[0], 2});
  task.opened_by = "portal";
  EXPECT_EQ(task_record(task_from_record(task_record(task)).value()), task_record(task));
}

// What a token may say is read back: otherwise one long name would keep Writ from starting again.
TEST(TaskRequest, RecordsOfWhoeverMayAskComeBack) {
  const std::string longest(codec::kMaxNameBytes, 'n');
  auto task = make_task();
  task.opened_by = "portal";
  task.subject = task.tenant = task.environment = task.purpose = longest;
  task.requested_by = {longest, "CN=Nora Smith,OU=Users"};
  task.approvals.needed = 1;
  task.approvals.given.push_back({longest, kNow});
  const auto again = task_from_record(task_record(task));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(task_record(*again), task_record(task));
}

TEST_F(TaskTest, IsLiveFromItsBeginUntilItsEndAndNotAtItsEnd) {
  auto task = make_task();
  task.not_before = kNow + std::chrono::seconds(10);
  task.expires_at = kNow + std::chrono::seconds(20);
  const auto live = open(task);
  EXPECT_EQ(live->check_live(task.not_before - Duration(1)).error().reason, Reason::kTaskNotStarted);
  EXPECT_TRUE(live->check_live(task.not_before));
  EXPECT_TRUE(live->check_live(task.expires_at - Duration(1)));
  EXPECT_EQ(live->check_live(task.expires_at).error().reason, Reason::kTaskExpired);
}

TEST_F(TaskTest, EndsByTheLaterReadingAndBeginsByTheEarlier) {
  auto task = make_task();
  task.not_before = kNow + std::chrono::seconds(10);
  task.expires_at = kNow + std::chrono::seconds(20);
  const auto live = open(task);
  EXPECT_TRUE(live->check_live({task.not_before, task.expires_at - Duration(1)}));
  EXPECT_EQ(live->check_live({task.not_before, task.expires_at}).error().reason, Reason::kTaskExpired);
  EXPECT_EQ(live->check_live({task.not_before - Duration(1), task.not_before}).error().reason,
            Reason::kTaskNotStarted);
}

TEST_F(TaskTest, AClockThatIsSetAheadGivesNoRateBack) {
  auto task = make_task();
  task.budget.rates = {{1, 10}};
  const auto live = open(task);
  EXPECT_TRUE(live->consume({read, invoice, kNow}));
  const Times ahead{kNow + std::chrono::seconds(1), kNow + std::chrono::seconds(30)};
  EXPECT_EQ(live->consume({read, invoice, ahead}).error().reason, Reason::kBudgetExceeded);
}

TEST_F(TaskTest, EndedAndRevokedTasksRefuseAtOnceAndForGood) {
  const auto live = open(make_task());
  ASSERT_TRUE(registry.end("t"));
  EXPECT_EQ(live->check_live(kNow).error().reason, Reason::kTaskEnded);
  EXPECT_EQ(live->consume(use(read)).error().reason, Reason::kTaskEnded);
  EXPECT_EQ(registry.revoke("t").error().code, ErrorCode::kConflict);
  EXPECT_EQ(registry.end("none").error().code, ErrorCode::kNotFound);
  auto other = make_task();
  other.id = "u";
  const auto revoked = open(other);
  ASSERT_TRUE(registry.revoke("u"));
  EXPECT_EQ(revoked->check_live(kNow).error().reason, Reason::kTaskRevoked);
}

TEST_F(TaskTest, ASuspendedTaskRefusesAtOnceUntilItIsResumed) {
  const auto live = open(make_task(5));
  ASSERT_TRUE(live->consume(use(read)));
  ASSERT_TRUE(registry.suspend("t", kNow));
  EXPECT_EQ(live->check_live(kNow).error().reason, Reason::kTaskSuspended);
  EXPECT_EQ(live->consume(use(read)).error().reason, Reason::kTaskSuspended);
  EXPECT_EQ(registry.suspend("t", kNow).error().message, "task `t` was suspended already");
  ASSERT_TRUE(registry.resume("t", kNow));
  EXPECT_TRUE(live->consume(use(read)));
  EXPECT_EQ(live->used_calls(), 2);
  EXPECT_EQ(registry.resume("t", kNow).error().message, "task `t` is not suspended");
  EXPECT_EQ(registry.suspend("none", kNow).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(registry.resume("none", kNow).error().code, ErrorCode::kNotFound);
}

TEST_F(TaskTest, ResumingNeverRevivesWhatIsOver) {
  for (const auto state : {State::kEnded, State::kRevoked}) {
    auto task = make_task();
    task.id = state_name(state);
    const auto live = open(task);
    ASSERT_TRUE(registry.suspend(task.id, kNow));
    ASSERT_TRUE(state == State::kEnded ? registry.end(task.id) : registry.revoke(task.id));
    EXPECT_EQ(registry.resume(task.id, kNow).error().code, ErrorCode::kConflict);
    EXPECT_EQ(registry.suspend(task.id, kNow).error().code, ErrorCode::kConflict);
    EXPECT_EQ(live->state(), state);
  }
  const auto live = open(make_task());
  ASSERT_TRUE(registry.suspend("t", kNow));
  const auto expiry = (*live)->expires_at;
  EXPECT_EQ(registry.resume("t", expiry).error().message, "task `t` has expired");
  EXPECT_EQ(live->check_live(expiry).error().reason, Reason::kTaskExpired);
  EXPECT_EQ(live->check_live(kNow).error().reason, Reason::kTaskSuspended);
}

TEST_F(TaskTest, ASuspensionThatCouldNotBeStoredIsNone) {
  const auto live = open(make_task());
  store.broken = true;
  EXPECT_FALSE(registry.suspend("t", kNow));
  EXPECT_TRUE(live->check_live(kNow));
  store.broken = false;
  ASSERT_TRUE(registry.suspend("t", kNow));
  store.broken = true;
  EXPECT_FALSE(registry.resume("t", kNow));
  EXPECT_EQ(live->check_live(kNow).error().reason, Reason::kTaskSuspended);
}

Task asked_for(std::int64_t needed) {
  auto json = request();
  json.set("client", "portal");
  json.set("approvals", codec::Json::object({{"needed", needed}, {"within_seconds", 30}}));
  auto task = task_from_request(json, kNow).value();
  task.id = "t";
  task.opened_by = "portal";
  task.requested_by = {"nora", "portal"};
  return task;
}

TEST_F(TaskTest, ARequestedTaskGivesNoAuthorityUntilTheLastApproval) {
  const auto live = registry.open(asked_for(2), State::kRequested).value();
  EXPECT_EQ(live->check_live(kNow).error().reason, Reason::kApprovalRequired);
  EXPECT_EQ(live->consume(use(read)).error().reason, Reason::kApprovalRequired);
  ASSERT_TRUE(registry.approve("t", {"niklas", {}}, kNow));
  EXPECT_EQ(live->check_live(kNow).error().message, "task `t` waits for approval: 1 of 2 are given");
  ASSERT_TRUE(registry.approve("t", {"olga", {"console"}}, kNow));
  EXPECT_TRUE(live->consume(use(read)));
  EXPECT_EQ(registry.approve("t", {"petra", {}}, kNow).error().message,
            "task `t` does not wait for approval");
}

TEST_F(TaskTest, NobodyApprovesTwiceOrTheirOwnRequestOrWhatTheyTakePartIn) {
  const auto live = registry.open(asked_for(2), State::kRequested).value();
  ASSERT_TRUE(registry.approve("t", {"niklas", {}}, kNow));
  const auto refused = [&](const Approver& approver) {
    const auto done = registry.approve("t", approver, kNow);
    return done ? "approved" : done.error().message;
  };
  EXPECT_EQ(refused({"niklas", {}}), "`niklas` has approved task `t`, and cannot approve it");
  EXPECT_EQ(refused({"nora", {}}), "`nora` asked for task `t`, and cannot approve it");
  EXPECT_EQ(refused({"olga", {"portal"}}), "`portal` takes part in task `t`, and cannot approve it");
  EXPECT_EQ(refused({"olga", {"console", "agent"}}), "`agent` takes part in task `t`, and cannot approve it");
  EXPECT_EQ(refused({"agent", {}}), "`agent` takes part in task `t`, and cannot approve it");
  EXPECT_EQ(live->state(), State::kRequested);
}

TEST_F(TaskTest, ARequestThatIsNotApprovedInTimeLapses) {
  const auto live = registry.open(asked_for(1), State::kRequested).value();
  const auto until = kNow + std::chrono::seconds(30);
  EXPECT_EQ(live->check_live(until - Duration(1)).error().reason, Reason::kApprovalRequired);
  EXPECT_EQ(live->check_live(until).error().reason, Reason::kTaskExpired);
  EXPECT_EQ(registry.approve("t", {"niklas", {}}, until).error().message,
            "task `t` was not approved in time");
  EXPECT_EQ(registry.deny("t", until).error().code, ErrorCode::kConflict);
}

TEST_F(TaskTest, ADeniedRequestIsOverForGood) {
  const auto live = registry.open(asked_for(1), State::kRequested).value();
  ASSERT_TRUE(registry.deny("t", kNow));
  EXPECT_EQ(live->check_live(kNow).error().reason, Reason::kTaskRevoked);
  EXPECT_FALSE(registry.approve("t", {"niklas", {}}, kNow));
  EXPECT_FALSE(registry.resume("t", kNow));
  EXPECT_FALSE(registry.deny("t", kNow));
}

TEST_F(TaskTest, ARequestedTaskIsNeitherSuspendedNorResumedIntoLife) {
  const auto live = registry.open(asked_for(1), State::kRequested).value();
  EXPECT_EQ(registry.suspend("t", kNow).error().message, "task `t` waits for approval");
  EXPECT_FALSE(registry.resume("t", kNow));
  EXPECT_EQ(live->state(), State::kRequested);
}

TEST_F(TaskTest, AnApprovalThatCouldNotBeStoredIsNone) {
  const auto live = registry.open(asked_for(1), State::kRequested).value();
  store.broken = true;
  EXPECT_FALSE(registry.approve("t", {"niklas", {}}, kNow));
  EXPECT_EQ(live->check_live(kNow).error().reason, Reason::kApprovalRequired);
  store.broken = false;
  EXPECT_TRUE(registry.approve("t", {"niklas", {}}, kNow));
}

TEST_F(TaskTest, ApprovalsOutliveTheProcess) {
  ASSERT_TRUE(registry.open(asked_for(2), State::kRequested));
  ASSERT_TRUE(registry.approve("t", {"niklas", {}}, kNow));
  Registry next(store);
  ASSERT_TRUE(next.load());
  EXPECT_FALSE(next.approve("t", {"niklas", {}}, kNow));
  ASSERT_TRUE(next.approve("t", {"olga", {}}, kNow));
  Registry last(store);
  ASSERT_TRUE(last.load());
  EXPECT_TRUE(last.find("t")->check_live(kNow));
}

TEST_F(TaskTest, RefusesActionsAndResourcesOutsideItsScope) {
  const auto live = open(make_task());
  const auto one = arena.entity("Billing::Invoice", "1"), two = arena.entity("Billing::Invoice", "2");
  EXPECT_TRUE(live->check_scope(read, one));
  EXPECT_TRUE(live->check_scope(read, arena.entity("Billing::Ledger", "any")));
  EXPECT_EQ(live->check_scope(read, two).error().reason, Reason::kResourceNotInTask);
  EXPECT_EQ(live->check_scope(arena.entity("Billing::Action", "shred"), one).error().reason,
            Reason::kActionNotInTask);
  EXPECT_EQ(live->check_scope(arena.entity("Mail::Action", "read"), one).error().reason,
            Reason::kActionNotInTask);
  EXPECT_EQ(live->check_purpose("marketing").error().reason, Reason::kPurposeMismatch);
  EXPECT_TRUE(live->check_purpose("support"));
}

TEST_F(TaskTest, OfManyParallelCallsExactlyTheBudgetPasses) {
  const auto live = open(make_task(1000));
  std::atomic<int> passed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int call = 0; call < 500; ++call) passed += live->consume(use(read)).has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(passed, 1000);
  EXPECT_EQ(live->consume(use(read)).error().reason, Reason::kBudgetExceeded);
  EXPECT_EQ(live->check_budget(use(read)).error().reason, Reason::kBudgetExceeded);
  EXPECT_EQ(live->used_calls(), 1000);
}

TEST_F(TaskTest, AnActionsBudgetLeavesTheOthersAlone) {
  auto task = make_task(5);
  task.budget.actions.push_back({{"Billing::Action", "read"}, 1});
  const auto live = open(task);
  EXPECT_TRUE(live->consume(use(read)));
  EXPECT_EQ(live->consume(use(read)).error().reason, Reason::kBudgetExceeded);
  // What was refused did not count.
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(live->consume(use(credit))) << i;
  EXPECT_EQ(live->consume(use(credit)).error().reason, Reason::kBudgetExceeded);
}

TEST_F(TaskTest, ACrashMayLoseCallsAndNeverGrantsMore) {
  int passed = 0;
  const auto first = open(make_task(20));
  for (int i = 0; i < 3; ++i) passed += first->consume(use(read)).has_value() ? 1 : 0;
  for (int crash = 0; crash < 5; ++crash) {
    Registry next(store);
    ASSERT_TRUE(next.load());
    passed += next.find("t")->consume(use(read)).has_value() ? 1 : 0;
  }
  EXPECT_LE(passed, 20);
  Registry last(store);
  ASSERT_TRUE(last.load());
  while (last.find("t")->consume(use(read))) ++passed;
  EXPECT_LE(passed, 20);
}

TEST_F(TaskTest, AnOrderlyEndLosesNoCalls) {
  const auto first = open(make_task(20));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(first->consume(use(read)));
  ASSERT_TRUE(registry.settle());
  Registry next(store);
  ASSERT_TRUE(next.load());
  int passed = 0;
  while (next.find("t")->consume(use(read))) ++passed;
  EXPECT_EQ(passed, 17);
}

TEST_F(TaskTest, WhatCouldNotBeStoredWasNotDone) {
  const auto live = open(make_task(20));
  store.broken = true;
  EXPECT_FALSE(registry.end("t"));
  EXPECT_TRUE(live->check_live(kNow));
  auto other = make_task();
  other.id = "u";
  EXPECT_FALSE(registry.open(other));
  EXPECT_EQ(registry.find("u"), nullptr);
  // A budget that cannot be reserved cannot be used.
  EXPECT_FALSE(live->consume(use(read)));
}

}  // namespace
}  // namespace writ::task::task_test
