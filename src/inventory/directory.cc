#include "inventory/directory.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unordered_map>
#include <unordered_set>

#include "base/notice.h"
#include "inventory/declaration.h"
#include "inventory/delegation.h"

namespace writ::inventory {
namespace {

bool same(const Identity& a, const Identity& b) {
  return identity_record(a) == identity_record(b);
}
bool same(const Api& a, const Api& b) {
  return api_record(a) == api_record(b);
}

std::unexpected<Error> retired(std::string_view id) {
  return failure(ErrorCode::kConflict, fmt::format("identity `{}` is retired, which cannot be undone", id));
}

// Of those whose edges are new.
Result<void> check_circles(const Snapshot& inventory, const std::vector<Identity>& changed) {
  static const std::vector<std::string> kNobody;
  std::unordered_map<std::string_view, const Identity*> now;
  for (const Identity& identity : changed) now[identity.id] = &identity;
  const auto acts_for = [&](std::string_view id) -> const std::vector<std::string>& {
    if (const auto found = now.find(id); found != now.end()) return found->second->acts_for;
    const Member* member = inventory.find(id);
    return member != nullptr ? (*member)->acts_for : kNobody;
  };
  std::vector<std::string_view> ids;
  for (const Identity& identity : changed) {
    if (!identity.acts_for.empty()) ids.push_back(identity.id);
  }
  const DelegationCircles circles(ids, acts_for);
  for (const Identity& identity : changed) {
    if (identity.acts_for.empty()) continue;
    const auto circle = circles.through(identity.id);
    if (!circle.empty())
      return failure(ErrorCode::kInvalid, fmt::format("identity `{}`: `acts_for` goes in a circle: {}",
                                                      identity.id, fmt::join(circle, ", ")));
  }
  return {};
}

}  // namespace

std::shared_ptr<const Snapshot> Directory::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void Directory::publish(std::shared_ptr<const Snapshot> next) {
  if (follower_) follower_(next);
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(next);
}

void Directory::follow(Follower follower) {
  const std::lock_guard lock(changes_);
  follower_ = std::move(follower);
  follower_(snapshot());
}

Result<void> Directory::commit(Change change, const Put& put, std::optional<Grants> grants) {
  // The next snapshot is made first: what cannot be shown must not be stored.
  auto next = TRY(snapshot()->with(change.identities, change.apis, change.stops, change.reviews));
  if (grants) next = next->with_grants(*std::move(grants));
  activate(*next, change);
  TRY(store_.save_inventory(change));
  if (put) {
    put([&] { publish(std::move(next)); });
  } else {
    publish(std::move(next));
  }
  return {};
}

Result<void> Directory::load() {
  const std::lock_guard lock(changes_);
  auto stored = TRY(store_.load_inventory());
  auto next = TRY(Snapshot::empty()->with(std::move(stored.identities), std::move(stored.apis),
                                          std::move(stored.stops), std::move(stored.reviews)));
  for (const UsedDays& used : stored.used) {
    if (const Member* member = next->find(used.id)) member->use().restore(used);
  }
  Grants grants;
  for (GrantRecord& record : stored.grant_records) grants[record.id].said = std::move(record);
  publish(next->with_grants(std::move(grants)));
  return {};
}

Grants Directory::declared_grants(const Snapshot& now, std::vector<Grant> grants, Change& change) const {
  Grants next = now.grants();
  for (auto& [id, state] : next) state.declared.reset();
  for (Grant& grant : grants) {
    GrantState& state = next[grant.id];
    state.said.id = grant.id;
    // Else it would come back when the configuration does not declare it any more.
    if (state.said.given) {
      state.said.given.reset();
      change.grant_records.push_back(state.said);
    }
    state.declared = std::move(grant);
  }
  std::erase_if(next, [](const auto& each) { return !each.second.declared && each.second.said.empty(); });
  return next;
}

Result<void> Directory::change_grants(std::vector<GrantRecord> records, const Put& put) {
  const std::lock_guard lock(changes_);
  Grants next = snapshot()->grants();
  Change change;
  for (GrantRecord& record : records) {
    if (record.given) TRY(validate(*record.given));
    GrantState& state = next[record.id];
    state.said = record;
    if (!state.declared && record.empty()) next.erase(record.id);
    change.grant_records.push_back(std::move(record));
  }
  const auto given =
      std::ranges::count_if(next, [](const auto& each) { return each.second.said.given.has_value(); });
  const bool adds =
      std::ranges::any_of(change.grant_records, [](const auto& each) { return each.given.has_value(); });
  if (adds && static_cast<std::size_t>(given) > limits_.given_grants)
    return failure(ErrorCode::kLimit,
                   fmt::format("{} grants are given over the API, as many as there is room for: revoke some, "
                               "or declare them in the configuration",
                               limits_.given_grants));
  return commit(std::move(change), put, std::move(next));
}

// Those that become active by this change for the first time. What the store then refuses was active for
// nobody, and the day is the same when it is tried again soon.
void Directory::activate(const Snapshot& next, Change& change) const {
  if (limits_.clock == nullptr) return;
  const auto today = day_of(limits_.clock->earliest());
  const auto look = [&](std::string_view id) {
    const Member* member = next.find(id);
    if (member == nullptr || member->status() != Status::kActive || !member->use().activate(today)) return;
    change.used.push_back({std::string(id), today, member->use().first(), member->use().last()});
  };
  for (const Identity& identity : change.identities) look(identity.id);
  for (const Stop& stop : change.stops) look(stop.id);
}

Result<std::size_t> Directory::keep_use() {
  const std::lock_guard lock(changes_);
  const auto now = snapshot();
  Change change;
  for (const Member* member : now->members()) {
    Use& use = member->use();
    // Those that were there before anybody counted.
    const bool activated = limits_.clock != nullptr && member->status() == Status::kActive &&
                           use.active_since() == 0 && use.activate(day_of(limits_.clock->earliest()));
    if (activated || use.to_keep())
      change.used.push_back({(*member)->id, use.active_since(), use.first(), use.last()});
  }
  if (change.used.empty()) return 0;
  TRY(store_.save_inventory(change));
  for (const UsedDays& used : change.used) now->find(used.id)->use().kept(used.last);
  return change.used.size();
}

Result<void> Directory::check_review(const Review& review) const {
  const auto now = snapshot();
  const Member* member = now->find(review.id);
  if (member == nullptr)
    return failure(ErrorCode::kNotFound, fmt::format("there is no identity `{}`", review.id));
  if (member->status() == Status::kRetired) return retired(review.id);
  if (review.next <= review.at) return failure(ErrorCode::kInvalid, "the next review must be after this one");
  return {};
}

Result<void> Directory::review(Review review) {
  const std::lock_guard lock(changes_);
  TRY(check_review(review));
  Change change;
  change.reviews.push_back(std::move(review));
  return commit(std::move(change));
}

Result<Change> declaration(const Snapshot& now, Change declared) {
  Change change;
  std::unordered_set<std::string> ids;
  for (Identity& identity : declared.identities) {
    TRY(validate(identity));
    identity.declared = true;
    if (!ids.insert(identity.id).second)
      return failure(ErrorCode::kConflict, fmt::format("identity `{}` is declared twice", identity.id));
    const Member* stored = now.find(identity.id);
    if (stored != nullptr && (*stored)->kind != identity.kind) {
      return failure(ErrorCode::kConflict,
                     fmt::format("identity `{}` was of kind {} before, a kind cannot change", identity.id,
                                 kind_name((*stored)->kind)));
    }
    if (stored == nullptr || !same(stored->identity(), identity))
      change.identities.push_back(std::move(identity));
  }
  for (const Member* member : now.members()) {
    if (!(*member)->declared || (*member)->dropped || ids.contains((*member)->id)) continue;
    Identity dropped = member->identity();
    dropped.configured_status = Status::kRetired;
    dropped.dropped = true;
    change.identities.push_back(std::move(dropped));
  }
  for (Api& api : declared.apis) {
    TRY(validate(api));
    api.declared = true;
    const Api* stored = now.find_api(api.id);
    if (stored == nullptr || !same(*stored, api)) change.apis.push_back(std::move(api));
  }
  TRY(check_circles(now, change.identities));
  return change;
}

Result<void> Directory::declare(Change declared, const Put& put) {
  const std::lock_guard lock(changes_);
  const auto now = snapshot();
  auto declared_now = std::move(declared.grants);
  Change change = TRY(declaration(*now, std::move(declared)));
  std::optional<Grants> grants;
  if (!declared_now.empty() || !now->grants().empty())
    grants = declared_grants(*now, std::move(declared_now), change);
  if (change.identities.empty() && change.apis.empty() && !grants) {
    if (put) put([] {});
    return {};
  }
  return commit(std::move(change), put, std::move(grants));
}

// Who is not in the configuration is stopped by orders alone.
Result<void> Directory::create(Identity identity, Status ordered) {
  identity.configured_status = Status::kActive;
  TRY(validate(identity));
  const std::lock_guard lock(changes_);
  const auto now = snapshot();
  if (now->find(identity.id) != nullptr)
    return failure(ErrorCode::kConflict, fmt::format("there is an identity `{}` already", identity.id));
  if (now->ordered(identity.id) == Status::kRetired) return retired(identity.id);
  Change change;
  if (ordered != Status::kActive) change.stops.push_back({identity.id, ordered});
  change.identities.push_back(std::move(identity));
  TRY(check_circles(*now, change.identities));
  return commit(std::move(change));
}

Result<void> Directory::create(Api api) {
  TRY(validate(api));
  const std::lock_guard lock(changes_);
  if (snapshot()->find_api(api.id) != nullptr)
    return failure(ErrorCode::kConflict, fmt::format("there is an API `{}` already", api.id));
  Change change;
  change.apis.push_back(std::move(api));
  return commit(std::move(change));
}

Result<void> Directory::update(Identity identity, std::optional<Status> ordered) {
  identity.configured_status = Status::kActive;
  TRY(validate(identity));
  const std::lock_guard lock(changes_);
  const auto now = snapshot();
  const Member* before = now->find(identity.id);
  if (before == nullptr)
    return failure(ErrorCode::kNotFound, fmt::format("there is no identity `{}`", identity.id));
  if ((*before)->kind != identity.kind)
    return failure(ErrorCode::kConflict, fmt::format("identity `{}` is of kind {}, a kind cannot change",
                                                     identity.id, kind_name((*before)->kind)));
  if ((*before)->declared)
    return failure(
        ErrorCode::kConflict,
        fmt::format("identity `{}` is declared in the configuration, change it there", identity.id));
  if (before->ordered() == Status::kRetired) return retired(identity.id);
  Change change;
  if (ordered && *ordered != before->ordered()) change.stops.push_back({identity.id, *ordered});
  change.identities.push_back(std::move(identity));
  TRY(check_circles(*now, change.identities));
  return commit(std::move(change));
}

// Who is in the inventory, or takes part in something, is never refused a place: their number is bounded by
// what the configuration declares and by whom providers vouch for.
Result<void> Directory::check_room(const Snapshot& now, std::string_view id) const {
  if (now.find(id) != nullptr || now.stopped_unlisted() < limits_.unlisted_stops) return {};
  if (limits_.active && limits_.active(id)) return {};
  stops_refused_.fetch_add(1, std::memory_order_relaxed);
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(fmt::format(
        "{} ids are stopped that are not in the inventory, as many as `limits.max_unlisted_stops` "
        "allows: stops of others that take part in nothing are refused ({} times)",
        now.stopped_unlisted(), *times));
  return failure(
      ErrorCode::kLimit,
      fmt::format("`{}` is not in the inventory and takes part in nothing, and {} such ids are stopped "
                  "already, as many as `limits.max_unlisted_stops` allows: activate those that need no stop, "
                  "add the identity to the inventory as suspended, or raise the limit",
                  id, now.stopped_unlisted()));
}

Result<void> Directory::check_order(std::string_view id, Status status) const {
  if (const auto problem = codec::name_problem(id))
    return failure(ErrorCode::kInvalid, fmt::format("the id {}", *problem));
  const auto now = snapshot();
  const Status before = now->ordered(id);
  if (before == Status::kRetired && status != Status::kRetired) return retired(id);
  if (before == Status::kActive && status != Status::kActive) return check_room(*now, id);
  if (before != status || status != Status::kActive) return {};
  const Member* member = now->find(id);
  if (member == nullptr) return failure(ErrorCode::kNotFound, fmt::format("there is no identity `{}`", id));
  if (member->status() == Status::kActive) return {};
  return failure(
      ErrorCode::kConflict,
      fmt::format("the configuration says that identity `{}` is {}, {}", id, status_name(member->status()),
                  (*member)->dropped ? "because it is not declared there any more" : "change it there"));
}

Result<void> Directory::order(std::string_view id, Status status) {
  const std::lock_guard lock(changes_);
  TRY(check_order(id, status));
  if (snapshot()->ordered(id) == status) return {};
  return commit({.identities = {}, .apis = {}, .stops = {{std::string(id), status}}});
}

}  // namespace writ::inventory
