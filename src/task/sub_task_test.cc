// Sub-tasks: what a task hands on is never more than it has, at any time.
#include <gtest/gtest.h>
#include <thread>

#include "task/attenuation.h"
#include "task/registry.h"
#include "task/testing/memory_store.h"

namespace writ::task::sub_task_test {
namespace {

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

class SubTask : public ::testing::Test {
 protected:
  testing::MemoryStore store;
  Registry registry{store};
  cedar::Arena arena;
  cedar::EntityRef read = arena.entity("Billing::Action", "read");
  cedar::EntityRef invoice = arena.entity("Billing::Invoice", "1");
  LiveTask::Use use{read, invoice, kNow};

  static Task make(const std::string& id, const std::string& parent = {}) {
    auto json = codec::parse_json(R"({"purpose":"support","subject":"nora","client":"portal",
      "agents":["agent","drafter"],"actions":["Billing::Action::\"read\"","Billing::Action::\"credit\""],
      "resources":["Billing::Invoice::*"],"expires_in_seconds":60,"tenant":"north"})")
                    .value();
    if (!parent.empty()) json.set("parent", parent);
    auto task = task_from_request(json, kNow).value();
    task.id = id;
    task.opened_by = "portal";
    return task;
  }
  std::shared_ptr<LiveTask> open(Task task) {
    auto live = registry.open(std::move(task));
    EXPECT_TRUE(live) << live.error().message;
    return live ? *live : nullptr;
  }
  std::string refusal(const Task& task) {
    const auto live = registry.open(task);
    return live ? "opened" : live.error().message;
  }
};

TEST_F(SubTask, IsRefusedWhereItIsWiderThanItsParent) {
  auto parent = make("p");
  parent.agents = {"agent"};
  parent.actions.pop_back();
  parent.budget.calls = 5;
  parent.resources = {ResourcePattern::parse("Billing::Invoice::\"1\"").value()};
  open(parent);
  const auto with = [&](auto change) {
    auto task = parent;
    task.id = "s";
    task.parent = "p";
    change(task);
    return refusal(task);
  };
  EXPECT_NE(with([](Task& t) { t.agents = {"drafter"}; }).find("`agents`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.actions = make("x").actions; }).find("`actions`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.resources = make("x").resources; }).find("`resources`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.budget.calls = 6; }).find("`budget`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.expires_at += Duration(1); }).find("`expires_at`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.not_before -= Duration(1); }).find("`not_before`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.purpose = "marketing"; }).find("`purpose`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.subject = "sofia"; }).find("`subject`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.subject.reset(); }).find("`subject`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.client = "other"; }).find("`client`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.client.reset(); }).find("`client`"), std::string::npos);
  EXPECT_NE(with([](Task& t) { t.tenant = "south"; }).find("`tenant`"), std::string::npos);
  EXPECT_EQ(with([](Task&) {}), "opened");
}

TEST_F(SubTask, InheritsWhatItDoesNotSay) {
  auto parent = make("p"), sub = make("s", "p");
  sub.subject.reset();
  sub.client.reset();
  sub.tenant.reset();
  EXPECT_FALSE(check_sub_task(sub, parent));
  inherit(sub, parent);
  EXPECT_TRUE(check_sub_task(sub, parent));
}

TEST_F(SubTask, EndsSuspendsAndExpiresWithItsParent) {
  open(make("p"));
  const auto sub = open(make("s", "p"));
  const auto below = open(make("b", "s"));
  EXPECT_TRUE(below->check_live(kNow));
  ASSERT_TRUE(registry.suspend("p", kNow));
  EXPECT_EQ(below->consume(use).error().reason, Reason::kTaskSuspended);
  EXPECT_EQ(below->standing(), State::kSuspended);
  ASSERT_TRUE(registry.resume("p", kNow));
  EXPECT_TRUE(below->consume(use));
  ASSERT_TRUE(registry.end("p"));
  for (const auto& each : {sub, below}) {
    EXPECT_EQ(each->check_live(kNow).error().reason, Reason::kTaskEnded);
    EXPECT_EQ(each->consume(use).error().reason, Reason::kTaskEnded);
    EXPECT_EQ(each->standing(), State::kEnded);
  }
  EXPECT_NE(refusal(make("late", "s")).find("task `p` was ended"), std::string::npos);
}

TEST_F(SubTask, LosesAtOnceWhatItsParentLoses) {
  open(make("p"));
  const auto sub = open(make("s", "p"));
  ASSERT_TRUE(sub->consume(use));
  ASSERT_TRUE(registry.narrow("p",
                              codec::parse_json(R"({"actions":["Billing::Action::\"credit\""],
    "agents":["agent"]})")
                                  .value(),
                              kNow));
  EXPECT_EQ(sub->check_scope(read, invoice).error().reason, Reason::kActionNotInTask);
  EXPECT_EQ(sub->consume(use).error().reason, Reason::kActionNotInTask);
  EXPECT_TRUE(sub->names_agent("agent"));
  EXPECT_FALSE(sub->names_agent("drafter"));
}

TEST_F(SubTask, CountsInItsParentsBudgetAllOrNone) {
  auto parent = make("p");
  parent.budget.calls = 3;
  const auto above = open(parent);
  auto one = make("one", "p"), two = make("two", "p");
  one.budget.calls = 2;
  const auto first = open(one), second = open(two);
  EXPECT_TRUE(first->consume(use));
  EXPECT_TRUE(first->consume(use));
  EXPECT_EQ(first->consume(use).error().reason, Reason::kBudgetExceeded);
  EXPECT_EQ(above->used_calls(), 2) << "what the sub-task refuses takes nothing from its parent";
  EXPECT_TRUE(second->consume(use));
  EXPECT_EQ(second->consume(use).error().message, "task `p` has used all its 3 calls");
  EXPECT_EQ(second->check_budget(use).error().reason, Reason::kBudgetExceeded);
  EXPECT_EQ(above->consume(use).error().reason, Reason::kBudgetExceeded);
}

TEST_F(SubTask, OfManyParallelCallsOfAllOfThemExactlyTheRootsBudgetPasses) {
  auto parent = make("p");
  parent.budget.calls = 500;
  const auto root = open(parent);
  const auto sub = open(make("s", "p")), other = open(make("o", "p")), below = open(make("b", "s"));
  std::atomic<int> passed = 0;
  {
    std::vector<std::jthread> threads;
    for (const auto& task : {root, sub, other, below, root, below}) {
      threads.emplace_back([&, task] {
        for (int call = 0; call < 200; ++call) passed += task->consume(use).has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(passed, 500);
}

TEST_F(SubTask, ALineOfTasksHasALimit) {
  open(make("1"));
  for (std::size_t depth = 2; depth <= kMaxTaskDepth; ++depth)
    open(make(std::to_string(depth), std::to_string(depth - 1)));
  const auto deeper = registry.open(make("deeper", std::to_string(kMaxTaskDepth)));
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().code, ErrorCode::kLimit);
}

TEST_F(SubTask, HasAParentThatIsThereAndWasApproved) {
  EXPECT_NE(refusal(make("s", "none")).find("there is no task `none`"), std::string::npos);
  EXPECT_NE(refusal(make("s", "s")).find("there is no task `s`"), std::string::npos);
  auto asked = make("p");
  asked.approvals = {1, asked.expires_at, {}};
  ASSERT_TRUE(registry.open(asked, State::kRequested));
  EXPECT_NE(refusal(make("s", "p")).find("waits for approval"), std::string::npos);
}

TEST_F(SubTask, IsFoundUnderItsParentAfterARestart) {
  auto parent = make("z");
  parent.budget.calls = 2;
  open(parent);
  ASSERT_TRUE(open(make("a", "z"))->consume(use));
  ASSERT_TRUE(registry.settle());
  Registry next(store);
  ASSERT_TRUE(next.load());
  EXPECT_TRUE(next.find("a")->consume(use));
  EXPECT_EQ(next.find("a")->consume(use).error().reason, Reason::kBudgetExceeded);
  ASSERT_TRUE(next.end("z"));
  EXPECT_EQ(next.find("a")->check_live(kNow).error().reason, Reason::kTaskEnded);
}

TEST_F(SubTask, ACircleInTheStoreIsRefused) {
  ASSERT_TRUE(store.save_task(make("a", "b"), State::kActive));
  ASSERT_TRUE(store.save_task(make("b", "a"), State::kActive));
  const auto loaded = registry.load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(registry.size(), 0u);
}

TEST_F(SubTask, SeesTheLabelsOfItsAncestors) {
  auto parent = make("p"), sub = make("s", "p");
  parent.labels = {"read:confidential"};
  sub.labels = {"input:untrusted", "read:confidential"};
  open(parent);
  EXPECT_EQ(open(sub)->labels(), (std::vector<std::string>{"read:confidential", "input:untrusted"}));
}

TEST_F(SubTask, EarnsLabelsForItsAncestorsAndSoForItsSiblings) {
  const auto root = open(make("p"));
  const auto sub = open(make("s", "p")), sibling = open(make("o", "p"));
  const std::string_view confidential[] = {"read:confidential"};
  auto exposing = use;
  exposing.labels = confidential;
  ASSERT_TRUE(sub->consume(exposing));
  for (const auto& each : {root, sub, sibling})
    EXPECT_EQ(each->labels(), std::vector<std::string>{"read:confidential"}) << (*each)->id;
  Registry next(store);
  ASSERT_TRUE(next.load());
  EXPECT_EQ(next.find("o")->labels(), std::vector<std::string>{"read:confidential"});
}

}  // namespace
}  // namespace writ::task::sub_task_test
