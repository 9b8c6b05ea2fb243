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

// Why nobody can be asked to read it; nothing: they can.
std::optional<std::string> unreadable(const CallApproval& asked) {
  if (asked.body.size() > kMaxCallBodyBytes)
    return fmt::format("a call whose body has more than {} bytes cannot be approved", kMaxCallBodyBytes);
  if (!codec::valid_utf8(asked.body))
    return "a call whose body is not text cannot be approved: nobody could read it";
  return std::nullopt;
}

}  // namespace

void CallApprovals::add(std::string id, Entry entry) {
  const auto bytes = entry.stored->approval.body.size();
  auto& of_client = by_client_[entry.stored->approval.call.client];
  // What may fail comes first, so that both know of it or none.
  if (of_client.size() == of_client.capacity())
    of_client.reserve(std::max<std::size_t>(8, of_client.size() * 2));
  std::string key = id;
  calls_.insert_or_assign(std::move(key), std::move(entry));
  of_client.push_back(std::move(id));
  bytes_ += bytes;
}

void CallApprovals::remove(Calls::iterator entry) {
  const auto& approval = entry->second.stored->approval;
  const auto of_client = by_client_.find(approval.call.client);
  std::erase(of_client->second, entry->first);
  if (of_client->second.empty()) by_client_.erase(of_client);
  bytes_ -= approval.body.size();
  calls_.erase(entry);
}

Result<void> CallApprovals::load() {
  const std::lock_guard lock(mutex_);
  for (StoredCall& stored : TRY(store_.load_calls())) {
    auto id = stored.approval.id;
    add(std::move(id), {std::make_shared<const StoredCall>(std::move(stored))});
  }
  return {};
}

Result<void> CallApprovals::prune(Instant now) {
  const std::lock_guard changes(changes_);
  const Instant before = now - kCallRemembered;
  const auto is_old = [&](const Entry& entry) { return entry.stored->approval.until < before; };
  {
    const std::lock_guard lock(mutex_);
    if (std::ranges::none_of(calls_, [&](const auto& each) { return is_old(each.second); })) return {};
  }
  TRY(store_.forget_calls(before));
  const std::lock_guard lock(mutex_);
  for (auto each = calls_.begin(); each != calls_.end();) {
    const auto next = std::next(each);
    if (is_old(each->second)) remove(each);
    each = next;
  }
  return {};
}

// What of the client's is open, as far as it is asked for.
struct CallApprovals::Census {
  const Entry* same = nullptr;
  const std::string* oldest = nullptr;  // of the subject, that nobody has decided on
  std::size_t of_subject = 0, of_client = 0, bytes = 0;
};

CallApprovals::Census CallApprovals::count(const CallApproval& asked) const {
  Census census;
  const auto of_client = by_client_.find(asked.call.client);
  if (of_client == by_client_.end()) return census;
  Instant oldest = Instant::max();
  for (const auto& id : of_client->second) {
    const Entry& entry = calls_.find(id)->second;
    const auto& approval = entry.stored->approval;
    census.bytes += approval.body.size();
    if (!is_open(*entry.stored, asked.asked_at)) continue;
    if (approval.call == asked.call) census.same = &entry;
    ++census.of_client;
    if (approval.call.subject != asked.call.subject) continue;
    ++census.of_subject;
    if (entry.stored->state != CallState::kPending || !entry.saved || approval.asked_at >= oldest) continue;
    oldest = approval.asked_at;
    census.oldest = &id;
  }
  return census;
}

// The id of the one that has to go.
std::expected<std::string, CallApprovals::NotTaken> CallApprovals::make_room(const Census& census,
                                                                             const CallApproval& asked) {
  const auto too_many = [](std::size_t count, std::string_view of) {
    return std::unexpected(
        NotTaken{fmt::format("{} calls{} wait for approval or use already", count, of), true});
  };
  if (asked.body.size() > limits_.bytes / 4 - std::min(limits_.bytes / 4, census.bytes))
    return too_many(census.of_client, " of this client, as many bytes as are kept of one,");
  if (asked.body.size() > limits_.bytes - std::min(limits_.bytes, bytes_))
    return too_many(calls_.size(), ", as many bytes as are kept,");
  const bool subject_full = census.of_subject >= limits_.per_subject;
  const bool client_full = census.of_client >= limits_.per_client;
  if (!subject_full && !client_full) {
    if (calls_.size() < limits_.all) return std::string();
    const auto open = std::ranges::count_if(
        calls_, [&](const auto& each) { return is_open(*each.second.stored, asked.asked_at); });
    if (static_cast<std::size_t>(open) < limits_.all) return std::string();
    return too_many(limits_.all, "");
  }
  if (census.oldest == nullptr)
    return subject_full ? too_many(census.of_subject, " for this subject and client")
                        : too_many(census.of_client, " of this client");
  auto lapsed = *census.oldest;
  remove(calls_.find(lapsed));
  return lapsed;
}

std::expected<CallApprovals::Waiting, CallApprovals::NotTaken> CallApprovals::ask(
    CallApproval asked, const std::function<std::string()>& new_id) {
  if (auto why = unreadable(asked)) return std::unexpected(NotTaken{*std::move(why), false});
  auto write = std::make_unique<Write>();
  const std::lock_guard lock(mutex_);
  const Census census = count(asked);
  if (census.same != nullptr) {
    const auto& approval = census.same->stored->approval;
    // One that is being written is there when what was handed over after it is.
    if (census.same->saved) write = nullptr;
    return Waiting{approval.id, approval.asked_at, false, std::move(write)};
  }
  write->lapsed = TRY(make_room(census, asked));
  asked.id = new_id();
  asked.until = asked.asked_at + kCallLifetime;
  const auto id = asked.id;
  const auto asked_at = asked.asked_at;
  write->call.emplace(asked, CallState::kPending);
  write->settle = [this, id](const Write&, bool done) { settle_new(id, done); };
  auto stored = std::make_shared<const StoredCall>(std::move(asked), CallState::kPending);
  add(id, {.stored = std::move(stored), .saved = false});
  return Waiting{id, asked_at, true, std::move(write)};
}

void CallApprovals::settle_new(std::string_view id, bool done) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (!done) return remove(found);
  found->second.saved = true;
}

std::expected<const CallApprovals::Entry*, Denial> CallApprovals::usable(std::string_view id,
                                                                         const Call& call,
                                                                         Instant now) const {
  const auto found = calls_.find(id);
  if (found == calls_.end() || !found->second.saved)
    return deny_use(Reason::kApprovalUnknown, "there is no approval of the id that the request names");
  const StoredCall& stored = *found->second.stored;
  // First of all, so that nobody learns of another's approval what became of it.
  if (stored.approval.call != call)
    return deny_use(Reason::kApprovalMismatch,
                    fmt::format("approval `{}` is for {}", id, difference(stored.approval.call, call)));
  if (stored.state == CallState::kDenied)
    return deny_use(Reason::kApprovalDenied, fmt::format("approval `{}` was denied", id));
  if (stored.state == CallState::kUsed || found->second.claimed)
    return deny_use(Reason::kApprovalUsed, fmt::format("approval `{}` was used already", id));
  if (now >= stored.approval.until)
    return deny_use(Reason::kApprovalExpired, fmt::format("approval `{}` has expired", id));
  if (stored.state == CallState::kPending)
    return deny_use(Reason::kApprovalPending, fmt::format("approval `{}` waits for somebody to decide", id));
  return &found->second;
}

std::expected<void, Denial> CallApprovals::check(std::string_view id, const Call& call, Instant now) const {
  const std::lock_guard lock(mutex_);
  TRY(usable(id, call, now));
  return {};
}

std::expected<std::unique_ptr<Write>, Denial> CallApprovals::use(std::string_view id, const Call& call,
                                                                 Instant now) {
  auto write = std::make_unique<Write>();
  const std::lock_guard lock(mutex_);
  const auto approval = TRY(usable(id, call, now))->stored->approval;
  write->call.emplace(approval, CallState::kUsed);
  // Made now, so that nothing can fail when it is used.
  auto used = std::make_shared<const StoredCall>(*write->call);
  write->settle = [this, used = std::move(used)](const Write&, bool done) { settle_use(used, done); };
  calls_.find(id)->second.claimed = true;
  return write;
}

void CallApprovals::settle_use(const std::shared_ptr<const StoredCall>& used, bool done) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(used->approval.id);
  if (found == calls_.end()) return;
  if (done) found->second.stored = used;
  found->second.claimed = false;
}

Result<void> CallApprovals::change(StoredCall call, std::string_view by, CallState state) {
  call.approval.decided_by = by;
  call.state = state;
  TRY(store_.save_call_state(call.approval, state));
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(call.approval.id);
  if (found != calls_.end()) {
    found->second.stored = std::make_shared<const StoredCall>(std::move(call));
    return {};
  }
  return failure(ErrorCode::kConflict,
                 fmt::format("approval `{}` was dropped to make room for another", call.approval.id));
}

Result<const StoredCall*> CallApprovals::pending(std::string_view id, Instant now) const {
  const auto found = calls_.find(id);
  if (found == calls_.end() || !found->second.saved)
    return failure(ErrorCode::kNotFound, fmt::format("there is no approval `{}`", id));
  const StoredCall& stored = *found->second.stored;
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
  const std::lock_guard changes(changes_);
  StoredCall call;
  {
    const std::lock_guard lock(mutex_);
    call = *TRY(approvable(id, approver, now));
  }
  return change(std::move(call), approver.user, CallState::kApproved);
}

Result<void> CallApprovals::deny(std::string_view id, std::string_view user, Instant now) {
  const std::lock_guard changes(changes_);
  StoredCall call;
  {
    const std::lock_guard lock(mutex_);
    call = *TRY(pending(id, now));
  }
  return change(std::move(call), user, CallState::kDenied);
}

std::optional<StoredCall> CallApprovals::find(std::string_view id) const {
  std::shared_ptr<const StoredCall> stored;
  {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(id);
    if (found != calls_.end() && found->second.saved) stored = found->second.stored;
  }
  return stored != nullptr ? std::optional(*stored) : std::nullopt;
}

std::vector<std::shared_ptr<const StoredCall>> CallApprovals::all() const {
  std::vector<std::shared_ptr<const StoredCall>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, each] : calls_) {
      if (each.saved) all.push_back(each.stored);
    }
  }
  std::ranges::sort(all, {}, [](const auto& each) {
    return std::pair<Instant, const std::string&>(each->approval.asked_at, each->approval.id);
  });
  return all;
}

std::size_t CallApprovals::size() const {
  const std::lock_guard lock(mutex_);
  return calls_.size();
}

}  // namespace writ::task
