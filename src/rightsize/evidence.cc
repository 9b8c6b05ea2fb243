#include "rightsize/evidence.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

#include "cedar/entity_json.h"
#include "cedar/parse.h"

namespace writ::rightsize {
namespace {

using codec::Json;

constexpr char kBetween = '\x1f';
constexpr std::string_view kUserType = "Writ::User";
constexpr std::string_view kApiType = "Writ::Api";

std::string_view text(const Json& record, std::string_view name) {
  const auto* found = record.find_string(name);
  return found != nullptr ? std::string_view(*found) : std::string_view();
}

std::int64_t day_of(Instant time) {
  return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

int hour_of(Instant time) {
  const auto of_day = time - std::chrono::floor<std::chrono::days>(time);
  return static_cast<int>(std::chrono::duration_cast<std::chrono::hours>(of_day).count());
}

// The permits of each party; nothing when the record does not say, or says what cannot be.
std::vector<std::vector<std::string>> permits_in(const digest::RecordKind& kind) {
  std::vector<std::vector<std::string>> parties;
  const auto permits = codec::parse_json(kind.permits);
  if (!permits || permits->if_array() == nullptr) return {};
  for (const Json& party : *permits->if_array()) {
    if (party.if_array() == nullptr) return {};
    auto& of_party = parties.emplace_back();
    for (const Json& place : *party.if_array()) {
      const auto* at = place.if_int();
      if (at == nullptr || *at < 0 || static_cast<std::size_t>(*at) >= kind.policies.size()) return {};
      of_party.push_back(kind.policies[static_cast<std::size_t>(*at)]);
    }
    if (of_party.empty()) return {};
  }
  return parties;
}

}  // namespace

void Days::add(std::int64_t day) {
  if (seen_.empty()) first_ = day;
  if (day < first_) {
    seen_.insert(seen_.begin(), static_cast<std::size_t>(first_ - day), false);
    first_ = day;
  }
  const auto at = static_cast<std::size_t>(day - first_);
  if (at >= seen_.size()) seen_.resize(at + 1);
  seen_[at] = true;
}

void Days::add(const Days& other) {
  for (std::size_t i = 0; i < other.seen_.size(); ++i)
    if (other.seen_[i]) add(other.first_ + static_cast<std::int64_t>(i));
}

std::size_t Days::count() const noexcept {
  return static_cast<std::size_t>(std::ranges::count(seen_, true));
}

void Uses::add(Instant time) {
  if (count++ == 0) {
    first = last = time;
  } else {
    first = std::min(first, time);
    last = std::max(last, time);
  }
  days.add(day_of(time));
}

void Uses::add(const Uses& other) {
  if (other.count == 0) return;
  first = count == 0 ? other.first : std::min(first, other.first);
  last = count == 0 ? other.last : std::max(last, other.last);
  count += other.count;
  days.add(other.days);
}

std::int64_t Evidence::span_days() const noexcept {
  return records == 0 ? 0 : std::chrono::floor<std::chrono::days>(last - first).count();
}

EvidenceReader::EvidenceReader(std::shared_ptr<const inventory::Snapshot> inventory, Window window,
                               ByChance by_chance)
    : inventory_(std::move(inventory)), window_(window), by_chance_(by_chance) {}

Result<void> EvidenceReader::see(const digest::LogReading& reading, const digest::Entry& entry) {
  const std::function<Result<std::string>()> line = [&] { return reading.line(entry); };
  return see({reading.kind(entry.kind), entry.kind, entry.name, reading.name(entry.name), entry.time, line});
}

Result<void> EvidenceReader::see(std::string_view line) {
  const auto told = digest::digest_of(line);
  const auto number = kinds_.add(told.kind.encoded());
  if (number == read_kinds_.size()) read_kinds_.push_back(told.kind);
  const std::function<Result<std::string>()> text_of_it = [&] { return std::string(line); };
  return see({told.kind, number, names_.add(told.name), told.name, told.time, text_of_it});
}

Result<void> EvidenceReader::see(const Item& item) {
  using What = digest::RecordKind::What;
  if (item.kind.what == What::kUnreadable) {
    ++evidence_.unreadable;
    return {};
  }
  // Who there is was said before the window, too.
  if (item.kind.what == What::kEvent) TRY(see_event(item));
  if (item.time < window_.since || item.time >= window_.until) return {};
  if (evidence_.records++ == 0) evidence_.first = evidence_.last = item.time;
  evidence_.first = std::min(evidence_.first, item.time);
  evidence_.last = std::max(evidence_.last, item.time);
  if (item.kind.what == What::kPermitted) return see_permit(item);
  if (item.kind.not_enforced) ++evidence_.not_enforced;
  return {};
}

Result<void> EvidenceReader::see_event(const Item& item) {
  if (item.kind.type != "identity.created" && item.kind.type != "identity.changed") return {};
  const auto record = codec::parse_json(TRY(item.line()));
  const auto identity = record ? codec::parse_json(text(*record, "detail")) : record;
  const auto kind = identity ? inventory::kind_from_name(text(*identity, "kind")) : std::nullopt;
  if (!kind) return {};
  added_.insert_or_assign(item.name, std::string(inventory::cedar_type(*kind)));
  by_number_.clear();
  users_.clear();
  return {};
}

Evidence EvidenceReader::finish() && {
  evidence_.bursts = std::move(bursts_).finish();
  return std::move(evidence_);
}

std::string_view EvidenceReader::type_of(const std::string& id, bool subject) const {
  if (const auto* member = inventory_->find(id)) return inventory::cedar_type((*member)->kind);
  if (const auto found = added_.find(id); found != added_.end()) return found->second;
  // A user of the identity provider. What else nobody lists is not there any more.
  return subject ? kUserType : std::string_view();
}

void EvidenceReader::add_parties(const Item& item, Shape& shape) const {
  const digest::RecordKind& kind = item.kind;
  const auto permits = permits_in(kind);
  std::vector<std::string> ids;
  const auto add = [&](const std::string& id) {
    if (id.empty() || std::ranges::find(ids, id) != ids.end()) return;
    const bool subject = ids.empty() && id != kind.client;
    PartyUse party{std::string(type_of(id, subject)), id, {}, false};
    if (party.type == kUserType) party.id.clear();
    ids.push_back(id);
    shape.parties.push_back(std::move(party));
  };
  if (shape.point == "authzen") {
    if (auto principal = cedar::parse_entity(item.name)) {
      // Principals of the user's own types may be as many as users.
      if (!principal->type.starts_with("Writ::") || principal->type == kUserType) principal->id.clear();
      shape.parties.push_back({principal->type, principal->id, {}, false});
    }
  } else {
    // As context::Context asks them: each once.
    add(item.name);
    add(kind.client);
    for (const auto& actor : kind.actors) add(actor);
  }
  const bool exact = permits.size() == shape.parties.size();
  for (std::size_t i = 0; i < shape.parties.size(); ++i) {
    shape.parties[i].exact = exact;
    shape.parties[i].permits = exact ? permits[i] : kind.policies;
  }
}

Result<void> EvidenceReader::see_permit(const Item& item) {
  // Nobody had to be permitted.
  if (item.kind.is_public) return {};
  ++evidence_.permits;
  TRY(bursts_.see(item.kind, item.kind_number, item.name, item.time, item.line));
  const bool by_chance = by_chance_.ids || by_chance_.addresses || by_chance_.hours;
  if (by_chance || item.kind.point == "authzen") {
    const auto shape = TRY(shape_of(item));
    if (shape < evidence_.shapes.size()) {
      evidence_.shapes[shape].uses.add(item.time);
    } else {
      ++evidence_.unreadable;
    }
    return {};
  }
  // A user is like any other, but for one that is a party in another role, too.
  if (users_.size() <= item.name_number) users_.resize(std::size_t{item.name_number} + 1);
  auto& user = users_[item.name_number];
  if (user == 0) user = type_of(item.name, true) == kUserType && !item.name.empty() ? 1 : 2;
  const bool alike = user == 1 && item.name != item.kind.client &&
                     std::ranges::find(item.kind.actors, item.name) == item.kind.actors.end();
  const auto number =
      std::uint64_t{item.kind_number} << 32 | (alike ? 0 : std::uint64_t{item.name_number} + 1);
  auto found = by_number_.find(number);
  if (found == by_number_.end()) found = by_number_.emplace(number, TRY(shape_of(item))).first;
  if (found->second < evidence_.shapes.size()) {
    evidence_.shapes[found->second].uses.add(item.time);
  } else {
    ++evidence_.unreadable;
  }
  return {};
}

// The number of its shape; that of none when its action or the type of its resource cannot be read.
Result<std::size_t> EvidenceReader::shape_of(const Item& item) {
  const digest::RecordKind& kind = item.kind;
  Shape shape;
  shape.point = kind.point;
  shape.api = kind.api;
  shape.revision = kind.revision;
  shape.purpose = kind.purpose;
  shape.environment = kind.environment;
  shape.resource_type = kind.resource_type;
  // What Writ's own lists show is decided one by one.
  shape.lists = shape.point == "api" && shape.resource_type == kApiType;
  if (by_chance_.hours) shape.hour = hour_of(item.time);
  if (by_chance_.addresses || by_chance_.ids) {
    const auto record = codec::parse_json(TRY(item.line()));
    if (record && by_chance_.addresses) shape.address = text(*record, "peer");
    if (record && by_chance_.ids && !shape.resource_type.empty()) {
      const auto uid = cedar::parse_entity(text(*record, "resource"));
      if (uid) shape.resource_id = uid->id;
    }
  }
  add_parties(item, shape);

  key_.clear();
  const auto add = [&](std::string_view part) {
    key_ += part;
    key_ += kBetween;
  };
  for (const std::string_view part :
       {std::string_view(shape.point), std::string_view(shape.api), std::string_view(kind.action),
        std::string_view(shape.resource_type), std::string_view(shape.revision),
        std::string_view(shape.purpose), std::string_view(shape.environment),
        std::string_view(shape.resource_id), std::string_view(shape.address)})
    add(part);
  add(fmt::to_string(shape.hour));
  for (const PartyUse& party : shape.parties) {
    add(party.type);
    add(party.id);
    add(party.exact ? "exact" : "");
    for (const auto& permit : party.permits) add(permit);
    add("");
  }
  const auto [found, is_new] = known_.try_emplace(key_, evidence_.shapes.size());
  if (!is_new) return found->second;
  if (evidence_.shapes.size() >= kMaxShapes)
    return failure(ErrorCode::kLimit,
                   fmt::format("the log has more than {} kinds of permitted requests; look at a shorter "
                               "time with --since, and without --narrow",
                               kMaxShapes));
  auto uid = cedar::parse_entity(kind.action);
  // What is proposed is written with these names, so they have to be names.
  const bool is_type = shape.resource_type.empty() || cedar::valid_entity_type(shape.resource_type);
  if (!uid || !is_type) {
    known_.erase(found);
    return kMaxShapes;
  }
  shape.action = *std::move(uid);
  shape.example = TRY(item.line());
  for (const auto& id : kind.policies) evidence_.named.try_emplace(id, item.time);
  evidence_.revisions.try_emplace(shape.revision, item.time);
  evidence_.shapes.push_back(std::move(shape));
  return evidence_.shapes.size() - 1;
}

Result<Evidence> read_evidence(const std::vector<audit::Part>& log,
                               std::shared_ptr<const inventory::Snapshot> inventory, Window window,
                               ByChance by_chance, digest::IndexUse index) {
  EvidenceReader reader(std::move(inventory), window, by_chance);
  digest::LogReading reading(log, index);
  TRY(reading.each([&](const digest::Entry& entry) { return reader.see(reading, entry); }));
  return std::move(reader).finish();
}

}  // namespace writ::rightsize
