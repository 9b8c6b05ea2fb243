#include "task/live_task.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::task {
namespace {

// One durable write for this many calls, so that it does not cost each of them.
std::int64_t block_of_calls(std::int64_t max) {
  return std::clamp<std::int64_t>(max / 8, 8, 1024);
}

// A crash may lose so much of an amount: little, for amounts are seldom taken in many small parts.
std::int64_t block_of_amount(std::int64_t max) {
  return max / 64;
}

std::unexpected<Denial> deny(Reason reason, std::string message) {
  return std::unexpected(Denial{reason, std::move(message)});
}

bool same(const cedar::EntityUid& a, cedar::EntityRef b) {
  return b.id() == a.id && b.type() == a.type;
}

std::unexpected<Denial> waiting(const Task& task, Times now) {
  if (now.ended(task.approvals.until))
    return deny(Reason::kTaskExpired, fmt::format("task `{}` was not approved in time", task.id));
  return deny(Reason::kApprovalRequired,
              fmt::format("task `{}` waits for approval: {} of {} are given", task.id,
                          task.approvals.given.size(), task.approvals.needed));
}

Result<void> write_at_once(const Write& write, UseStore& store) {
  for (const auto& [task, labels] : write.labels) TRY(store.save_labels(task, labels));
  for (const auto& reservation : write.reservations) TRY(store.reserve(reservation));
  return {};
}

std::int64_t reserved_of(std::string_view budget, const std::vector<Reservation>& reserved) {
  const auto found = std::ranges::find(reserved, budget, &Reservation::budget);
  return found == reserved.end() ? 0 : found->amount;
}

}  // namespace

LiveTask::LiveTask(Task task, State state, const std::vector<Reservation>& reserved, UseStore& store,
                   std::shared_ptr<LiveTask> parent)
    : parent_(std::move(parent)), store_(store), state_(state), current_(nullptr) {
  add_version(std::move(task), reserved);
}

// The one of that name, lowered, or a new one.
Counter* LiveTask::counter(std::string name, std::int64_t max, std::int64_t block,
                           const std::vector<Reservation>& reserved) {
  for (const auto& each : counters_) {
    if (each->name() != name) continue;
    each->lower(max);
    return each.get();
  }
  const auto used = reserved_of(name, reserved);
  return counters_.emplace_back(std::make_unique<Counter>(std::move(name), max, used, block)).get();
}

RateWindow* LiveTask::window(const Rate& rate, const std::vector<Reservation>& reserved) {
  const auto name = rate_name(rate.seconds);
  for (const auto& each : windows_) {
    if (each->name() != name) continue;
    each->lower(rate.calls);
    return each.get();
  }
  return windows_.emplace_back(std::make_unique<RateWindow>(rate, reserved_of(name, reserved))).get();
}

void LiveTask::add_version(Task task, const std::vector<Reservation>& reserved) {
  auto version = std::make_unique<Version>(std::move(task));
  const Budget& budget = version->task.budget;
  if (budget.calls) version->calls = counter("", *budget.calls, block_of_calls(*budget.calls), reserved);
  for (const auto& each : budget.actions)
    version->by_action.emplace_back(
        each.action, counter(uid_text(each.action), each.calls, block_of_calls(each.calls), reserved));
  for (const auto& each : budget.amounts) {
    const auto max = each.total.ten_thousandths;
    version->amounts.emplace_back(each.name,
                                  counter("amount:" + each.name, max, block_of_amount(max), reserved));
  }
  for (const Rate& each : budget.rates) version->rates.push_back(window(each, reserved));
  current_.store(versions_.emplace_back(std::move(version)).get(), std::memory_order_release);
}

std::size_t LiveTask::bytes() const {
  const std::lock_guard lock(lock_);
  std::size_t bytes = sizeof(LiveTask);
  for (const auto& version : versions_) bytes += memory_of(version->task);
  return bytes;
}

void LiveTask::keep_current_only() {
  const std::lock_guard lock(lock_);
  if (versions_.size() > 1) versions_.erase(versions_.begin(), versions_.end() - 1);
}

void LiveTask::set_state(State state) {
  const std::lock_guard lock(lock_);
  state_.store(state, std::memory_order_release);
}

void LiveTask::replace(Task narrower) {
  const std::lock_guard lock(lock_);
  narrower.labels = task().labels;  // it may have earned some meanwhile
  add_version(std::move(narrower), {});
  ++narrowings_;
}

void LiveTask::set_approved(Task task, State state) {
  const std::lock_guard lock(lock_);
  add_version(std::move(task), {});
  state_.store(state, std::memory_order_release);
}

bool LiveTask::within(std::string_view id) const noexcept {
  return (*this)->id == id || (parent_ != nullptr && parent_->within(id));
}

std::size_t LiveTask::depth() const noexcept {
  return parent_ == nullptr ? 1 : parent_->depth() + 1;
}

State LiveTask::standing() const noexcept {
  const State own = state();
  if (parent_ == nullptr || is_final(own)) return own;
  const State above = parent_->standing();
  return is_final(above) || own == State::kActive ? above : own;
}

std::vector<std::string> LiveTask::labels() const {
  auto all = parent_ != nullptr ? parent_->labels() : std::vector<std::string>();
  for (const auto& label : task().labels) {
    if (std::ranges::find(all, label) == all.end()) all.push_back(label);
  }
  return all;
}

std::int64_t LiveTask::used_calls() const noexcept {
  const Counter* calls = current_.load(std::memory_order_acquire)->calls;
  return calls != nullptr ? calls->used() : 0;
}

std::expected<void, Denial> LiveTask::check_live(Times now) const {
  for (const LiveTask* each = this; each != nullptr; each = each->parent_.get()) TRY(each->own_life(now));
  return {};
}

std::expected<void, Denial> LiveTask::check_scope(cedar::EntityRef action, cedar::EntityRef resource) const {
  for (const LiveTask* each = this; each != nullptr; each = each->parent_.get())
    TRY(each->own_scope(action, resource));
  return {};
}

std::expected<void, Denial> LiveTask::check_budget(const Use& use) const {
  for (const LiveTask* each = this; each != nullptr; each = each->parent_.get()) TRY(each->own_budget(use));
  return {};
}

std::expected<void, Denial> LiveTask::own_life(Times now) const {
  const State state = this->state();
  const Task& task = this->task();
  switch (state) {
    case State::kEnded:
      return deny(Reason::kTaskEnded, fmt::format("task `{}` was ended", task.id));
    case State::kRevoked:
      return deny(Reason::kTaskRevoked, fmt::format("task `{}` was revoked", task.id));
    case State::kDenied:
      return deny(Reason::kTaskRevoked, fmt::format("task `{}` was asked for, and denied", task.id));
    case State::kRequested:
    case State::kSuspended:
    case State::kActive:
      break;
  }
  // What is over does not count as standing still.
  if (now.ended(task.expires_at))
    return deny(Reason::kTaskExpired, fmt::format("task `{}` has expired", task.id));
  if (state == State::kRequested) return waiting(task, now);
  if (!now.begun(task.not_before))
    return deny(Reason::kTaskNotStarted, fmt::format("task `{}` has not begun", task.id));
  if (state == State::kSuspended)
    return deny(Reason::kTaskSuspended, fmt::format("task `{}` is suspended", task.id));
  return {};
}

std::expected<void, Denial> LiveTask::own_scope(cedar::EntityRef action, cedar::EntityRef resource) const {
  const Task& task = this->task();
  const bool action_known = std::any_of(task.actions.begin(), task.actions.end(),
                                        [&](const auto& each) { return same(each, action); });
  if (!action_known)
    return deny(Reason::kActionNotInTask,
                fmt::format("task `{}` does not include the action `{}`", task.id, action.id()));
  const bool resource_known = std::any_of(task.resources.begin(), task.resources.end(),
                                          [&](const auto& pattern) { return pattern.matches(resource); });
  if (!resource_known)
    return deny(Reason::kResourceNotInTask,
                fmt::format("task `{}` does not include {}", task.id, resource.to_string()));
  return {};
}

std::expected<void, Denial> LiveTask::check_purpose(std::optional<std::string_view> purpose) const {
  const Task& task = this->task();
  if (!purpose || *purpose == task.purpose) return {};
  return deny(Reason::kPurposeMismatch,
              fmt::format("task `{}` is for `{}`, the token for `{}`", task.id, task.purpose, *purpose));
}

bool LiveTask::names_agent(std::string_view id) const noexcept {
  const Task& task = this->task();
  if (std::ranges::find(task.agents, id) == task.agents.end()) return false;
  return parent_ == nullptr || parent_->names_agent(id);
}

Counter* LiveTask::Version::for_action(cedar::EntityRef action) const noexcept {
  for (const auto& [uid, counter] : by_action) {
    if (same(uid, action)) return counter;
  }
  return nullptr;
}

std::expected<void, Denial> LiveTask::own_budget(const Use& use) const {
  const Version& version = *current_.load(std::memory_order_acquire);
  const auto& id = version.task.id;
  for (const Counter* counter : {version.calls, version.for_action(use.action)}) {
    if (counter == nullptr || counter->has(1)) continue;
    const auto of = counter == version.calls ? std::string("calls") : "calls of " + counter->name();
    return deny(Reason::kBudgetExceeded,
                fmt::format("task `{}` has used all its {} {}", id, counter->max(), of));
  }
  for (const RateWindow* window : version.rates) {
    if (!window->has(use.counted()))
      return deny(Reason::kBudgetExceeded, fmt::format("task `{}` has used its {} calls in {} seconds", id,
                                                       window->calls(), window->seconds()));
  }
  for (const auto& [name, counter] : version.amounts) {
    const auto spent = std::ranges::find(use.amounts, name, &NamedAmount::name);
    if (spent == use.amounts.end())
      return deny(Reason::kAmountUnknown,
                  fmt::format("task `{}` has a budget of `{}`, and this request does not tell how much of it "
                              "it spends",
                              id, name));
    if (!counter->has(spent->amount.ten_thousandths))
      return deny(Reason::kBudgetExceeded,
                  fmt::format("task `{}` has used {} of its {} of `{}`, too much for {} more", id,
                              Amount{counter->used()}.text(), Amount{counter->max()}.text(), name,
                              spent->amount.text()));
  }
  return {};
}

// Calls visit(counter, amount) for each counter that the use takes from.
template <class Visit>
void LiveTask::Version::for_each_counter(const Use& use, Visit visit) const {
  if (calls != nullptr) visit(*calls, 1);
  if (Counter* counter = for_action(use.action)) visit(*counter, 1);
  for (const auto& [name, counter] : amounts) {
    const auto spent = std::ranges::find(use.amounts, name, &NamedAmount::name);
    if (spent != use.amounts.end()) visit(*counter, spent->amount.ten_thousandths);
  }
}

LiveTask::Line LiveTask::line() noexcept {
  Line line{{}, depth()};
  LiveTask* at = this;
  for (std::size_t i = line.depth; i-- > 0; at = at->parent_.get()) line.tasks[i] = at;
  return line;
}

// Reserves where wanted(counter, amount) or wanted_time(window) says so.
template <class Wanted, class WantedTime>
void LiveTask::ask(const Use& use, Wanted wanted, WantedTime wanted_time, std::unique_ptr<Write>& write) {
  const Version& version = *current_.load(std::memory_order_relaxed);
  const auto add = [&](const std::string& budget) -> std::int64_t& {
    if (!write) write = std::make_unique<Write>();
    return write->reservations.emplace_back(version.task.id, budget, 0).amount;
  };
  version.for_each_counter(use, [&](Counter& counter, std::int64_t amount) {
    if (wanted(counter, amount)) add(counter.name()) = counter.ask_for(amount);
  });
  for (RateWindow* window : version.rates) {
    if (wanted_time(*window)) add(window->name()) = window->ask_for(use.counted());
  }
}

void LiveTask::ask_for_missing(const Use& use, std::unique_ptr<Write>& write) {
  ask(
      use, [](const Counter& counter, std::int64_t amount) { return !counter.is_reserved(amount); },
      [&](const RateWindow& window) { return !window.is_reserved(use.counted()); }, write);
}

void LiveTask::ask_for_next(const Use& use, std::unique_ptr<Write>& write) {
  ask(
      use, [](const Counter& counter, std::int64_t) { return counter.runs_low(); },
      [&](const RateWindow& window) { return window.runs_low(use.counted()); }, write);
}

std::expected<void, Denial> LiveTask::ask_for_labels(std::span<const std::string_view> labels,
                                                     std::unique_ptr<Write>& write) const {
  const Task& task = this->task();
  std::vector<std::string> more;
  for (const auto label : labels) {
    if (std::ranges::find(task.labels, label) == task.labels.end() &&
        std::ranges::find(more, label) == more.end())
      more.emplace_back(label);
  }
  if (more.empty()) return {};
  if (task.labels.size() + more.size() > kMaxLabels)
    return deny(Reason::kIndeterminate, fmt::format("task `{}` can bear {} labels, `{}` would be one more",
                                                    task.id, kMaxLabels, more.back()));
  if (!write) write = std::make_unique<Write>();
  write->labels.push_back({task.id, std::move(more)});
  return {};
}

void LiveTask::add_labels(const std::vector<std::string>& labels) {
  Task labelled = task();
  for (const auto& label : labels) {
    if (std::ranges::find(labelled.labels, label) == labelled.labels.end()) labelled.labels.push_back(label);
  }
  if (labelled.labels.size() > task().labels.size()) add_version(std::move(labelled), {});
}

void LiveTask::reserved(const Reservation& reservation, bool done) noexcept {
  for (const auto& counter : counters_) {
    if (counter->name() == reservation.budget) return counter->reserved(reservation.amount, done);
  }
  for (const auto& window : windows_) {
    if (window->name() == reservation.budget) return window->reserved(reservation.amount, done);
  }
}

void LiveTask::make_room() {
  for (RateWindow* window : current_.load(std::memory_order_relaxed)->rates) window->make_room();
}

void LiveTask::take(const Use& use) noexcept {
  const Version& version = *current_.load(std::memory_order_relaxed);
  version.for_each_counter(use, [](Counter& counter, std::int64_t amount) { counter.take(amount); });
  for (RateWindow* window : version.rates) window->take(use.counted());
}

std::expected<LiveTask::Attempt, Denial> LiveTask::try_consume(const Use& use) {
  // From the root down, always: so no two calls wait for each other.
  const Line line = this->line();
  std::array<std::unique_lock<std::mutex>, kMaxTaskDepth> locks;
  for (std::size_t i = 0; i < line.depth; ++i) locks[i] = std::unique_lock(line.tasks[i]->lock_);
  TRY(check_live(use.now));
  TRY(check_scope(use.action, use.resource));
  TRY(check_budget(use));
  std::unique_ptr<Write> write;
  // What a sub-task comes to know, its ancestors answer for.
  if (!use.labels.empty()) {
    for (const LiveTask* each : line.all()) TRY(each->ask_for_labels(use.labels, write));
  }
  for (LiveTask* each : line.all()) each->ask_for_missing(use, write);
  if (write) return Attempt{false, std::move(write)};
  for (LiveTask* each : line.all()) each->make_room();
  for (LiveTask* each : line.all()) each->ask_for_next(use, write);
  for (LiveTask* each : line.all()) each->take(use);
  return Attempt{true, std::move(write)};
}

void LiveTask::wrote(const Write& write, bool done) {
  const Line line = this->line();
  for (LiveTask* each : line.all()) {
    const auto& id = (*each)->id;
    const std::lock_guard lock(each->lock_);
    for (const auto& reservation : write.reservations) {
      if (reservation.task == id) each->reserved(reservation, done);
    }
    for (const auto& earned : write.labels) {
      if (done && earned.task == id) each->add_labels(earned.labels);
    }
  }
}

std::expected<void, Denial> LiveTask::consume(const Use& use) {
  for (;;) {
    auto attempt = TRY(try_consume(use));
    if (attempt.taken) {
      if (attempt.write) wrote(*attempt.write, false);  // no hurry
      return {};
    }
    const auto written = write_at_once(*attempt.write, store_);
    wrote(*attempt.write, written.has_value());
    if (!written)
      return deny(Reason::kIndeterminate,
                  "the use of the task cannot be recorded: " + written.error().message);
  }
}

codec::Json LiveTask::used(Instant now) const {
  const std::lock_guard lock(lock_);
  const Version& version = *current_.load(std::memory_order_relaxed);
  auto json = codec::Json::object();
  if (version.calls != nullptr) json.set("calls", version.calls->used());
  auto actions = codec::Json::object(), amounts = codec::Json::object();
  for (const auto& [action, counter] : version.by_action) actions.set(uid_text(action), counter->used());
  for (const auto& [name, counter] : version.amounts) amounts.set(name, Amount{counter->used()}.to_json());
  auto rates = codec::Json::array();
  for (const RateWindow* window : version.rates)
    rates.push(codec::Json::object({{"calls", window->used(now)}, {"seconds", window->seconds()}}));
  if (!version.by_action.empty()) json.set("actions", std::move(actions));
  if (!version.rates.empty()) json.set("rates", std::move(rates));
  if (!version.amounts.empty()) json.set("amounts", std::move(amounts));
  return json;
}

Result<void> LiveTask::settle() {
  const std::lock_guard lock(lock_);
  for (const auto& counter : counters_) TRY(counter->settle(task().id, store_));
  for (const auto& window : windows_) TRY(window->settle(task().id, store_));
  return {};
}

}  // namespace writ::task
