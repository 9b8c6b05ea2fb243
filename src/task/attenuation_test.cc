#include "task/attenuation.h"

#include <gmock/gmock.h>
#include <random>

#include "cedar/symbols.h"
#include "task/registry.h"
#include "task/testing/memory_store.h"

namespace writ::task::attenuation_test {
namespace {

using codec::Json;
using ::testing::HasSubstr;

const Instant kNow = instant_from_unix_seconds(1'750'000'000);

Task task() {
  const auto json = codec::parse_json(R"({"purpose":"support","subject":"nora","client":"portal",
    "agents":["a","b"],"actions":["B::Action::\"read\"","B::Action::\"credit\""],
    "resources":["B::Invoice::*","B::Ledger::\"1\""],"expires_in_seconds":600,
    "budget":{"calls":10,"actions":{"B::Action::\"read\"":5}}})");
  auto task = task_from_request(json.value(), kNow).value();
  task.id = "t";
  task.opened_by = "portal";
  return task;
}

Result<Task> narrow(const Task& task, std::string_view json, Instant now = kNow) {
  return narrowed(task, codec::parse_json(json).value(), now);
}

TEST(Narrowing, TakesAwayWhatIsNamedAndLeavesTheRest) {
  const auto less = narrow(task(), R"({"actions":["B::Action::\"credit\""],"resources":["B::Invoice::\"7\""],
    "agents":["b"],"expires_in_seconds":60,"budget":{"calls":3}})");
  ASSERT_TRUE(less) << less.error().message;
  EXPECT_EQ(less->actions, (std::vector<cedar::EntityUid>{{"B::Action", "credit"}}));
  EXPECT_EQ(less->resources, (std::vector<ResourcePattern>{{"B::Invoice", "7"}}));
  EXPECT_EQ(less->agents, std::vector<std::string>{"b"});
  EXPECT_EQ(less->expires_at, kNow + std::chrono::seconds(60));
  EXPECT_EQ(less->budget.calls, 3);
  EXPECT_TRUE(less->budget.actions.empty()) << "of an action that is gone";
  EXPECT_EQ(less->subject, "nora");
  const auto same = narrow(task(), R"({"agents":["a","b"]})").value();
  EXPECT_EQ(task_record(same), task_record(task()));
}

TEST(Narrowing, RefusesWhatIsWiderAndNamesIt) {
  for (const auto& [json, what] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {R"({"actions":["B::Action::\"shred\""]})", R"(`actions`: B::Action::"shred" is not in task `t`)"},
           {R"({"actions":[]})", "`actions` of the narrowing is empty"},
           {R"({"resources":["B::Ledger::*"]})", "`resources`: B::Ledger::* is not in task `t`"},
           {R"({"resources":["B::Ledger::\"2\""]})", R"(`resources`: B::Ledger::"2" is not in task `t`)"},
           {R"({"resources":["C::Invoice::\"7\""]})", "is not in task `t`"},
           {R"({"agents":["c"]})", "`agents`: task `t` does not name `c`"},
           {R"({"expires_in_seconds":601})",
            "`expires_at`: 1750000601 is after task `t` ends, at 1750000600"},
           {R"({"expires_at":1750000601})", "is after task `t` ends"},
           {R"({"expires_at":1750000000})", "`expires_at` of the narrowing has passed"},
           {R"({"expires_at":1750000060,"expires_in_seconds":60})", "contradicts `expires_in_seconds`"},
           {R"({"expires_in_seconds":0})", "`expires_in_seconds` of the narrowing must be from 1"},
           {R"({"budget":{"calls":11}})", "`budget`: 11 calls are more than the 10 of task `t`"},
           {R"({"budget":{"calls":0}})", "`calls` of the budget must be from 1"},
           {R"({"budget":{"actions":{"B::Action::\"read\"":6}}})",
            "6 calls of B::Action::\"read\" are more than the 5"},
           {R"({"actions":["B::Action::\"credit\""],"budget":{"actions":{"B::Action::\"read\"":1}}})",
            "which is not an action of the task"},
           {R"({"purpose":"marketing"})", "has no member `purpose`"},
           {R"({"not_before":0})", "has no member `not_before`"},
           {R"({"budget":{}})", "names nothing to narrow"},
           {"{}", "names nothing to narrow"}}) {
    const auto less = narrow(task(), json);
    ASSERT_FALSE(less) << json;
    EXPECT_EQ(less.error().code, ErrorCode::kInvalid) << json;
    EXPECT_THAT(less.error().message, HasSubstr(what)) << json;
  }
  auto nobody = task();
  nobody.client.reset();
  EXPECT_THAT(narrow(nobody, R"({"agents":[]})").error().message, HasSubstr("nobody could use it"));
  EXPECT_TRUE(narrow(task(), R"({"agents":[]})"));
}

TEST(Narrowing, EndsNoTaskThatHasNotBegun) {
  auto later = task();
  later.not_before = kNow + std::chrono::seconds(300);
  EXPECT_THAT(narrow(later, R"({"expires_in_seconds":300})").error().message,
              HasSubstr("end the task instead"));
  EXPECT_TRUE(narrow(later, R"({"expires_in_seconds":301})"));
}

class NarrowedTask : public ::testing::Test {
 protected:
  testing::MemoryStore store;
  Registry registry{store};
  cedar::Arena arena;
  cedar::EntityRef read = arena.entity("B::Action", "read");
  cedar::EntityRef credit = arena.entity("B::Action", "credit");
  cedar::EntityRef invoice = arena.entity("B::Invoice", "1");
  std::shared_ptr<LiveTask> live = registry.open(task()).value();

  Result<void> narrow(std::string_view json) {
    return registry.narrow("t", codec::parse_json(json).value(), kNow);
  }
  int use_up(LiveTask& task, cedar::EntityRef action) {
    int passed = 0;
    while (task.consume({action, invoice, kNow})) ++passed;
    return passed;
  }
};

TEST_F(NarrowedTask, ActsOnTheNextCall) {
  ASSERT_TRUE(live->consume({read, invoice, kNow}));
  ASSERT_TRUE(narrow(R"({"actions":["B::Action::\"credit\""]})"));
  EXPECT_EQ(live->check_scope(read, invoice).error().reason, Reason::kActionNotInTask);
  EXPECT_EQ(live->consume({read, invoice, kNow}).error().reason, Reason::kActionNotInTask);
  EXPECT_TRUE(live->consume({credit, invoice, kNow}));
  ASSERT_TRUE(narrow(R"({"resources":["B::Invoice::\"2\""]})"));
  EXPECT_EQ(live->consume({credit, invoice, kNow}).error().reason, Reason::kResourceNotInTask);
  ASSERT_TRUE(narrow(R"({"expires_in_seconds":1})"));
  EXPECT_EQ(live->check_live(kNow + std::chrono::seconds(1)).error().reason, Reason::kTaskExpired);
  ASSERT_TRUE(narrow(R"({"agents":["a"]})"));
  EXPECT_FALSE(live->names_agent("b"));
}

TEST_F(NarrowedTask, WhatIsUsedStaysUsed) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(live->consume({credit, invoice, kNow}));
  ASSERT_TRUE(narrow(R"({"budget":{"calls":6}})"));
  EXPECT_EQ(use_up(*live, credit), 2);
  ASSERT_TRUE(narrow(R"({"budget":{"calls":1}})"));
  EXPECT_EQ(live->check_budget({credit, invoice, kNow}).error().reason, Reason::kBudgetExceeded);
  Registry next(store);
  ASSERT_TRUE(next.load());
  EXPECT_EQ(use_up(*next.find("t"), credit), 0);
}

TEST_F(NarrowedTask, ANewBudgetCountsFromThenOn) {
  auto unlimited = task();
  unlimited.id = "u";
  unlimited.budget = {};
  const auto other = registry.open(unlimited).value();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(other->consume({read, invoice, kNow}));
  ASSERT_TRUE(registry.narrow(
      "u", codec::parse_json(R"({"budget":{"calls":3,"actions":{"B::Action::\"read\"":2}}})").value(), kNow));
  EXPECT_EQ(use_up(*other, read), 2);
  EXPECT_EQ(use_up(*other, credit), 1);
}

TEST_F(NarrowedTask, WhatIsOverIsNotNarrowedAndWhatCouldNotBeStoredWasNot) {
  store.broken = true;
  EXPECT_FALSE(narrow(R"({"agents":["a"]})"));
  EXPECT_TRUE(live->names_agent("b"));
  store.broken = false;
  EXPECT_EQ(registry.narrow("none", Json::object({{"agents", Json::array()}}), kNow).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(registry.narrow("t", Json::object(), (*live)->expires_at).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(registry.end("t"));
  EXPECT_EQ(narrow(R"({"agents":["a"]})").error().code, ErrorCode::kConflict);
}

TEST_F(NarrowedTask, IsNarrowedSoManyTimesAndNotMore) {
  for (std::size_t i = 0; i < TaskLimits{}.narrowings; ++i) ASSERT_TRUE(narrow(R"({"agents":["a"]})")) << i;
  EXPECT_EQ(narrow(R"({"agents":["a"]})").error().code, ErrorCode::kLimit);
}

// Whatever is taken away, step by step: what a narrowed task allows, the task before it allowed too.
TEST(NarrowingProperty, NeverAllowsWhatTheTaskBeforeDidNot) {
  constexpr int kAccepted = 100'000, kMaxCases = 20 * kAccepted;
  std::mt19937 random(20'250'601);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<std::string> actions{"read", "credit", "list"}, agents{"a", "b", "c"}, ids{"1", "2", "*"};
  const auto some = [&](const std::vector<std::string>& of, std::string_view before, std::string_view after) {
    auto array = Json::array();
    for (const auto& each : of) {
      if (below(2) == 0) array.push(std::string(before) + each + std::string(each == "*" ? "" : after));
    }
    return array;
  };
  const auto patterns = [&] {
    auto array = Json::array();
    for (const std::string type : {"B::Invoice::", "B::Ledger::"}) {
      const auto& id = ids[below(3)];
      if (below(3) != 0) array.push(type + (id == "*" ? "*" : "\"" + id + "\""));
    }
    return array;
  };
  cedar::Arena arena;
  testing::MemoryStore store;
  int accepted = 0, cases = 0;
  for (; accepted < kAccepted && cases < kMaxCases; ++cases) {
    auto json = Json::object();
    if (below(2) == 0) json.set("actions", some(actions, "B::Action::\"", "\""));
    if (below(2) == 0) json.set("resources", patterns());
    if (below(2) == 0) json.set("agents", some(agents, "", ""));
    if (below(2) == 0) json.set("expires_in_seconds", static_cast<std::int64_t>(below(700)));
    if (below(2) == 0) json.set("budget", Json::object({{"calls", static_cast<std::int64_t>(below(12))}}));
    const auto before = task();
    const auto less = narrowed(before, json, kNow);
    if (!less) continue;
    ++accepted;
    const LiveTask wide(before, State::kActive, {}, store), narrow(*less, State::kActive, {}, store);
    for (int question = 0; question < 8; ++question) {
      const auto action = arena.entity("B::Action", actions[below(3)]);
      const auto resource = arena.entity(below(2) == 0 ? "B::Invoice" : "B::Ledger", ids[below(2)]);
      const auto agent = agents[below(3)];
      const auto at = kNow + std::chrono::seconds(below(1200));
      const auto allows = [&](const LiveTask& task) {
        return task.check_live(at) && task.check_scope(action, resource) && task.names_agent(agent);
      };
      ASSERT_TRUE(!allows(narrow) || allows(wide)) << json.dump();
    }
    ASSERT_LE(less->budget.calls.value(), before.budget.calls.value());
    arena.reset();
  }
  EXPECT_EQ(accepted, kAccepted) << "of " << cases;
  EXPECT_GT(cases, accepted) << "nothing was refused";
}

}  // namespace
}  // namespace writ::task::attenuation_test
