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

}  // namespace

void add_facts(audit::Decision& facts, const context::Context& context) {
  add_claims(facts, context.claims());
  facts.purpose = context.purpose().value_or("");
  facts.tenant = context.tenant().value_or("");
  facts.environment = context.environment().value_or("");
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
  facts.purpose = view(claims.purpose);
  facts.tenant = view(claims.tenant);
  facts.environment = view(claims.environment);
  facts.subject_issuer = view(claims.subject_issuer);
  facts.acr = view(claims.acr);
  facts.issued_at = claims.issued_at;
  facts.auth_time = claims.auth_time;
  facts.sender_bound = claims.key_thumbprint.has_value();
}

}  // namespace writ::decision
