// What was acknowledged stays: when the process is killed, and when the disk is full. Each test lets a child
// process do the work and looks at what it left behind.
#include <csignal>
#include <cstdint>
#include <fmt/format.h>
#include <functional>
#include <gmock/gmock.h>
#include <map>
#include <optional>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "store/sqlite_store.h"
#include "store/testing/samples.h"

namespace writ::store::durability_test {
namespace {

using testing::Folder;
using testing::kLater;
using testing::make_identity;
using testing::make_task;

// A child process that tells its parent numbers over a pipe. Its work must not use the test framework.
class Child {
 public:
  using Tell = std::function<void(std::int32_t)>;
  explicit Child(const std::function<void(const Tell&)>& work) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    process_ = ::fork();
    if (process_ == 0) {
      ::close(ends[0]);
      work([&](std::int32_t number) {
        if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(3);
      });
      ::_exit(0);
    }
    ::close(ends[1]);
    reading_ = ends[0];
  }
  Child(const Child&) = delete;
  ~Child() { ::close(reading_); }

  std::optional<std::int32_t> hear() const {
    std::int32_t number = 0;
    if (::read(reading_, &number, sizeof number) != sizeof number) return std::nullopt;
    return number;
  }
  void kill() const { ::kill(process_, SIGKILL); }
  int wait() const {
    int status = 0;
    ::waitpid(process_, &status, 0);
    return status;
  }

 private:
  pid_t process_;
  int reading_;
};

// Saves one of each after the other, from `first` on, and tells each number when all of it was acknowledged.
void save_for_ever(const std::filesystem::path& path, std::int32_t first, const Child::Tell& tell) {
  const auto store = SqliteStore::open(path).value();
  for (std::int32_t i = first;; ++i) {
    const auto id = fmt::format("n{}", i);
    const bool saved = store->save_task(make_task(id), task::State::kActive) && store->reserve({id, "", 8}) &&
                       store->reserve({id, "", 16}) && store->save_labels(id, {"read:confidential"}) &&
                       store->save_state(id, task::State::kSuspended) &&
                       store->save_state(id, task::State::kRevoked) && store->save({id, kLater}) &&
                       store->save_inventory({{make_identity(id)}, {}}) &&
                       store->first_use("client", id, kLater, Instant()).value();
    if (!saved) ::_exit(4);
    tell(i);
  }
}

void expect_all_up_to(const std::filesystem::path& path, std::int32_t last) {
  const auto store = SqliteStore::open(path).value();
  std::map<std::string, task::StoredTask> tasks;
  auto stored_tasks = store->load_tasks().value();
  for (auto& each : stored_tasks) tasks.emplace(each.task.id, std::move(each));
  std::map<std::string, Instant> revoked;
  auto revocations = store->load().value();
  for (auto& each : revocations) revoked.emplace(each.jti, each.expires_at);
  std::map<std::string, inventory::Kind> identities;
  auto inventory = store->load_inventory().value().identities;
  for (auto& each : inventory) identities.emplace(each.id, each.kind);
  for (std::int32_t i = 0; i <= last; ++i) {
    const auto id = fmt::format("n{}", i);
    ASSERT_TRUE(tasks.contains(id)) << id;
    EXPECT_EQ(tasks.at(id).state, task::State::kRevoked) << id;
    ASSERT_EQ(tasks.at(id).reserved.size(), 1u) << id;
    EXPECT_EQ(tasks.at(id).reserved[0].amount, 16) << id;
    EXPECT_EQ(tasks.at(id).labels, std::vector<std::string>{"read:confidential"}) << id;
    EXPECT_TRUE(revoked.contains(id)) << id;
    EXPECT_TRUE(identities.contains(id)) << id;
  }
  EXPECT_FALSE(store->first_use("client", fmt::format("n{}", last), kLater, Instant()).value());
}

TEST(Durability, WhatWasAcknowledgedSurvivesKill) {
  const Folder folder;
  const auto path = folder / "writ.db";
  std::random_device seed;
  const auto chosen = seed();
  SCOPED_TRACE(fmt::format("seed {}", chosen));
  std::minstd_rand random(chosen);
  std::uniform_int_distribution<int> microseconds(0, 60'000);
  std::int32_t last = -1;
  for (int round = 0; round < 12; ++round) {
    // What the last child had begun and not acknowledged may be there: go on behind it.
    const std::int32_t first = last + 1;
    const auto work = [&](const Child::Tell& tell) { save_for_ever(path, first, tell); };
    SqliteStore::open(path).value();
    Child child(work);
    std::optional<std::int32_t> heard = child.hear();
    ASSERT_TRUE(heard) << "the child ended early in round " << round;
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
    child.kill();
    for (; heard; heard = child.hear()) last = *heard;
    EXPECT_TRUE(WIFSIGNALED(child.wait()));
    expect_all_up_to(path, last);
    if (::testing::Test::HasFatalFailure()) return;
    // The unfinished one is finished or not; either way it cannot be saved again under its number.
    ++last;
    const auto store = SqliteStore::open(path).value();
    const auto id = fmt::format("n{}", last);
    (void)store->save_task(make_task(id), task::State::kActive);
    ASSERT_TRUE(store->reserve({id, "", 16}));
    ASSERT_TRUE(store->save_labels(id, {"read:confidential"}));
    ASSERT_TRUE(store->save_state(id, task::State::kRevoked));
    ASSERT_TRUE(store->save({id, kLater}));
    ASSERT_TRUE(store->save_inventory({{make_identity(id)}, {}}));
    ASSERT_TRUE(store->first_use("client", id, kLater, Instant()));
  }
  EXPECT_GT(last, 12);
}

void limit_file_size(rlim_t bytes) {
  rlimit limit = {};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

enum : std::int32_t { kRefusedAsIo = -1, kWentOn = -2, kReadsGoOn = -3, kSmaller = 1'000'000 };

// Saves until nothing more fits, then once more when there is room again.
void fill_the_disk(const std::filesystem::path& path, const Child::Tell& tell) {
  std::signal(SIGXFSZ, SIG_IGN);
  const auto store = SqliteStore::open(path).value();
  limit_file_size(300'000);
  std::int32_t i = 0;
  Result<void> saved;
  while ((saved = store->save_task(make_task(fmt::format("t{}", i)), task::State::kActive))) tell(i++);
  // What is smaller may still fit.
  std::int32_t smaller = 0;
  while (smaller < 1000 && store->save({fmt::format("r{}", smaller), kLater})) ++smaller;
  tell(kSmaller + smaller);
  inventory::Change several;
  for (int k = 0; k < 50; ++k) several.identities.push_back(make_identity(fmt::format("a{}", k)));
  const bool refused = saved.error().code == ErrorCode::kIo && !store->save_inventory(several) &&
                       !store->save({"jti", kLater}) && !store->first_use("c", "jti", kLater, Instant());
  if (refused) tell(kRefusedAsIo);
  if (store->load_tasks().value().size() == static_cast<std::size_t>(i)) tell(kReadsGoOn);
  limit_file_size(RLIM_INFINITY);
  if (store->save_task(make_task("later"), task::State::kActive)) tell(kWentOn);
}

TEST(Durability, AFullDiskIsAnErrorAndWhatWasAcknowledgedStays) {
  const Folder folder;
  const auto path = folder / "writ.db";
  Child child([&](const Child::Tell& tell) { fill_the_disk(path, tell); });
  std::vector<std::int32_t> heard;
  while (const auto number = child.hear()) heard.push_back(*number);
  EXPECT_EQ(child.wait(), 0);
  ASSERT_GT(heard.size(), 10u);
  const auto acknowledged = static_cast<std::int32_t>(heard.size()) - 4;
  const auto smaller = heard[acknowledged] - kSmaller;
  EXPECT_THAT(smaller, ::testing::AllOf(::testing::Ge(0), ::testing::Lt(1000)));
  EXPECT_EQ(heard[acknowledged + 1], kRefusedAsIo);
  EXPECT_EQ(heard[acknowledged + 2], kReadsGoOn);
  EXPECT_EQ(heard[acknowledged + 3], kWentOn);

  const auto store = SqliteStore::open(path).value();
  const auto tasks = store->load_tasks().value();
  ASSERT_EQ(tasks.size(), static_cast<std::size_t>(acknowledged) + 1);
  for (std::int32_t i = 0; i < acknowledged; ++i) EXPECT_EQ(tasks[i].task.id, fmt::format("t{}", i));
  EXPECT_EQ(tasks.back().task.id, "later");
  EXPECT_TRUE(store->load_inventory().value().identities.empty());
  EXPECT_EQ(store->load().value().size(), static_cast<std::size_t>(smaller));
}

}  // namespace
}  // namespace writ::store::durability_test
