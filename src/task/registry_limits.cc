// How much of tasks is kept, and for how long.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>

#include "base/notice.h"
#include "task/registry.h"

namespace writ::task {
namespace {

constexpr std::size_t kForgottenAtOnce = 256;
constexpr double kRounding = 1e-6;
// A clock that is wrong may be found so within that time of running.
constexpr Duration kLeastRunning = std::chrono::hours(1);

void say_met(Notice& notice, std::string_view limit, std::string_view client) {
  if (const auto times = notice.due())
    say_limit(fmt::format("client `{}` has met `tasks.{}`: tasks are refused ({} times, of all clients)",
                          client, limit, *times));
}

bool is_over(const LiveTask& task, Instant now) {
  const State state = task.standing();
  if (is_final(state) || now >= task->expires_at) return true;
  return state == State::kRequested && now >= task->approvals.until;
}

}  // namespace

Result<void> Registry::check_narrowings(const LiveTask& task) const {
  if (task.narrowings() < limits_.narrowings) return {};
  met_.too_often.fetch_add(1, std::memory_order_relaxed);
  static Notice notice;
  say_met(notice, "max_narrowings", task->opened_by);
  return failure(ErrorCode::kLimit,
                 fmt::format("task `{}` was narrowed {} times already", task->id, limits_.narrowings));
}

// A bucket that a minute fills.
std::optional<NoRoom> Registry::count_opening(std::string_view client, Duration running) {
  const auto most = static_cast<double>(limits_.opened_per_minute);
  auto found = accounts_.find(client);
  if (found == accounts_.end())
    found = accounts_.emplace(client, Account{.tasks = {}, .may_open = most, .counted = running}).first;
  Account& account = found->second;
  const auto passed = std::chrono::duration<double, std::ratio<60>>(running - account.counted).count();
  account.may_open = std::min(most, account.may_open + passed * most);
  account.counted = running;
  if (account.may_open >= 1 - kRounding) {
    account.may_open -= 1;
    return std::nullopt;
  }
  met_.too_fast.fetch_add(1, std::memory_order_relaxed);
  static Notice notice;
  say_met(notice, "max_opened_per_minute", client);
  const auto wait = std::ceil((1 - account.may_open) * 60 / most);
  return NoRoom{fmt::format("`{}` may open {} tasks in a minute", client, limits_.opened_per_minute),
                std::chrono::seconds(static_cast<std::int64_t>(wait))};
}

std::chrono::seconds Registry::next_end(const Account& account, Instant now) const {
  Instant next = now + std::chrono::hours(1);
  for (const auto& id : account.tasks) {
    if (const auto live = find(id)) next = std::min(next, (*live)->expires_at);
  }
  return std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(next - now));
}

Result<std::optional<NoRoom>> Registry::make_room(std::string_view client, const Task& task,
                                                  const Clock& clock) {
  const auto bytes = memory_of(task);
  if (bytes > limits_.scope_bytes) {
    met_.too_large.fetch_add(1, std::memory_order_relaxed);
    static Notice notice;
    say_met(notice, "max_scope_bytes", client);
    return failure(ErrorCode::kLimit, fmt::format("the task takes {} bytes, {} are allowed: name fewer "
                                                  "resources, or all of a type",
                                                  bytes, limits_.scope_bytes));
  }
  const std::lock_guard lock(changes_);
  const auto known = accounts_.find(client);
  bool narrows = false;
  // Before it is recorded as done; and not held any longer, so that what it was before can be given back.
  if (const auto live = find(task.id)) {
    narrows = true;
    TRY(check_narrowings(*live));
  }
  const auto full = [&](const Account& account) {
    return (!narrows && account.tasks.size() >= limits_.per_client) ||
           account.bytes + bytes > limits_.bytes_per_client;
  };
  if (known != accounts_.end() && full(known->second)) {
    tidy_versions();
    if (full(known->second)) TRY(forget_some_of(known->second, clock));
    if (full(known->second)) {
      const bool number = !narrows && known->second.tasks.size() >= limits_.per_client;
      (number ? met_.too_many : met_.too_many_bytes).fetch_add(1, std::memory_order_relaxed);
      static Notice many, large;
      say_met(number ? many : large, number ? "max_per_client" : "max_bytes_per_client", client);
      return NoRoom{fmt::format("`{}` has {} tasks that are not over, in {} bytes: it may have {}, in {}",
                                client, known->second.tasks.size(), known->second.bytes, limits_.per_client,
                                limits_.bytes_per_client),
                    next_end(known->second, clock.now())};
    }
  }
  return narrows ? std::nullopt : count_opening(client, clock.running());
}

// The oldest first, and enough of them that this is seldom done.
Result<void> Registry::forget_some_of(const Account& account, const Clock& clock) {
  std::vector<std::shared_ptr<LiveTask>> over;
  for (const auto& id : account.tasks) {
    auto live = find(id);
    if (live != nullptr && is_over(*live, clock.earliest()) && !children_.contains(id))
      over.push_back(std::move(live));
  }
  const auto count = std::min(over.size(), std::max<std::size_t>(16, account.tasks.size() / 16));
  const auto end = over.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(over.begin(), end, over.end(),
                    [](const auto& a, const auto& b) { return (*a)->opened_at < (*b)->opened_at; });
  std::vector<std::string> ids;
  for (auto each = over.begin(); each != end; ++each) ids.push_back((**each)->id);
  over.clear();
  return forget(ids);
}

// Off the disk first: what is not there any more is missed by nobody who must refuse.
Result<void> Registry::forget(std::span<const std::string> ids) {
  while (!ids.empty()) {
    const auto batch = ids.first(std::min(ids.size(), kForgottenAtOnce));
    ids = ids.subspan(batch.size());
    TRY(store_.forget_tasks(batch));
    for (const auto& id : batch) {
      const auto live = find(id);
      if (live == nullptr) continue;
      const Task& task = live->task();
      if (task.parent && --children_[*task.parent] == 0) children_.erase(*task.parent);
      const auto account = accounts_.find(task.opened_by);
      account->second.tasks.erase(id);
      account->second.bytes -= std::min(account->second.bytes, live->bytes());
      {
        const std::unique_lock lock(order_mutex_);
        order_.erase({task.opened_at, task.id});
      }
      Shard& shard = shard_of(id);
      const std::unique_lock lock(shard.mutex);
      shard.tasks.erase(id);
    }
  }
  return {};
}

// Whoever looks at a task holds it. With the shard's lock, and held by nobody else, it is looked at by
// nobody.
void Registry::tidy_versions() {
  for (auto& [client, account] : accounts_) account.bytes = 0;
  for (Shard& shard : shards_) {
    const std::unique_lock lock(shard.mutex);
    for (auto& [id, entry] : shard.tasks) {
      const auto held = entry;
      if (held.use_count() == 2) held->keep_current_only();
      accounts_[(*held)->opened_by].bytes += held->bytes();
    }
  }
}

Result<std::size_t> Registry::tidy(const Clock& clock) {
  const std::lock_guard lock(changes_);
  tidy_versions();
  const Instant now = clock.earliest();
  const Duration running = clock.running();
  std::vector<std::string> ids;
  auto children = children_;
  // Those that hold a task go before it.
  auto tasks = all();
  std::ranges::stable_sort(tasks, std::greater(), [](const auto& task) { return task->depth(); });
  for (const auto& each : tasks) {
    LiveTask& live = *each;
    if (!is_over(live, now)) {
      live.over_since_.reset();
      continue;
    }
    if (!live.over_since_) live.over_since_ = running;
    const auto over_for = running - *live.over_since_;
    const bool long_ago = now - live->expires_at >= limits_.forget_after &&
                          over_for >= std::min(limits_.forget_after, kLeastRunning);
    if ((over_for < limits_.forget_after && !long_ago) || children.contains(live->id)) continue;
    if (live->parent && --children[*live->parent] == 0) children.erase(*live->parent);
    ids.push_back(live->id);
  }
  tasks.clear();
  TRY(forget(ids));
  // A client that has nothing left, and could open as many as ever, need not be remembered.
  std::erase_if(accounts_, [&](const auto& each) {
    return each.second.tasks.empty() && running - each.second.counted > std::chrono::minutes(1);
  });
  return ids.size();
}

TasksRefused Registry::refused() const noexcept {
  const auto read = [](const auto& count) { return count.load(std::memory_order_relaxed); };
  return {read(met_.too_many), read(met_.too_many_bytes), read(met_.too_fast), read(met_.too_large),
          read(met_.too_often)};
}

std::size_t Registry::bytes() const {
  std::size_t bytes = 0;
  for (const auto& live : all()) bytes += live->bytes();
  return bytes;
}

}  // namespace writ::task
