// What every store owes the modules that declare it, whatever it is made of.
#include <functional>
#include <gmock/gmock.h>
#include <thread>

#include "cedar/symbols.h"
#include "crypto/secret_hash.h"
#include "store/testing/backend.h"

namespace writ::store::store_contract_test {
namespace {

using testing::Backend;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kLater;
using testing::make_api;
using testing::make_call;
using testing::make_identity;
using testing::make_task;
using ::testing::UnorderedElementsAre;

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;
};

void PrintTo(const Implementation& implementation, std::ostream* out) {
  *out << implementation.name;
}

class StoreContract : public ::testing::TestWithParam<Implementation> {
 protected:
  inventory::Store& inventory() { return backend_->inventory(); }
  task::Store& tasks() { return backend_->tasks(); }
  task::CallStore& calls() { return backend_->calls(); }
  token::RevocationStore& revocations() { return backend_->revocations(); }
  token::ReplayGuard& replays() { return backend_->replays(); }
  facts::Store& entities() { return backend_->entities(); }
  std::vector<std::string> load_entities() {
    std::vector<std::string> records;
    const auto add = [&](std::string_view record) -> Result<void> {
      records.emplace_back(record);
      return {};
    };
    EXPECT_TRUE(entities().load_entities(add));
    return records;
  }
  void reopen() { backend_->reopen(); }
  bool guards_tasks() const { return backend_->guards_tasks(); }

  std::map<std::string, task::StoredTask> load_tasks() {
    std::map<std::string, task::StoredTask> by_id;
    auto all = tasks().load_tasks().value();
    for (auto& stored : all) by_id.emplace(stored.task.id, std::move(stored));
    return by_id;
  }
  std::map<std::string, std::int64_t> reserved(const std::string& task) {
    std::map<std::string, std::int64_t> by_budget;
    const auto of_task = load_tasks().at(task).reserved;
    for (const auto& each : of_task) by_budget[each.budget] = each.amount;
    return by_budget;
  }
  std::map<std::string, Instant> load_revocations() {
    std::map<std::string, Instant> by_jti;
    auto loaded = revocations().load().value();
    for (auto& each : loaded) by_jti.emplace(each.jti, each.expires_at);
    return by_jti;
  }

 private:
  std::unique_ptr<Backend> backend_ = GetParam().make();
};

#define SKIP_UNLESS_IT_GUARDS_TASKS() \
  if (!guards_tasks()) GTEST_SKIP() << "this store relies on the Registry to ask only what makes sense"

TEST_P(StoreContract, StartsEmpty) {
  EXPECT_THAT(inventory().load_inventory().value().identities, IsEmpty());
  EXPECT_THAT(inventory().load_inventory().value().apis, IsEmpty());
  EXPECT_THAT(tasks().load_tasks().value(), IsEmpty());
  EXPECT_THAT(calls().load_calls().value(), IsEmpty());
  EXPECT_THAT(revocations().load().value(), IsEmpty());
}

TEST_P(StoreContract, KeepsEntitiesThatWerePushedAsTheyWereLast) {
  using facts::StoredEntity;
  const std::vector<StoredEntity> first{{{"A", "1"}, "one"}, {{"A", "2"}, "two"}, {{"B", "1"}, "three"}};
  ASSERT_TRUE(entities().save_entities(first));
  ASSERT_TRUE(entities().save_entities(std::vector<StoredEntity>{{{"A", "1"}, "four"}, {{"B", "1"}, ""}}));
  reopen();
  EXPECT_THAT(load_entities(), UnorderedElementsAre("four", "two"));
}

TEST_P(StoreContract, GivesEntitiesOfATypeInPiecesByTheirIds) {
  std::vector<facts::StoredEntity> many;
  for (const auto* id : {"c", "a", "b"}) many.push_back({{"A", id}, id});
  many.push_back({{"B", "a"}, "other"});
  ASSERT_TRUE(entities().save_entities(many));
  const auto records = [&](std::string_view after, std::size_t limit) {
    std::vector<std::string> found;
    const auto some = entities().entities_after("A", after, limit).value();
    for (const auto& each : some) found.push_back(each.record);
    return found;
  };
  EXPECT_THAT(records("", 2), ElementsAre("a", "b"));
  EXPECT_THAT(records("b", 2), ElementsAre("c"));
  EXPECT_THAT(records("aa", 9), ElementsAre("b", "c"));
  EXPECT_THAT(records("c", 9), IsEmpty());
}

TEST_P(StoreContract, KeepsAnIdentityWithAllItHas) {
  auto identity = make_identity("support-agent");
  identity.secret_hash = crypto::hash_secret(Secret("a secret")).value();
  identity.configured_status = inventory::Status::kSuspended;
  ASSERT_TRUE(inventory().save_inventory({{identity}, {}}));
  reopen();
  const auto loaded = inventory().load_inventory().value().identities;
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(identity_record(loaded[0]), identity_record(identity));
}

TEST_P(StoreContract, KeepsAnApiWithAllItHas) {
  const auto api = make_api("invoices");
  ASSERT_TRUE(inventory().save_inventory({{}, {api}}));
  reopen();
  const auto loaded = inventory().load_inventory().value().apis;
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(api_record(loaded[0]), api_record(api));
}

TEST_P(StoreContract, ReplacesAnIdentityByItsId) {
  auto identity = make_identity("support-agent");
  ASSERT_TRUE(inventory().save_inventory({{identity, make_identity("mail-drafter")}, {}}));
  identity.configured_status = inventory::Status::kRetired;
  ASSERT_TRUE(inventory().save_inventory({{identity}, {}}));
  reopen();
  std::map<std::string, inventory::Status> status_by_id;
  const auto loaded = inventory().load_inventory().value().identities;
  for (const auto& each : loaded) status_by_id[each.id] = each.configured_status;
  EXPECT_EQ(status_by_id.size(), 2u);
  EXPECT_EQ(status_by_id.at("support-agent"), inventory::Status::kRetired);
  EXPECT_EQ(status_by_id.at("mail-drafter"), inventory::Status::kActive);
}

TEST_P(StoreContract, KeepsASuspensionMadeThroughTheDirectory) {
  {
    inventory::Directory directory(inventory());
    ASSERT_TRUE(directory.create(make_identity("support-agent")));
    ASSERT_TRUE(directory.order("support-agent", inventory::Status::kSuspended));
  }
  reopen();
  inventory::Directory directory(inventory());
  ASSERT_TRUE(directory.load());
  EXPECT_EQ(directory.snapshot()->find("support-agent")->status(), inventory::Status::kSuspended);
}

TEST_P(StoreContract, KeepsStopsOfWhoeverIsNamedAndGivesUpTheLiftedOnes) {
  using inventory::Status;
  const std::vector<inventory::Stop> stops{{"ACME\\nora", Status::kSuspended},
                                           {"j\u00f6rg", Status::kRetired}};
  ASSERT_TRUE(inventory().save_inventory({{}, {}, {stops[0], stops[1], {"o'brien", Status::kSuspended}}}));
  ASSERT_TRUE(inventory().save_inventory({{}, {}, {{"o'brien", Status::kActive}}}));
  reopen();
  EXPECT_EQ(inventory().load_inventory().value().stops, stops);
}

TEST_P(StoreContract, KeepsATaskWithAllItHas) {
  const auto task = make_task("t1");
  ASSERT_TRUE(tasks().save_task(task, task::State::kActive));
  reopen();
  const auto stored = load_tasks();
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_EQ(task_record(stored.at("t1").task), task_record(task));
  EXPECT_EQ(stored.at("t1").state, task::State::kActive);
  EXPECT_THAT(stored.at("t1").reserved, IsEmpty());
}

TEST_P(StoreContract, RefusesASecondTaskOfOneId) {
  SKIP_UNLESS_IT_GUARDS_TASKS();
  ASSERT_TRUE(tasks().save_task(make_task("t1", 5), task::State::kActive));
  const auto second = tasks().save_task(make_task("t1", 500), task::State::kActive);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(second.error().message, "there is a task `t1` already");
  EXPECT_EQ(load_tasks().at("t1").task.budget.calls, 5);
}

TEST_P(StoreContract, KeepsTheStateOfATask) {
  for (const auto* id : {"active", "suspended", "resumed", "ended", "revoked"})
    ASSERT_TRUE(tasks().save_task(make_task(id), task::State::kActive));
  for (const auto* id : {"suspended", "resumed"})
    ASSERT_TRUE(tasks().save_state(id, task::State::kSuspended));
  ASSERT_TRUE(tasks().save_state("resumed", task::State::kActive));
  ASSERT_TRUE(tasks().save_state("ended", task::State::kEnded));
  ASSERT_TRUE(tasks().save_state("revoked", task::State::kRevoked));
  reopen();
  const auto stored = load_tasks();
  EXPECT_EQ(stored.at("active").state, task::State::kActive);
  EXPECT_EQ(stored.at("suspended").state, task::State::kSuspended);
  EXPECT_EQ(stored.at("resumed").state, task::State::kActive);
  EXPECT_EQ(stored.at("ended").state, task::State::kEnded);
  EXPECT_EQ(stored.at("revoked").state, task::State::kRevoked);
}

TEST_P(StoreContract, KeepsARequestedTaskAndItsApprovals) {
  auto task = make_task("t1");
  task.parent = "t0";
  task.requested_by = {"nora", "support-portal"};
  task.approvals = {2, task.expires_at, {}};
  ASSERT_TRUE(tasks().save_task(task, task::State::kRequested));
  EXPECT_EQ(load_tasks().at("t1").state, task::State::kRequested);
  for (const auto* user : {"niklas", "olga"}) {
    task.approvals.given.push_back({user, task.opened_at});
    const auto state = task.approvals.complete() ? task::State::kActive : task::State::kRequested;
    ASSERT_TRUE(tasks().save_approved(task, state));
    reopen();
    EXPECT_EQ(load_tasks().at("t1").state, state);
    EXPECT_EQ(task_record(load_tasks().at("t1").task), task_record(task));
  }
}

TEST_P(StoreContract, ApprovesNothingButARequest) {
  SKIP_UNLESS_IT_GUARDS_TASKS();
  const auto task = make_task("t1");
  ASSERT_TRUE(tasks().save_task(task, task::State::kRequested));
  EXPECT_FALSE(tasks().save_state("t1", task::State::kActive));
  EXPECT_FALSE(tasks().save_state("t1", task::State::kSuspended));
  ASSERT_TRUE(tasks().save_state("t1", task::State::kDenied));
  EXPECT_EQ(tasks().save_approved(task, task::State::kActive).error().code, ErrorCode::kConflict);
  EXPECT_FALSE(tasks().save_state("t1", task::State::kActive));
  EXPECT_EQ(load_tasks().at("t1").state, task::State::kDenied);
  EXPECT_EQ(tasks().save_approved(make_task("t2"), task::State::kActive).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, KeepsANarrowedTaskInItsPlace) {
  for (const auto* id : {"t1", "t2", "t3"})
    ASSERT_TRUE(tasks().save_task(make_task(id, 100), task::State::kActive));
  ASSERT_TRUE(tasks().reserve({"t2", "", 8}));
  ASSERT_TRUE(tasks().save_state("t2", task::State::kSuspended));
  const auto less = make_task("t2", 10);
  ASSERT_TRUE(tasks().save_narrowed(less));
  reopen();
  const auto stored = tasks().load_tasks().value();
  ASSERT_EQ(stored.size(), 3u);
  EXPECT_EQ(task_record(stored[1].task), task_record(less));
  EXPECT_EQ(stored[1].state, task::State::kSuspended);
  EXPECT_EQ(reserved("t2").at(""), 8);
  EXPECT_EQ(stored[2].task.budget.calls, 100);
}

TEST_P(StoreContract, NarrowsNeitherWhatIsOverNorWhatIsNotThere) {
  SKIP_UNLESS_IT_GUARDS_TASKS();
  ASSERT_TRUE(tasks().save_task(make_task("t1", 100), task::State::kActive));
  ASSERT_TRUE(tasks().save_state("t1", task::State::kEnded));
  EXPECT_EQ(tasks().save_narrowed(make_task("t1", 10)).error().code, ErrorCode::kConflict);
  EXPECT_EQ(load_tasks().at("t1").task.budget.calls, 100);
  EXPECT_EQ(tasks().save_narrowed(make_task("nobody")).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, NothingBringsATaskBack) {
  SKIP_UNLESS_IT_GUARDS_TASKS();
  ASSERT_TRUE(tasks().save_task(make_task("t1"), task::State::kActive));
  ASSERT_TRUE(tasks().save_state("t1", task::State::kRevoked));
  EXPECT_TRUE(tasks().save_state("t1", task::State::kRevoked));
  for (const auto state : {task::State::kActive, task::State::kSuspended, task::State::kEnded}) {
    const auto changed = tasks().save_state("t1", state);
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ErrorCode::kConflict);
  }
  EXPECT_EQ(load_tasks().at("t1").state, task::State::kRevoked);
}

TEST_P(StoreContract, KnowsNoStateOfAnUnknownTask) {
  SKIP_UNLESS_IT_GUARDS_TASKS();
  const auto changed = tasks().save_state("nobody", task::State::kEnded);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(changed.error().message, "there is no task `nobody`");
}

TEST_P(StoreContract, KeepsWhatIsReservedOfEachBudget) {
  ASSERT_TRUE(tasks().save_task(make_task("t1"), task::State::kActive));
  ASSERT_TRUE(tasks().save_task(make_task("t2"), task::State::kActive));
  ASSERT_TRUE(tasks().reserve({"t1", "", 8}));
  ASSERT_TRUE(tasks().reserve({"t1", R"(Billing::Action::"read")", 3}));
  ASSERT_TRUE(tasks().reserve({"t1", "", 16}));
  ASSERT_TRUE(tasks().reserve({"t2", "", 1}));
  reopen();
  using Amounts = std::map<std::string, std::int64_t>;
  EXPECT_EQ(reserved("t1"), (Amounts{{"", 16}, {R"(Billing::Action::"read")", 3}}));
  EXPECT_EQ(reserved("t2"), (Amounts{{"", 1}}));
}

TEST_P(StoreContract, KeepsTheLabelsOfATaskAlsoWhenItIsNarrowed) {
  ASSERT_TRUE(tasks().save_task(make_task("t1"), task::State::kActive));
  ASSERT_TRUE(tasks().save_task(make_task("t2"), task::State::kActive));
  ASSERT_TRUE(tasks().save_labels("t1", {"read:confidential", testing::kAwkward}));
  ASSERT_TRUE(tasks().save_labels("t1", {"input:untrusted", "read:confidential"}));
  ASSERT_TRUE(tasks().save_narrowed(make_task("t1", 10)));
  reopen();
  EXPECT_THAT(load_tasks().at("t1").labels,
              UnorderedElementsAre("read:confidential", testing::kAwkward, "input:untrusted"));
  EXPECT_THAT(load_tasks().at("t2").labels, IsEmpty());
}

TEST_P(StoreContract, KeepsNoLabelOfAnUnknownTask) {
  SKIP_UNLESS_IT_GUARDS_TASKS();
  EXPECT_EQ(tasks().save_labels("nobody", {"read:confidential"}).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, ARateIsNeverExceededOverCrashes) {
  cedar::Arena arena;
  const auto action = arena.entity("Billing::Action", "read");
  const auto invoice = arena.entity("Billing::Invoice", "1");
  auto task = make_task("t1", 1000);
  task.budget.rates = {{3, 60}};
  task.expires_at = task.not_before + std::chrono::hours(1);
  ASSERT_TRUE(task::Registry(tasks()).open(task));
  std::vector<Instant> passed;
  for (int life = 0; life < 30; ++life) {
    reopen();  // without settling: as after kill -9
    task::Registry registry(tasks());
    ASSERT_TRUE(registry.load());
    const auto now = task.not_before + std::chrono::seconds(10 * life);
    for (int call = 0; call < 5; ++call)
      if (registry.find("t1")->consume({action, invoice, now})) passed.push_back(now);
  }
  EXPECT_GE(passed.size(), 6u);
  for (std::size_t i = 3; i < passed.size(); ++i)
    EXPECT_GE(passed[i] - passed[i - 3], std::chrono::seconds(60));
}

TEST_P(StoreContract, NeverLowersWhatIsReserved) {
  SKIP_UNLESS_IT_GUARDS_TASKS();
  ASSERT_TRUE(tasks().save_task(make_task("t1"), task::State::kActive));
  ASSERT_TRUE(tasks().reserve({"t1", "", 16}));
  ASSERT_TRUE(tasks().reserve({"t1", "", 8}));
  EXPECT_EQ(reserved("t1").at(""), 16);
}

TEST_P(StoreContract, ReservesNothingForAnUnknownTask) {
  SKIP_UNLESS_IT_GUARDS_TASKS();
  const auto done = tasks().reserve({"nobody", "", 8});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, ABudgetIsNeverExceededOverCrashes) {
  constexpr int kCalls = 20;
  cedar::Arena arena;
  const auto action = arena.entity("Billing::Action", "read");
  const auto invoice = arena.entity("Billing::Invoice", "1");
  const auto open = [&] {
    auto registry = std::make_unique<task::Registry>(tasks());
    EXPECT_TRUE(registry->load());
    return registry;
  };
  const auto task = make_task("t1", kCalls);
  ASSERT_TRUE(open()->open(task));
  int passed = 0;
  for (int life = 0; life < kCalls; ++life) {
    reopen();  // without settling: as after kill -9
    const auto registry = open();
    for (int call = 0; call < 3; ++call)
      passed += registry->find("t1")->consume({action, invoice, task.not_before}) ? 1 : 0;
  }
  EXPECT_GE(passed, 3);
  EXPECT_LE(passed, kCalls);
}

TEST_P(StoreContract, KeepsAnApprovalOfACallWithAllItHas) {
  auto call = make_call("a-1");
  ASSERT_TRUE(calls().save_call(call));
  ASSERT_TRUE(calls().save_call(make_call("a-2")));
  for (const auto state : {task::CallState::kPending, task::CallState::kApproved, task::CallState::kUsed}) {
    if (state != task::CallState::kPending) {
      call.decided_by = testing::kAwkward;
      ASSERT_TRUE(calls().save_call_state(call, state));
    }
    reopen();
    const auto stored = calls().load_calls().value();
    ASSERT_EQ(stored.size(), 2u);
    EXPECT_EQ(call_record(stored[0].approval), call_record(call));
    EXPECT_EQ(stored[0].state, state);
    EXPECT_EQ(stored[1].state, task::CallState::kPending);
  }
}

TEST_P(StoreContract, NeitherDecidesACallTwiceNorUsesWhatIsNotApproved) {
  using enum task::CallState;
  const auto call = make_call("a-1");
  ASSERT_TRUE(calls().save_call(call));
  EXPECT_EQ(calls().save_call(call).error().code, ErrorCode::kConflict);
  EXPECT_EQ(calls().save_call_state(make_call("a-2"), kApproved).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(calls().save_call_state(call, kUsed).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(calls().save_call_state(call, kApproved));
  for (const auto state : {kPending, kApproved, kDenied})
    EXPECT_EQ(calls().save_call_state(call, state).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(calls().save_call_state(call, kUsed));
  for (const auto state : {kPending, kApproved, kDenied, kUsed})
    EXPECT_EQ(calls().save_call_state(call, state).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(calls().save_call(make_call("a-3")));
  ASSERT_TRUE(calls().save_call_state(make_call("a-3"), kDenied));
  EXPECT_EQ(calls().save_call_state(make_call("a-3"), kApproved).error().code, ErrorCode::kConflict);
}

TEST_P(StoreContract, OfManyUsesOfACallOneIsTheFirst) {
  const auto call = make_call("a-1");
  ASSERT_TRUE(calls().save_call(call));
  ASSERT_TRUE(calls().save_call_state(call, task::CallState::kApproved));
  std::atomic<int> used = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] { used += calls().save_call_state(call, task::CallState::kUsed) ? 1 : 0; });
  }
  EXPECT_EQ(used, 1);
}

TEST_P(StoreContract, ForgetsCallsThatExpiredBefore) {
  for (const int minutes : {1, 2, 3}) {
    auto call = make_call("a-" + std::to_string(minutes));
    call.until = kLater + std::chrono::minutes(minutes);
    ASSERT_TRUE(calls().save_call(call));
  }
  ASSERT_TRUE(calls().forget_calls(kLater + std::chrono::minutes(2)));
  reopen();
  const auto stored = calls().load_calls().value();
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_EQ(stored[0].approval.id, "a-2");
}

TEST_P(StoreContract, KeepsARevocation) {
  ASSERT_TRUE(revocations().save({"jti-1", kLater}));
  ASSERT_TRUE(revocations().save({testing::kAwkward, kLater}));
  reopen();
  EXPECT_THAT(load_revocations(), UnorderedElementsAre(std::pair(std::string("jti-1"), kLater),
                                                       std::pair(std::string(testing::kAwkward), kLater)));
}

TEST_P(StoreContract, KeepsTheLaterExpiryOfATokenRevokedTwice) {
  ASSERT_TRUE(revocations().save({"jti-1", kLater}));
  ASSERT_TRUE(revocations().save({"jti-1", kLater + std::chrono::hours(1)}));
  ASSERT_TRUE(revocations().save({"jti-1", kLater - std::chrono::hours(1)}));
  reopen();
  EXPECT_EQ(load_revocations().at("jti-1"), kLater + std::chrono::hours(1));
}

TEST_P(StoreContract, ForgetsRevocationsWhoseTokensHadExpired) {
  ASSERT_TRUE(revocations().save({"jti-1", kLater}));
  ASSERT_TRUE(revocations().save({"jti-2", kLater + Duration(1)}));
  ASSERT_TRUE(revocations().forget_revocations(kLater));
  reopen();
  EXPECT_THAT(load_revocations(),
              UnorderedElementsAre(std::pair(std::string("jti-2"), kLater + Duration(1))));
}

TEST_P(StoreContract, TellsIdentifiersApartThatDifferAfterAZeroByte) {
  const std::string a("jti\0a", 5), b("jti\0b", 5);
  ASSERT_TRUE(revocations().save({a, kLater}));
  reopen();
  EXPECT_EQ(load_revocations().count(a), 1u);
  EXPECT_EQ(load_revocations().count(b), 0u);
}

TEST_P(StoreContract, ATokenStaysRevokedAfterARestart) {
  {
    token::Revocations view(&revocations());
    ASSERT_TRUE(view.revoke({"jti-1", kLater}));
  }
  reopen();
  token::Revocations view(&revocations());
  ASSERT_TRUE(view.load());
  EXPECT_TRUE(view.revoked("jti-1"));
  EXPECT_FALSE(view.revoked("jti-2"));
}

TEST_P(StoreContract, AnIdentifierIsUsedOnceUntilItExpires) {
  const auto now = kLater;
  const auto until = now + std::chrono::minutes(5);
  EXPECT_TRUE(replays().first_use("client", "jti-1", until, now).value());
  EXPECT_FALSE(replays().first_use("client", "jti-1", until, now).value());
  EXPECT_FALSE(replays().first_use("client", "jti-1", until, until - Duration(1)).value());
  EXPECT_TRUE(replays().first_use("client", "jti-1", until + Duration(1), until).value());
  EXPECT_FALSE(replays().first_use("client", "jti-1", until + Duration(1), until).value());
}

TEST_P(StoreContract, KeepsTheIdentifiersOfDifferentSendersApart) {
  const auto until = kLater + std::chrono::minutes(5);
  EXPECT_TRUE(replays().first_use("a", "bc", until, kLater).value());
  EXPECT_TRUE(replays().first_use("ab", "c", until, kLater).value());
  EXPECT_TRUE(replays().first_use("b", "bc", until, kLater).value());
}

TEST_P(StoreContract, OfManyAtOnceOneIsTheFirst) {
  const auto until = kLater + std::chrono::minutes(5);
  std::atomic<int> firsts = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int jti = 0; jti < 10; ++jti)
          firsts += replays().first_use("client", std::to_string(jti), until, kLater).value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(firsts, 10);
}

TEST_P(StoreContract, KeepsWhatManyThreadsSaveAtOnce) {
  constexpr int kThreads = 6, kEach = 10;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i) {
          const auto id = std::to_string(thread) + "-" + std::to_string(i);
          EXPECT_TRUE(tasks().save_task(make_task(id), task::State::kActive));
          EXPECT_TRUE(tasks().reserve({id, "", i + 1}));
          EXPECT_TRUE(revocations().save({id, kLater}));
          if (i % 3 == 0) {
            EXPECT_TRUE(tasks().save_state(id, task::State::kEnded));
          }
          EXPECT_TRUE(tasks().load_tasks());
        }
      });
    }
  }
  reopen();
  EXPECT_EQ(load_revocations().size(), std::size_t{kThreads * kEach});
  const auto stored = load_tasks();
  ASSERT_EQ(stored.size(), std::size_t{kThreads * kEach});
  for (const auto& [id, each] : stored) {
    const int i = std::stoi(id.substr(id.find('-') + 1));
    EXPECT_EQ(each.state, i % 3 == 0 ? task::State::kEnded : task::State::kActive) << id;
    EXPECT_EQ(each.reserved.at(0).amount, i + 1) << id;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreContract,
    ::testing::Values(Implementation{"memory", [] { return std::make_unique<testing::MemoryBackend>(); }},
                      Implementation{"sqlite", [] { return std::make_unique<testing::SqliteBackend>(); }}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace writ::store::store_contract_test
