#include "enforce/plain.h"

#include <fmt/format.h>

#include "context/context.h"
#include "decision/awaiting.h"
#include "decision/obligations.h"

namespace writ::enforce {
namespace {

using inventory::Kind;
using inventory::Status;

std::optional<Kind> kind_of(std::string_view type) {
  for (const auto kind : {Kind::kUser, Kind::kApplication, Kind::kService, Kind::kAgent}) {
    if (cedar_type(kind) == type) return kind;
  }
  return std::nullopt;
}

const inventory::Member* member_of(const inventory::Snapshot& inventory, cedar::EntityRef uid) {
  const auto* member = kind_of(uid.type()) ? inventory.find(uid.id()) : nullptr;
  return member != nullptr && member->uid() == uid ? member : nullptr;
}

Reason reason_of(Kind kind, Status status) {
  const bool user = kind == Kind::kUser;
  switch (status) {
    case Status::kRequested:
      return user ? Reason::kSubjectRequested : Reason::kCallerRequested;
    case Status::kLapsed:
      return user ? Reason::kSubjectLapsed : Reason::kCallerLapsed;
    case Status::kExpired:
      return user ? Reason::kSubjectExpired : Reason::kCallerExpired;
    case Status::kSuspended:
      return user ? Reason::kSubjectSuspended : Reason::kCallerSuspended;
    case Status::kActive:
    case Status::kRetired:
      break;
  }
  return user ? Reason::kSubjectSuspended : Reason::kCallerRetired;
}

// Policies know a suspended identity's attributes, but it is nobody's right to act while it lasts.
std::optional<decision::Refusal> standing_of(const inventory::Snapshot& inventory, cedar::EntityRef principal,
                                             Instant now) {
  const auto kind = kind_of(principal.type());
  if (!kind) return std::nullopt;
  const auto* member = member_of(inventory, principal);
  const auto status = member != nullptr ? member->status_at(now) : inventory.ordered(principal.id());
  if (status == Status::kActive) return std::nullopt;
  return decision::Refusal{
      reason_of(*kind, status),
      fmt::format("{} `{}` is {}", kind_name(*kind), principal.id(), status_name(status)),
      principal.to_string(),
      {},
      {}};
}

}  // namespace

PlainQuestion::PlainQuestion(const inventory::Snapshot& inventory, const decision::PolicySnapshot& policies,
                             PlainMemory& memory, const cedar::EntitySource* pushed)
    : inventory_(inventory), policies_(policies), memory_(memory) {
  auto& overlay = memory_.overlay;
  if (!overlay || &overlay->base() != policies.entities.get()) overlay.emplace(*policies.entities);
  overlay->clear();
  overlay->look_in(pushed, memory_.arena);
  memory_.arena.reset();
}

Result<void> PlainQuestion::lay(cedar::EntityRef uid, const std::optional<cedar::Value>& told) {
  if (const auto* member = member_of(inventory_, uid))
    return context::lay_identity(*memory_.overlay, memory_.arena, uid, member->attributes());
  if (told) return context::lay_facts(*memory_.overlay, memory_.arena, uid, *told);
  return {};
}

namespace {

// Grants end by `context.request.time`, which then is not the caller's to say.
cedar::Value at_time(cedar::Arena& arena, cedar::Value context, Instant now) {
  const auto with = [&](const cedar::RecordNode& record, std::string_view name, cedar::Value value) {
    std::vector<cedar::TextField> fields;
    for (const auto& field : record)
      if (field.name->view() != name) fields.push_back(field);
    fields.push_back({arena.text(name), value});
    return cedar::make_record(arena, std::span<const cedar::TextField>(fields));
  };
  const auto& told = context.as_record();
  const cedar::Value* request = told.find("request");
  const bool is_record = request != nullptr && request->is(cedar::Kind::kRecord);
  const auto& facts = is_record ? request->as_record() : *cedar::empty_record();
  return with(told, "request", with(facts, "time", cedar::Value::datetime(cedar::Datetime::from(now))));
}

}  // namespace

PlainRuling PlainQuestion::rule(cedar::Request request, Instant now) const {
  if (policies_.grants != nullptr) request.context = at_time(memory_.arena, request.context, now);
  if (auto stopped = standing_of(inventory_, request.principal, now)) return {.refusal = std::move(stopped)};
  PlainRuling ruling;
  ruling.decision = &decision::decide_plain(policies_, request, *memory_.overlay, memory_.decision);
  if (policies_.with_shadows)
    ruling.shadowed =
        &decision::decide_plain(*policies_.with_shadows, request, *memory_.overlay, memory_.shadows);
  if (!ruling.decision->permitted()) ruling.refusal = ruling.decision->refusals().front();
  // AuthZEN 1.0 lets an enforcement point ignore whatever stands beside `decision`.
  if (ruling.obligations(policies_)) {
    const auto unmet = decision::obligation_unmet();
    ruling.refusal = decision::Refusal{unmet.reason, unmet.message, {}, {}, {}};
  }
  return ruling;
}

PlainRuling PlainQuestion::rule_awaiting(cedar::Request request, Instant now,
                                         std::span<const std::string> awaited) const {
  if (policies_.grants != nullptr) request.context = at_time(memory_.arena, request.context, now);
  if (auto stopped = standing_of(inventory_, request.principal, now)) return {.refusal = std::move(stopped)};
  PlainRuling ruling;
  ruling.decision =
      &decision::decide_plain_awaiting(policies_, request, *memory_.overlay, awaited, memory_.decision);
  if (!ruling.decision->needs_facts()) ruling.refusal = ruling.decision->refusals().front();
  return ruling;
}

std::optional<std::string_view> PlainQuestion::tenant_of(cedar::EntityRef principal) const {
  const auto* member = member_of(inventory_, principal);
  if (member == nullptr || !(*member)->tenant) return std::nullopt;
  return *(*member)->tenant;
}

PlainRuling PlainQuestion::rule_public(const cedar::Request& request) const {
  PlainRuling ruling;
  ruling.decision = &decision::decide_public(policies_, request, *memory_.overlay, memory_.decision);
  if (policies_.with_shadows)
    ruling.shadowed =
        &decision::decide_public(*policies_.with_shadows, request, *memory_.overlay, memory_.shadows);
  if (!ruling.decision->permitted()) ruling.refusal = ruling.decision->refusals().front();
  return ruling;
}

std::shared_ptr<const codec::JsonCut> PlainRuling::obligations(
    const decision::PolicySnapshot& policies) const {
  if (refusal || decision == nullptr) return nullptr;
  return decision::obliged_by(policies.obligations.get(), decision->policies());
}

}  // namespace writ::enforce
