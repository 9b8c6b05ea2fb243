#include "inventory/snapshot.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/entity_json.h"
#include "cedar/ext_datetime.h"

namespace writ::inventory {
namespace {

cedar::Value attributes_of(cedar::Arena& arena, const Identity& identity,
                           std::optional<Instant> reviewed_at) {
  std::vector<cedar::TextField> fields;
  const auto add = [&](std::string_view name, cedar::Value value) {
    fields.push_back({arena.text(name), value});
  };
  if (identity.tenant) add("tenant", cedar::make_string(arena, *identity.tenant));
  if (identity.environment) add("environment", cedar::make_string(arena, *identity.environment));
  if (identity.owner) add("owner", cedar::make_entity(arena, cedar_type(Kind::kUser), *identity.owner));
  if (identity.sponsor) add("sponsor", cedar::make_entity(arena, cedar_type(Kind::kUser), *identity.sponsor));
  if (identity.provider) add("provider", cedar::make_string(arena, *identity.provider));
  if (identity.model) add("model", cedar::make_string(arena, *identity.model));
  if (identity.blueprint) add("blueprint", cedar::make_string(arena, *identity.blueprint));
  if (reviewed_at && identity.kind != Kind::kUser)
    add("reviewedAt", cedar::Value::datetime(cedar::Datetime::from(*reviewed_at)));
  if (identity.kind != Kind::kUser) add("purposes", cedar::make_string_set(arena, identity.purposes));
  bool tools = false;
  const auto own = cedar::record_from_json(arena, identity.attributes);
  WRIT_CHECK(own.has_value());  // validate() has read them
  for (const auto& field : own->as_record()) {
    tools = tools || field.name->view() == "tools";
    fields.push_back(field);
  }
  // The base schema promises agents a set of tools.
  if (identity.kind == Kind::kAgent && !tools) add("tools", cedar::make_set(arena, {}));
  return cedar::make_record(arena, std::span<const cedar::TextField>(fields));
}

std::vector<std::string_view> many_sorted(const std::vector<std::string>& texts) {
  constexpr std::size_t kFew = 16;
  if (texts.size() <= kFew) return {};
  std::vector<std::string_view> sorted(texts.begin(), texts.end());
  std::ranges::sort(sorted);
  return sorted;
}

template <class T>
std::vector<const T*> sorted(std::vector<const T*> items, auto&& id_of) {
  std::sort(items.begin(), items.end(), [&](const T* a, const T* b) { return id_of(*a) < id_of(*b); });
  return items;
}

}  // namespace

Member::Member(Identity identity, Beside beside)
    : identity_(std::move(identity)),
      beside_(std::move(beside)),
      expires_at_(identity_.expires_at.value_or(Instant::max())),
      review_by_(review_by().value_or(Instant::max())),
      many_acts_for_(many_sorted(identity_.acts_for)),
      uid_(arena_.entity(cedar_type(identity_.kind), identity_.id)),
      attributes_(attributes_of(arena_, identity_, reviewed_at())) {}

bool Member::reviewed_over_the_api() const noexcept {
  return beside_.review && (!identity_.reviewed_at || beside_.review->at >= *identity_.reviewed_at);
}

std::optional<Instant> Member::reviewed_at() const noexcept {
  return reviewed_over_the_api() ? std::optional(beside_.review->at) : identity_.reviewed_at;
}

std::optional<Instant> Member::review_by() const noexcept {
  return reviewed_over_the_api() ? std::optional(beside_.review->next) : identity_.review_by;
}

bool Member::acts_for(std::string_view id, Kind kind) const noexcept {
  const auto listed = [&](std::string_view name) {
    if (!many_acts_for_.empty()) return std::ranges::binary_search(many_acts_for_, name);
    return std::find(identity_.acts_for.begin(), identity_.acts_for.end(), name) != identity_.acts_for.end();
  };
  return listed(id) || (kind == Kind::kUser && listed(kAnyUser));
}

Snapshot::Snapshot() {
  shards_.fill(std::make_shared<const Shard>());
}

std::shared_ptr<const Snapshot> Snapshot::empty() {
  return std::shared_ptr<const Snapshot>(new Snapshot);
}

const Member* Snapshot::find(std::string_view id) const noexcept {
  const auto& members = shards_[shard_of(id)]->members;
  const auto found = members.find(id);
  return found == members.end() ? nullptr : found->second.get();
}

Status Snapshot::ordered(std::string_view id) const noexcept {
  const auto& stops = shards_[shard_of(id)]->stops;
  const auto found = stops.find(id);
  return found == stops.end() ? Status::kActive : found->second;
}

const Api* Snapshot::find_api(std::string_view id) const noexcept {
  const auto found = apis_.find(id);
  return found == apis_.end() ? nullptr : found->second.get();
}

const Api* Snapshot::find_audience(std::string_view audience) const noexcept {
  const auto found = apis_by_audience_.find(audience);
  return found == apis_by_audience_.end() ? nullptr : found->second.get();
}

std::size_t Snapshot::size() const noexcept {
  std::size_t size = 0;
  for (const auto& shard : shards_) size += shard->members.size();
  return size;
}

std::size_t Snapshot::stopped() const noexcept {
  std::size_t size = 0;
  for (const auto& shard : shards_) size += shard->stops.size();
  return size;
}

std::size_t Snapshot::stopped_unlisted() const noexcept {
  std::size_t size = 0;
  for (const auto& shard : shards_) size += shard->unlisted;
  return size;
}

std::vector<Snapshot::Known> Snapshot::known_after(std::string_view id, std::size_t count) const {
  constexpr auto kBefore = [](const Known& a, const Known& b) { return a.id < b.id; };
  std::vector<Known> first;  // a heap with the last of them on top
  const auto add = [&](const Known& known) {
    if (known.id <= id || (first.size() == count && known.id >= first.front().id)) return;
    if (first.size() == count) {
      std::pop_heap(first.begin(), first.end(), kBefore);
      first.pop_back();
    }
    first.push_back(known);
    std::push_heap(first.begin(), first.end(), kBefore);
  };
  if (count == 0) return first;
  for (const auto& shard : shards_) {
    for (const auto& [name, member] : shard->members) add({name, member.get(), member->ordered()});
    for (const auto& [name, status] : shard->stops) {
      if (!shard->members.contains(name)) add({name, nullptr, status});
    }
  }
  std::sort_heap(first.begin(), first.end(), kBefore);
  return first;
}

std::vector<const Member*> Snapshot::members() const {
  std::vector<const Member*> all;
  for (const auto& shard : shards_) {
    for (const auto& [id, member] : shard->members) all.push_back(member.get());
  }
  return sorted(std::move(all), [](const Member& m) -> const std::string& { return m->id; });
}

std::vector<const Api*> Snapshot::apis() const {
  std::vector<const Api*> all;
  for (const auto& [id, api] : apis_) all.push_back(api.get());
  return sorted(std::move(all), [](const Api& a) -> const std::string& { return a.id; });
}

std::vector<Stop> Snapshot::stops() const {
  std::vector<Stop> all;
  for (const auto& shard : shards_) {
    for (const auto& [id, status] : shard->stops) all.push_back({id, status});
  }
  std::ranges::sort(all, {}, &Stop::id);
  return all;
}

std::shared_ptr<const Snapshot> Snapshot::with_grants(Grants grants) const {
  std::shared_ptr<Snapshot> next(new Snapshot(*this));
  next->grants_ = std::make_shared<const Grants>(std::move(grants));
  return next;
}

Result<std::shared_ptr<const Snapshot>> Snapshot::with(std::vector<Identity> identities,
                                                       std::vector<Api> apis, std::vector<Stop> stops,
                                                       std::vector<Review> reviews) const {
  std::shared_ptr<Snapshot> next(new Snapshot(*this));
  std::array<std::shared_ptr<Shard>, kShards> copies;
  const auto copy_of = [&](std::string_view id) -> Shard& {
    auto& copy = copies[shard_of(id)];
    if (!copy) copy = std::make_shared<Shard>(*shards_[shard_of(id)]);
    return *copy;
  };
  for (Stop& stop : stops) {
    Shard& shard = copy_of(stop.id);
    if (const auto listed = shard.members.find(stop.id); listed != shard.members.end()) {
      auto beside = listed->second->beside();
      beside.ordered = stop.status;
      listed->second = std::make_shared<const Member>(listed->second->identity(), std::move(beside));
    }
    if (stop.status == Status::kActive) {
      shard.stops.erase(stop.id);
    } else {
      shard.stops.insert_or_assign(std::move(stop.id), stop.status);
    }
  }
  for (Identity& identity : identities) {
    Shard& shard = copy_of(identity.id);
    const auto stop = shard.stops.find(identity.id);
    const auto listed = shard.members.find(identity.id);
    auto beside = listed != shard.members.end() ? listed->second->beside() : Beside();
    beside.ordered = stop == shard.stops.end() ? Status::kActive : stop->second;
    std::string id = identity.id;
    shard.members.insert_or_assign(std::move(id),
                                   std::make_shared<const Member>(std::move(identity), std::move(beside)));
  }
  for (Review& review : reviews) {
    Shard& shard = copy_of(review.id);
    const auto listed = shard.members.find(review.id);
    if (listed == shard.members.end()) continue;
    auto beside = listed->second->beside();
    beside.review = std::move(review);
    listed->second = std::make_shared<const Member>(listed->second->identity(), std::move(beside));
  }
  for (std::size_t i = 0; i < kShards; ++i) {
    if (!copies[i]) continue;
    copies[i]->unlisted = static_cast<std::size_t>(std::ranges::count_if(
        copies[i]->stops, [&](const auto& stop) { return !copies[i]->members.contains(stop.first); }));
    next->shards_[i] = std::move(copies[i]);
  }
  for (Api& api : apis) {
    const Api* holder = next->find_audience(api.audience);
    if (holder != nullptr && holder->id != api.id) {
      return failure(ErrorCode::kConflict, fmt::format("API `{}`: the audience `{}` is API `{}`'s", api.id,
                                                       api.audience, holder->id));
    }
    if (const Api* before = next->find_api(api.id))
      next->apis_by_audience_.erase(std::string(before->audience));
    auto shared = std::make_shared<const Api>(std::move(api));
    next->apis_[shared->id] = shared;
    next->apis_by_audience_[shared->audience] = shared;
  }
  return next;
}

}  // namespace writ::inventory
