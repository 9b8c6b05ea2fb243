#include "enforce/ruling.h"

#include <fmt/format.h>

#include "decision/guards.h"

namespace writ::enforce {
namespace {

context::Inputs inputs_of(const Facts& facts, const Deciding& deciding, Memory& memory) {
  memory.context.reset();
  auto& arena = memory.context.arena();
  context::Inputs inputs{.request = {facts.time, facts.method, facts.path, facts.peer_ip},
                         .api = facts.api,
                         .action = arena.entity(facts.action.type, facts.action.id),
                         .resource = arena.entity(facts.resource.type, facts.resource.id),
                         .inventory = deciding.inventory,
                         .task = deciding.task,
                         .entities = *deciding.policies.entities,
                         .calendars = *deciding.policies.calendars,
                         .amounts = facts.amounts,
                         .notes = facts.notes,
                         .pushed = deciding.pushed,
                         .approved = facts.approved,
                         .last_used = deciding.policies.reads_last_used,
                         .budget_taken = facts.budget_taken};
  // Before all else that is put together: it comes from memory meanwhile.
  if (deciding.pushed != nullptr) deciding.pushed->seek(inputs.resource);
  if (facts.input) inputs.input = facts.input(arena);
  if (facts.attributes) inputs.resource_attributes = facts.attributes(arena);
  return inputs;
}

void ask_shadows(Ruling& ruling, const Deciding& deciding, Memory& memory, Shadows shadows) {
  if (shadows == Shadows::kAsked)
    ruling.shadowed = decision::decide_with_shadows(deciding.policies, ruling.context, memory.shadows);
}

Result<Ruling> ruled(Result<context::Context> context, const Deciding& deciding, Memory& memory,
                     Shadows shadows, decision::Reasons reasons) {
  Ruling ruling{TRY(std::move(context)), nullptr};
  ruling.decision = &decision::decide(deciding.policies, ruling.context, memory.decision, reasons);
  ask_shadows(ruling, deciding, memory, shadows);
  return ruling;
}

}  // namespace

std::optional<decision::Refusal> Ruling::refusal() const {
  if (decision->permitted()) return std::nullopt;
  // Without a permit and without a reason something is broken.
  if (decision->refusals().empty())
    return decision::Refusal{Reason::kIndeterminate, "the decision gave no answer", {}, {}, {}};
  auto first = decision->refusals().front();
  if (first.reason != Reason::kContextMissing) return first;
  for (const context::FactNote& note : context.notes()) {
    // A resource that nothing is told of is missing as a whole.
    const bool below =
        note.path.starts_with(first.path) && note.path.substr(first.path.size()).starts_with('.');
    if (!note.gap.empty() && (note.path == first.path || below))
      first.message += fmt::format("; `{}` has it from `{}`: {}", note.path, note.source, note.gap);
  }
  return first;
}

std::string_view Ruling::guard(const decision::PolicySnapshot& policies) const {
  for (const decision::Guard& guard : decision::guards()) {
    if (guard.check(context, policies)) return guard.name;
  }
  return {};
}

Result<Ruling> rule_on_use(const token::Verified& token, const Facts& facts, const Deciding& deciding,
                           Memory& memory, Shadows shadows, decision::Reasons reasons) {
  const auto inputs = inputs_of(facts, deciding, memory);
  return ruled(context::Context::of_use(token, inputs, memory.context), deciding, memory, shadows, reasons);
}

Result<Ruling> rule_awaiting(const token::Verified& token, const Facts& facts,
                             std::span<const std::string> awaited, const Deciding& deciding, Memory& memory) {
  const auto inputs = inputs_of(facts, deciding, memory);
  Ruling ruling{TRY(context::Context::of_use(token, inputs, memory.context)), nullptr};
  ruling.decision = &decision::decide_awaiting(deciding.policies, ruling.context, awaited, memory.decision);
  return ruling;
}

Result<void> rule_again(Ruling& ruling, Times time, const Attributes& attributes, bool budget_taken,
                        const Deciding& deciding, Memory& memory, Shadows shadows) {
  std::optional<cedar::Value> of_resource;
  if (attributes) of_resource = attributes(memory.context.arena());
  TRY(ruling.context.go_on(time, of_resource, budget_taken, memory.decision.time_is_read()));
  ruling.decision = &decision::decide_later(deciding.policies, ruling.context, memory.decision);
  ask_shadows(ruling, deciding, memory, shadows);
  return {};
}

Result<Ruling> rule_on_issue(const token::AccessClaims& claims, const Facts& facts, const Deciding& deciding,
                             Memory& memory, Shadows shadows, decision::Reasons reasons) {
  const auto inputs = inputs_of(facts, deciding, memory);
  return ruled(context::Context::of_issue(claims, inputs, memory.context), deciding, memory, shadows,
               reasons);
}

}  // namespace writ::enforce
