#include "decision/facts.h"

#include "codec/json.h"

namespace writ::decision {
namespace {

using codec::Json;

std::string_view view(const std::optional<std::string>& text) noexcept {
  return text ? std::string_view(*text) : std::string_view();
}

// As Cedar's JSON writes it. Nothing for what no caller tells of a resource: addresses, decimals and times.
std::optional<Json> to_json(const cedar::Value& value) {
  using cedar::Kind;
  switch (value.kind()) {
    case Kind::kBool:
      return Json(value.as_bool());
    case Kind::kLong:
      return Json(value.as_long());
    case Kind::kString:
      return Json(value.as_string());
    case Kind::kEntity: {
      const auto uid = value.as_entity();
      return Json::object({{"__entity", Json::object({{"type", uid.type()}, {"id", uid.id()}})}});
    }
    case Kind::kSet: {
      Json set = Json::array();
      for (const auto& element : value.as_set()) {
        auto json = to_json(element);
        if (!json) return std::nullopt;
        set.push(*std::move(json));
      }
      return set;
    }
    case Kind::kRecord: {
      Json record = Json::object();
      for (const auto& field : value.as_record()) {
        auto json = to_json(field.value);
        if (!json) return std::nullopt;
        record.set(field.name->view(), *std::move(json));
      }
      return record;
    }
    default:
      return std::nullopt;
  }
}

// A claim as the decision saw it: where the token leaves it out, what inventory and task say.
std::string_view seen(const token::Claim& claim, const context::Context& context) {
  using token::CarriedClaims;
  if (claim.carried_text == &CarriedClaims::purpose) return context.purpose().value_or("");
  if (claim.carried_text == &CarriedClaims::tenant) return context.tenant().value_or("");
  if (claim.carried_text == &CarriedClaims::environment) return context.environment().value_or("");
  return view(context.claims().*claim.carried_text);
}

template <class TextOf>
void add(audit::Decision& facts, const token::AccessClaims& claims, TextOf text_of) {
  for (const token::Claim& claim : token::claim_table()) {
    if (!claim.recorded) continue;
    if (claim.carried_text != nullptr) facts.claims.add({claim.name, text_of(claim)});
    if (claim.carried_date != nullptr) facts.claims.add({claim.name, {}, claims.*claim.carried_date});
  }
  facts.issued_at = claims.issued_at;
  facts.sender_bound = claims.sender_bound();
}

}  // namespace

void add_facts(audit::Decision& facts, const context::Context& context) {
  add(facts, context.claims(), [&](const token::Claim& claim) { return seen(claim, context); });
  if (const auto& told = context.told_of_resource(); told && told->as_record().size > 0) {
    const auto json = to_json(*told);
    facts.attributes = json ? json->dump() : std::string(audit::kNotRecorded);
  }
  if (context.use().amounts.empty()) return;
  Json amounts = Json::object();
  for (const auto& each : context.use().amounts) amounts.set(each.name, each.amount.text());
  facts.amounts = amounts.dump();
}

void add_claims(audit::Decision& facts, const token::AccessClaims& claims) {
  add(facts, claims, [&](const token::Claim& claim) { return view(claims.*claim.carried_text); });
}

}  // namespace writ::decision
