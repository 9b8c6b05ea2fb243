#include "posture/seen.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/json.h"
#include "control/own_api.h"

namespace writ::posture {
namespace {

std::string_view text(const codec::Json& record, std::string_view name) {
  const auto* found = record.find_string(name);
  return found != nullptr ? std::string_view(*found) : std::string_view();
}

// What people do to Writ. Machines open their own tasks, ask for decisions, and push what they know.
bool is_for_people(std::string_view action) {
  constexpr std::string_view kOfMachines[] = {"request-tasks",   "read-tasks",    "evaluate",
                                              "manage-entities", "read-entities", "forget-facts"};
  return std::ranges::none_of(kOfMachines, [&](std::string_view each) {
    return action == fmt::format("{}::Action::\"{}\"", control::kOwnNamespace, each);
  });
}

void note(UseOf& use, Shown shown, bool in_task, bool bound) {
  ++use.permits;
  use.last = shown;
  if (!in_task) {
    ++use.without_task;
    use.last_without_task = shown;
  }
  if (!bound) {
    ++use.unbound;
    use.last_unbound = shown;
  }
}

}  // namespace

// What a kind of record means here is looked up once.
class UseSeen::Reader {
 public:
  Reader(UseSeen& seen, const digest::LogReading& reading, Instant since, Instant until)
      : seen_(seen), reading_(reading), since_(since), until_(until) {}

  Result<void> add(const digest::Entry& entry) {
    using What = digest::RecordKind::What;
    const digest::RecordKind& kind = reading_.kind(entry.kind);
    if (kind.what == What::kUnreadable)
      return failure(ErrorCode::kCorrupt,
                     fmt::format("what stands behind {} records is not one, with its number and time: is "
                                 "this an audit log?",
                                 seen_.records_));
    ++seen_.records_;
    if (entry.time > until_) return {};
    const Shown shown{entry.number, entry.time};
    // What operators did is so however long ago it was.
    if (kind.type.starts_with("identity.")) {
      const auto record = codec::parse_json(TRY(reading_.line(entry)));
      if (record) seen_.add_event(kind.type, *record, shown);
    }
    if (entry.time < since_) return {};
    if (!seen_.first_) seen_.first_ = entry.time;
    seen_.last_ = entry.time;
    if (kind.what == What::kPermitted) add_permit(entry, kind, shown);
    return {};
  }

 private:
  struct Means {
    bool known = false;
    UseOf* client = nullptr;  // null: there is none
    std::vector<UseOf*> others, policies;
    std::size_t links = 0;
    bool operates = false;
  };

  const Means& means(std::uint32_t number, const digest::RecordKind& kind) {
    if (means_.size() <= number) means_.resize(std::size_t{number} + 1);
    Means& means = means_[number];
    if (means.known) return means;
    means.known = true;
    // Places in these maps stay.
    if (!kind.client.empty()) means.client = &seen_.identities_[kind.client];
    for (const auto& actor : kind.actors) means.others.push_back(&seen_.identities_[actor]);
    for (const auto& policy : kind.policies) means.policies.push_back(&seen_.policies_[policy]);
    means.links = kind.actors.size();
    means.operates = kind.point == "api" && kind.api == control::kOwnApi && is_for_people(kind.action);
    return means;
  }

  void add_permit(const digest::Entry& entry, const digest::RecordKind& kind, Shown shown) {
    const Means& means = this->means(entry.kind, kind);
    const auto& name = reading_.name(entry.name);
    if (subjects_.size() <= entry.name) subjects_.resize(std::size_t{entry.name} + 1);
    UseOf*& subject = subjects_[entry.name];
    if (subject == nullptr && !name.empty()) subject = &seen_.identities_[name];
    const auto each = [&](UseOf* use) { note(*use, shown, kind.in_task, kind.sender_bound); };
    if (subject != nullptr) each(subject);
    if (means.client != nullptr && means.client != subject) each(means.client);
    for (UseOf* other : means.others)
      if (other != subject && other != means.client) each(other);
    if (!seen_.deepest_ || means.links > seen_.deepest_->first) seen_.deepest_ = {means.links, shown};
    for (UseOf* policy : means.policies) each(policy);
    // For itself: the subject of the token is the client.
    if (means.operates && subject != nullptr && subject == means.client) {
      auto& [use, action] = seen_.operating_[kind.client];
      note(use, shown, kind.in_task, kind.sender_bound);
      action = kind.action;
    }
  }

  UseSeen& seen_;
  const digest::LogReading& reading_;
  const Instant since_, until_;
  std::vector<Means> means_;      // by the number of the kind
  std::vector<UseOf*> subjects_;  // by the number of the name
};

Result<UseSeen> UseSeen::read(const std::vector<audit::Part>& parts, Instant since, Instant until,
                              digest::IndexUse index) {
  UseSeen seen;
  digest::LogReading reading(parts, index);
  Reader reader(seen, reading, since, until);
  std::uint32_t part = 0;
  const auto read = reading.each([&](const digest::Entry& entry) {
    part = entry.part;
    return reader.add(entry);
  });
  if (!read && read.error().code == ErrorCode::kCorrupt)
    return std::unexpected(Error(read.error()).in(parts[part].path.string()));
  if (!read) return std::unexpected(read.error());
  return seen;
}

void UseSeen::add_event(std::string_view type, const codec::Json& record, Shown shown) {
  const std::string id(text(record, "object"));
  if (id.empty()) return;
  if (type == "identity.created") made_at_.insert_or_assign(id, shown);
  if (type == "identity.created" || type == "identity.changed") {
    // An identity that is shown in another form than this one reads is not known here, and its use is.
    if (auto identity = inventory::identity_from_shown(text(record, "detail")))
      made_.insert_or_assign(id, *std::move(identity));
  } else if (type == "identity.suspended") {
    ordered_.insert_or_assign(id, std::pair{inventory::Status::kSuspended, shown});
  } else if (type == "identity.retired") {
    ordered_.insert_or_assign(id, std::pair{inventory::Status::kRetired, shown});
  } else if (type == "identity.activated" || type == "identity.recovered") {
    ordered_.erase(id);
  } else if (type == "identity.reviewed") {
    reviewed_.insert_or_assign(id, shown);
  }
}

}  // namespace writ::posture
