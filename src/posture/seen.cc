#include "posture/seen.h"

#include <fmt/format.h>

#include "audit/record.h"
#include "audit/verify.h"
#include "codec/json.h"
#include "control/own_api.h"

namespace writ::posture {
namespace {

constexpr codec::JsonLimits kRecordLimits{.max_bytes = 512 * 1024};

std::string_view text(const codec::Json& record, std::string_view name) {
  const auto* found = record.find_string(name);
  return found != nullptr ? std::string_view(*found) : std::string_view();
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

Result<UseSeen> UseSeen::read(const std::vector<audit::Part>& parts, Instant since, Instant until) {
  UseSeen seen;
  for (const auto& part : parts) {
    Result<void> added;
    const auto read = audit::read_after({part}, 0, [&](std::string_view line) {
      added = seen.add(line, since, until);
      return added.has_value();
    });
    if (!read) return std::unexpected(read.error());
    if (!added) return std::unexpected(Error(added.error()).in(part.path.string()));
  }
  return seen;
}

Result<void> UseSeen::add(std::string_view line, Instant since, Instant until) {
  auto parsed = codec::parse_json(line, kRecordLimits);
  if (!parsed)
    return failure(ErrorCode::kCorrupt, fmt::format("the record after {} records is not JSON: {}", records_,
                                                    parsed.error().message));
  const auto* number = parsed->find("seq");
  const auto at = audit::parse_time(text(*parsed, "time"));
  if (number == nullptr || number->if_int() == nullptr || !at)
    return failure(
        ErrorCode::kCorrupt,
        fmt::format("the record after {} records has no `seq` and `time`: is this an audit log?", records_));
  ++records_;
  if (*at > until) return {};
  const Shown shown{static_cast<std::uint64_t>(*number->if_int()), *at};
  const auto type = text(*parsed, "type");
  // What operators did is so however long ago it was.
  if (type.starts_with("identity.")) add_event(type, *parsed, shown);
  if (*at < since) return {};
  if (!first_) first_ = *at;
  last_ = *at;
  if (type == "decision") add_decision(*parsed, shown);
  return {};
}

void UseSeen::add_decision(const codec::Json& record, Shown shown) {
  if (text(record, "effect") != "permit") return;
  const bool in_task = record.find("task") != nullptr;
  const auto* bound = record.find("sender_bound");
  const bool sender_bound = bound != nullptr && bound->if_bool() != nullptr && *bound->if_bool();
  const auto subject = text(record, "subject"), client = text(record, "client");
  const auto each = [&](std::string_view id) {
    if (!id.empty()) note(identities_[std::string(id)], shown, in_task, sender_bound);
  };
  each(subject);
  if (client != subject) each(client);
  std::size_t links = 0;
  if (const auto* actors = record.find("actors"); actors != nullptr && actors->if_array() != nullptr) {
    for (const auto& actor : *actors->if_array()) {
      const auto* id = actor.if_string();
      if (id == nullptr) continue;
      ++links;
      if (*id != subject && *id != client) each(*id);
    }
  }
  if (!deepest_ || links > deepest_->first) deepest_ = {links, shown};
  if (const auto* policies = record.find("policies");
      policies != nullptr && policies->if_array() != nullptr) {
    for (const auto& policy : *policies->if_array())
      if (policy.if_string() != nullptr) note(policies_[*policy.if_string()], shown, in_task, sender_bound);
  }
  // For itself: the subject of the token is the client.
  if (text(record, "point") == "api" && text(record, "api") == control::kOwnApi && !subject.empty() &&
      subject == client) {
    auto& [use, action] = operating_[std::string(client)];
    note(use, shown, in_task, sender_bound);
    action = text(record, "action");
  }
}

void UseSeen::add_event(std::string_view type, const codec::Json& record, Shown shown) {
  const std::string id(text(record, "object"));
  if (id.empty()) return;
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
