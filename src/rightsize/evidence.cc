#include "rightsize/evidence.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

#include "audit/record.h"
#include "audit/verify.h"
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

// "Billing::Invoice" of `Billing::Invoice::"17"`, without reading the id.
std::string_view type_in(std::string_view entity) {
  return entity.substr(0, std::min(entity.find("::\""), entity.size()));
}

std::vector<std::string> texts(const Json* list) {
  std::vector<std::string> all;
  if (list == nullptr || list->if_array() == nullptr) return all;
  for (const Json& each : *list->if_array())
    if (const auto* one = each.if_string()) all.push_back(*one);
  return all;
}

// The permits of each party; nothing when the record does not say, or says what cannot be.
std::vector<std::vector<std::string>> permits_in(const Json& record,
                                                 const std::vector<std::string>& policies) {
  std::vector<std::vector<std::string>> parties;
  const Json* permits = record.find("permits");
  if (permits == nullptr || permits->if_array() == nullptr) return {};
  for (const Json& party : *permits->if_array()) {
    if (party.if_array() == nullptr) return {};
    auto& of_party = parties.emplace_back();
    for (const Json& place : *party.if_array()) {
      const auto* at = place.if_int();
      if (at == nullptr || *at < 0 || static_cast<std::size_t>(*at) >= policies.size()) return {};
      of_party.push_back(policies[static_cast<std::size_t>(*at)]);
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

Result<void> EvidenceReader::see(std::string_view line) {
  const auto record = codec::parse_json(line);
  const auto time = record ? audit::parse_time(text(*record, "time")) : std::nullopt;
  if (!time || !record->is_object()) {
    ++evidence_.unreadable;
    return {};
  }
  const bool decision = text(*record, "type") == "decision";
  // Who there is was said before the window, too.
  if (!decision) see_event(*record);
  if (*time < window_.since || *time >= window_.until) return {};
  if (evidence_.records++ == 0) evidence_.first = evidence_.last = *time;
  evidence_.first = std::min(evidence_.first, *time);
  evidence_.last = std::max(evidence_.last, *time);
  if (!decision) return {};
  if (text(*record, "effect") == "permit") return see_permit(*record, line, *time);
  if (record->find("not_enforced") != nullptr) ++evidence_.not_enforced;
  return {};
}

void EvidenceReader::see_event(const Json& record) {
  const auto type = text(record, "type");
  if (type != "identity.created" && type != "identity.changed") return;
  const auto identity = codec::parse_json(text(record, "detail"));
  const auto kind = identity ? inventory::kind_from_name(text(*identity, "kind")) : std::nullopt;
  if (kind)
    added_.insert_or_assign(std::string(text(record, "object")), std::string(inventory::cedar_type(*kind)));
}

std::string_view EvidenceReader::type_of(const std::string& id, bool subject) const {
  if (const auto* member = inventory_->find(id)) return inventory::cedar_type((*member)->kind);
  if (const auto found = added_.find(id); found != added_.end()) return found->second;
  // A user of the identity provider. What else nobody lists is not there any more.
  return subject ? kUserType : std::string_view();
}

void EvidenceReader::add_parties(const Json& record, Shape& shape) {
  const auto policies = texts(record.find("policies"));
  const auto permits = permits_in(record, policies);
  std::vector<std::string> ids;
  const auto add = [&](std::string id) {
    if (id.empty() || std::ranges::find(ids, id) != ids.end()) return;
    const bool subject = ids.empty() && id != text(record, "client");
    PartyUse party{std::string(type_of(id, subject)), id, {}, false};
    if (party.type == kUserType) party.id.clear();
    ids.push_back(std::move(id));
    shape.parties.push_back(std::move(party));
  };
  if (shape.point == "authzen") {
    if (auto principal = cedar::parse_entity(text(record, "subject"))) {
      // Principals of the user's own types may be as many as users.
      if (!principal->type.starts_with("Writ::") || principal->type == kUserType) principal->id.clear();
      shape.parties.push_back({principal->type, principal->id, {}, false});
    }
  } else {
    // As context::Context asks them: each once.
    add(std::string(text(record, "subject")));
    add(std::string(text(record, "client")));
    for (auto& actor : texts(record.find("actors"))) add(std::move(actor));
  }
  const bool exact = permits.size() == shape.parties.size();
  for (std::size_t i = 0; i < shape.parties.size(); ++i) {
    shape.parties[i].exact = exact;
    shape.parties[i].permits = exact ? permits[i] : policies;
  }
}

Result<void> EvidenceReader::see_permit(const Json& record, std::string_view line, Instant time) {
  // Nobody had to be permitted.
  if (record.find("public") != nullptr) return {};
  ++evidence_.permits;
  Shape shape;
  shape.point = text(record, "point");
  shape.api = text(record, "api");
  shape.revision = text(record, "policy_revision");
  shape.purpose = text(record, "purpose");
  shape.environment = text(record, "environment");
  const auto resource = text(record, "resource");
  shape.resource_type = type_in(resource);
  // The elements of a list may be of another type. What Writ's own lists show is decided one by one.
  if (record.find("elements") != nullptr) shape.resource_type.clear();
  shape.lists = shape.point == "api" && shape.resource_type == kApiType;
  // A list that was cut does not name all that may have permitted it.
  const Json* cut = record.find("cut");
  if (cut != nullptr && cut->find("policies") != nullptr) shape.revision.clear();
  if (by_chance_.hours) shape.hour = hour_of(time);
  if (by_chance_.addresses) shape.address = text(record, "peer");
  if (by_chance_.ids && !shape.resource_type.empty()) {
    const auto uid = cedar::parse_entity(resource);
    if (uid) shape.resource_id = uid->id;
  }
  add_parties(record, shape);

  key_.clear();
  const auto add = [&](std::string_view part) {
    key_ += part;
    key_ += kBetween;
  };
  const auto action = text(record, "action");
  for (const std::string_view part : {std::string_view(shape.point), std::string_view(shape.api), action,
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
  if (is_new) {
    if (evidence_.shapes.size() >= kMaxShapes)
      return failure(ErrorCode::kLimit,
                     fmt::format("the log has more than {} kinds of permitted requests; look at a shorter "
                                 "time with --since, and without --narrow",
                                 kMaxShapes));
    auto uid = cedar::parse_entity(action);
    if (!uid) {
      known_.erase(found);
      ++evidence_.unreadable;
      return {};
    }
    shape.action = *std::move(uid);
    shape.example = line;
    for (const auto& id : texts(record.find("policies"))) evidence_.named.try_emplace(id, time);
    evidence_.revisions.try_emplace(shape.revision, time);
    evidence_.shapes.push_back(std::move(shape));
  }
  evidence_.shapes[found->second].uses.add(time);
  return {};
}

Result<Evidence> read_evidence(const std::vector<audit::Part>& log,
                               std::shared_ptr<const inventory::Snapshot> inventory, Window window,
                               ByChance by_chance) {
  EvidenceReader reader(std::move(inventory), window, by_chance);
  Result<void> seen;
  TRY(audit::read_after(log, 0, [&](std::string_view line) {
    seen = reader.see(line);
    return seen.has_value();
  }));
  if (!seen) return std::unexpected(std::move(seen.error()));
  return std::move(reader).finish();
}

}  // namespace writ::rightsize
