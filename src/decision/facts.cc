#include "decision/facts.h"

#include "cedar/entity_json.h"
#include "codec/json.h"
#include "facts/entity_text.h"

namespace writ::decision {
namespace {

using codec::Json;

std::string_view text_or_empty(const std::optional<std::string>& text) noexcept {
  return text ? std::string_view(*text) : std::string_view();
}

// A claim as the decision saw it: where the token leaves it out, what inventory and task say.
std::string_view seen(const token::Claim& claim, const context::Context& context) {
  using token::CarriedClaims;
  if (claim.carried_text == &CarriedClaims::purpose) return context.purpose().value_or("");
  if (claim.carried_text == &CarriedClaims::tenant) return context.tenant().value_or("");
  if (claim.carried_text == &CarriedClaims::environment) return context.environment().value_or("");
  return text_or_empty(context.claims().*claim.carried_text);
}

std::string sources_of(const context::Context& context) {
  Json sources = Json::object();
  for (const auto& note : context.notes()) {
    if (note.gap.empty()) sources.set(note.path, note.source);
  }
  return sources.if_object()->empty() ? std::string() : sources.dump();
}

// Those that a policy read, or a guard.
std::string entities_of(const context::Context& context) {
  if (context.pushed_read().empty()) return {};
  Json entities = Json::array();
  std::size_t bytes = 0;
  for (const cedar::Entity* each : context.pushed_read()) {
    auto json = facts::to_json(*each);
    // More is not recorded, so it need not be written.
    bytes += json.dump().size();
    if (bytes > audit::kMaxObjectBytes) return std::string(audit::kNotRecorded);
    entities.push(std::move(json));
  }
  return entities.dump();
}

template <class TextOf>
void add(audit::Decision& facts, const token::AccessClaims& claims, TextOf text_of) {
  for (const token::Claim& claim : token::claim_table()) {
    if (!claim.recorded) continue;
    if (claim.carried_text != nullptr) facts.claims.add({claim.name, text_of(claim)});
    if (claim.carried_date != nullptr) facts.claims.add({claim.name, {}, claims.*claim.carried_date});
  }
  if (!claims.workload.empty()) facts.workload = token::workload_to_json(claims.workload).dump();
  facts.issued_at = claims.issued_at;
  facts.sender_bound = claims.sender_bound();
}

}  // namespace

void add_facts(audit::Decision& facts, const context::Context& context) {
  add(facts, context.claims(), [&](const token::Claim& claim) { return seen(claim, context); });
  const auto text_of = [](const std::optional<cedar::Value>& told) {
    std::string text;
    if (told && told->as_record().size > 0) cedar::append_json(text, *told);
    return text;
  };
  facts.attributes = text_of(context.told_of_resource());
  facts.input = text_of(context.input());
  facts.sources = sources_of(context);
  facts.entities = entities_of(context);
  if (context.use().amounts.empty()) return;
  Json amounts = Json::object();
  for (const auto& each : context.use().amounts) amounts.set(each.name, each.amount.text());
  facts.amounts = amounts.dump();
}

void add_claims(audit::Decision& facts, const token::AccessClaims& claims) {
  add(facts, claims, [&](const token::Claim& claim) { return text_or_empty(claims.*claim.carried_text); });
}

}  // namespace writ::decision
