// No budget is ever exceeded, whatever happens: random budgets and calls, from several threads at once, with
// narrowings, a disk that fails, orderly ends and crashes of the process in between.
#include <gtest/gtest.h>
#include <random>
#include <thread>

#include "task/registry.h"
#include "task/testing/memory_store.h"

namespace writ::task::budget_property_test {
namespace {

using codec::Json;
using Random = std::mt19937;

// A case is one task in one life of the process.
constexpr std::size_t kTasks = 200, kWorlds = 170, kLives = 3, kThreads = 3;
static_assert(kTasks * kWorlds * kLives >= 100'000);

const Instant kNow = instant_from_unix_seconds(1'750'000'000);
constexpr std::string_view kRead = R"(B::Action::"read")";
constexpr std::string_view kRows = "rows";

std::int64_t below(Random& random, std::int64_t n) {
  return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
}

// One task: what it may use, and what was let through.
struct Account {
  std::int64_t calls, reads, rows;
  std::atomic<std::int64_t> used_calls = 0, used_reads = 0, used_rows = 0;

  explicit Account(Random& random)
      : calls(1 + below(random, 12)), reads(1 + below(random, 6)), rows(1 + below(random, 20)) {}

  Json request() const {
    auto json = codec::parse_json(R"({"purpose":"support","subject":"nora","client":"portal",
      "actions":["B::Action::\"read\"","B::Action::\"credit\""],"resources":["B::Invoice::*"],
      "expires_in_seconds":600})")
                    .value();
    json.set("budget", Json::object({{"calls", calls},
                                     {"actions", Json::object({{std::string(kRead), reads}})},
                                     {"amounts", Json::object({{std::string(kRows), rows}})}}));
    return json;
  }
};

// Tasks with their store, over the lives of the process.
class World {
 public:
  // An orderly world has neither crashes nor a disk that fails, so nothing of a budget may be lost either.
  World(std::uint32_t seed, bool orderly) : random_(seed), orderly_(orderly) {
    for (std::size_t i = 0; i < kTasks; ++i) accounts_.push_back(std::make_unique<Account>(random_));
  }

  void live(bool first) {
    Registry registry(store_);
    if (first) {
      for (std::size_t i = 0; i < kTasks; ++i) open(registry, i);
    } else {
      ASSERT_TRUE(registry.load());
    }
    for (std::size_t i = 0; i < kTasks; ++i) {
      tasks_.push_back(registry.find(name(i)));
      ASSERT_NE(tasks_.back(), nullptr);
      if (below(random_, 4) == 0) narrow(registry, i);
    }
    call_from_all_threads();
    const bool settles = orderly_ || below(random_, 2) == 0;
    ASSERT_TRUE(!settles || registry.settle());
    tasks_.clear();
  }

  void check() const {
    for (const auto& account : accounts_) {
      EXPECT_LE(account->used_calls, account->calls);
      EXPECT_LE(account->used_reads, account->reads);
      EXPECT_LE(account->used_rows, account->rows);
    }
  }

  // What is left passes, and no more. Nothing happens at the same time.
  void use_up() {
    Registry registry(store_);
    ASSERT_TRUE(registry.load());
    for (std::size_t i = 0; i < kTasks; ++i) {
      Account& account = *accounts_[i];
      const auto task = registry.find(name(i));
      while (call(*task, account, false, 1)) {
      }
      if (!orderly_) continue;
      EXPECT_TRUE(account.used_calls == account.calls || account.used_rows == account.rows)
          << account.used_calls << " of " << account.calls << " calls, " << account.used_rows << " of "
          << account.rows << " rows";
    }
  }

 private:
  static std::string name(std::size_t i) { return "t" + std::to_string(i); }

  void open(Registry& registry, std::size_t i) {
    auto task = task_from_request(accounts_[i]->request(), kNow).value();
    task.id = name(i);
    task.opened_by = "portal";
    ASSERT_TRUE(registry.open(std::move(task)));
  }

  // What is used stays used, also when it is more.
  void narrow(Registry& registry, std::size_t i) {
    Account& account = *accounts_[i];
    const auto& budget = tasks_[i]->task().budget;
    const auto calls = 1 + below(random_, *budget.calls);
    ASSERT_TRUE(registry.narrow(name(i), Json::object({{"budget", Json::object({{"calls", calls}})}}), kNow));
    account.calls = std::max(calls, account.used_calls.load());
  }

  bool call(LiveTask& task, Account& account, bool reads, std::int64_t rows) {
    const NamedAmount amount{kRows, Amount{rows * 10'000}};
    LiveTask::Use use{reads ? read_ : credit_, invoice_, kNow};
    use.amounts = std::span(&amount, 1);
    if (!task.consume(use)) return false;
    ++account.used_calls;
    account.used_reads += reads ? 1 : 0;
    account.used_rows += rows;
    return true;
  }

  void call_from_all_threads() {
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < kThreads; ++i)
        threads.emplace_back([this, i, seed = random_()] { call_at_random(Random(seed), i == 0); });
    }
    store_.broken = false;
  }

  void call_at_random(Random random, bool breaks_the_disk) {
    for (std::size_t i = 0; i < 2 * kTasks; ++i) {
      if (!orderly_ && breaks_the_disk && below(random, 20) == 0) store_.broken = !store_.broken;
      const auto at = static_cast<std::size_t>(below(random, kTasks));
      call(*tasks_[at], *accounts_[at], below(random, 2) == 0, 1 + below(random, 3));
    }
  }

  Random random_;
  const bool orderly_;
  testing::MemoryStore store_;
  std::vector<std::unique_ptr<Account>> accounts_;
  std::vector<std::shared_ptr<LiveTask>> tasks_;
  cedar::Arena arena_;
  cedar::EntityRef read_ = arena_.entity("B::Action", "read");
  cedar::EntityRef credit_ = arena_.entity("B::Action", "credit");
  cedar::EntityRef invoice_ = arena_.entity("B::Invoice", "1");
};

TEST(BudgetProperty, IsNeverExceededAndInAnOrderlyWorldNothingIsLost) {
  for (std::uint32_t seed = 0; seed < kWorlds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, seed % 2 == 0);
    for (std::size_t life = 0; life < kLives; ++life) {
      world.live(life == 0);
      world.check();
    }
    world.use_up();
    world.check();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace writ::task::budget_property_test
