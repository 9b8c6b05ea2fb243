#include "task/call_approvals.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/utf8.h"

namespace writ::task {
namespace {

std::unexpected<Denial> deny_use(Reason reason, std::string message) {
  return std::unexpected(Denial{reason, std::move(message)});
}

bool is_open(const StoredCall& call, Instant now) {
  const bool over = call.state == CallState::kDenied || call.state == CallState::kUsed;
  return !over && now < call.approval.until;
}

// What of two calls differs, for people.
std::string_view difference(const Call& approved, const Call& call) {
  if (approved.subject != call.subject || approved.client != call.client || approved.actors != call.actors)
    return "another caller";
  if (approved.task != call.task || approved.purpose != call.purpose) return "another task or purpose";
  if (approved.api != call.api || approved.action != call.action || approved.resource != call.resource)
    return "another action or resource";
  if (approved.policy_revision != call.policy_revision) return "other policies";
  return "other arguments";
}

Result<void> check_form(const CallApproval& asked) {
  if (asked.body.size() > kMaxCallBodyBytes)
    return failure(ErrorCode::kLimit, fmt::format("a call whose body has more than {} bytes is not approved",
                                                  kMaxCallBodyBytes));
  if (codec::valid_utf8(asked.body)) return {};
  return failure(ErrorCode::kLimit, "a call whose body is no text is not approved: nobody could read it");
}

}  // namespace

Result<void> CallApprovals::load() {
  const std::lock_guard lock(mutex_);
  for (StoredCall& stored : TRY(store_.load_calls())) {
    auto id = stored.approval.id;
    calls_.insert_or_assign(std::move(id), std::move(stored));
  }
  return {};
}

Result<void> CallApprovals::prune(Instant now) {
  const std::lock_guard lock(mutex_);
  return forget(now);
}

Result<void> CallApprovals::forget(Instant now) {
  const Instant before = now - kCallRemembered;
  const auto old = [&](const auto& entry) { return entry.second.approval.until < before; };
  if (std::ranges::none_of(calls_, old)) return {};
  TRY(store_.forget_calls(before));
  std::erase_if(calls_, old);
  return {};
}

Result<StoredCall> CallApprovals::ask(CallApproval asked, const std::function<std::string()>& new_id) {
  TRY(check_form(asked));
  const std::lock_guard lock(mutex_);
  const Instant now = asked.asked_at;
  TRY(forget(now));
  std::size_t open = 0, of_client = 0;
  for (const auto& [id, each] : calls_) {
    if (!is_open(each, now)) continue;
    if (each.approval.call == asked.call) return each;
    ++open;
    if (each.approval.call.client == asked.call.client) ++of_client;
  }
  if (of_client >= kMaxOpenCallsOfClient || open >= kMaxOpenCalls)
    return failure(ErrorCode::kLimit, fmt::format("{} calls{} wait for approval or use already",
                                                  open >= kMaxOpenCalls ? open : of_client,
                                                  open >= kMaxOpenCalls ? "" : " of this client"));
  asked.id = new_id();
  asked.until = now + kCallLifetime;
  TRY(store_.save_call(asked));
  auto id = asked.id;
  return calls_.insert_or_assign(std::move(id), StoredCall{std::move(asked), CallState::kPending})
      .first->second;
}

std::expected<const StoredCall*, Denial> CallApprovals::usable(std::string_view id, const Call& call,
                                                               Instant now) const {
  const auto found = calls_.find(id);
  if (found == calls_.end())
    return deny_use(Reason::kApprovalUnknown, "there is no approval of the id that the request names");
  const StoredCall& stored = found->second;
  // First of all, so that nobody learns of another's approval what became of it.
  if (stored.approval.call != call)
    return deny_use(Reason::kApprovalMismatch,
                    fmt::format("approval `{}` is for {}", id, difference(stored.approval.call, call)));
  if (stored.state == CallState::kDenied)
    return deny_use(Reason::kApprovalDenied, fmt::format("approval `{}` was denied", id));
  if (stored.state == CallState::kUsed)
    return deny_use(Reason::kApprovalUsed, fmt::format("approval `{}` was used already", id));
  if (now >= stored.approval.until)
    return deny_use(Reason::kApprovalExpired, fmt::format("approval `{}` has expired", id));
  if (stored.state == CallState::kPending)
    return deny_use(Reason::kApprovalPending, fmt::format("approval `{}` waits for somebody to decide", id));
  return &stored;
}

std::expected<void, Denial> CallApprovals::check(std::string_view id, const Call& call, Instant now) const {
  const std::lock_guard lock(mutex_);
  TRY(usable(id, call, now));
  return {};
}

std::expected<void, Denial> CallApprovals::use(std::string_view id, const Call& call, Instant now) {
  const std::lock_guard lock(mutex_);
  const StoredCall* stored = TRY(usable(id, call, now));
  const auto done = change(*stored, stored->approval.decided_by, CallState::kUsed);
  if (done) return {};
  return deny_use(Reason::kIndeterminate,
                  "the use of the approval cannot be recorded: " + done.error().message);
}

Result<void> CallApprovals::change(const StoredCall& call, std::string_view by, CallState state) {
  CallApproval decided = call.approval;
  decided.decided_by = by;
  TRY(store_.save_call_state(decided, state));
  auto& mine = calls_.find(decided.id)->second;
  mine.approval = std::move(decided);
  mine.state = state;
  return {};
}

Result<const StoredCall*> CallApprovals::pending(std::string_view id, Instant now) const {
  const auto found = calls_.find(id);
  if (found == calls_.end())
    return failure(ErrorCode::kNotFound, fmt::format("there is no approval `{}`", id));
  const StoredCall& stored = found->second;
  if (stored.state != CallState::kPending)
    return failure(ErrorCode::kConflict,
                   fmt::format("approval `{}` is {} already", id, call_state_name(stored.state)));
  if (now < stored.approval.until) return &stored;
  return failure(ErrorCode::kConflict, fmt::format("approval `{}` has expired", id));
}

Result<const StoredCall*> CallApprovals::approvable(std::string_view id, const Approver& approver,
                                                    Instant now) const {
  const StoredCall* stored = TRY(pending(id, now));
  const auto parties = stored->approval.call.parties();
  const auto takes_part = [&](std::string_view who) {
    return std::ranges::find(parties, who) != parties.end();
  };
  // Their word on it would be a word on themselves.
  auto who = takes_part(approver.user) ? std::optional(approver.user) : std::nullopt;
  for (const auto each : approver.through) {
    if (!who && takes_part(each)) who = each;
  }
  if (!who) return stored;
  return failure(ErrorCode::kConflict,
                 fmt::format("`{}` takes part in the call, and cannot approve it", *who));
}

Result<void> CallApprovals::check_approval(std::string_view id, const Approver& approver, Instant now) const {
  const std::lock_guard lock(mutex_);
  TRY(approvable(id, approver, now));
  return {};
}

Result<void> CallApprovals::approve(std::string_view id, const Approver& approver, Instant now) {
  const std::lock_guard lock(mutex_);
  return change(*TRY(approvable(id, approver, now)), approver.user, CallState::kApproved);
}

Result<void> CallApprovals::deny(std::string_view id, std::string_view user, Instant now) {
  const std::lock_guard lock(mutex_);
  return change(*TRY(pending(id, now)), user, CallState::kDenied);
}

std::optional<StoredCall> CallApprovals::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(id);
  return found == calls_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<StoredCall> CallApprovals::all() const {
  std::vector<StoredCall> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, each] : calls_) all.push_back(each);
  }
  std::ranges::sort(all, {}, [](const StoredCall& each) {
    return std::pair<Instant, const std::string&>(each.approval.asked_at, each.approval.id);
  });
  return all;
}

}  // namespace writ::task
