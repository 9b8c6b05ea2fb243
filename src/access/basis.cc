#include "access/basis.h"

#include <algorithm>
#include <fmt/format.h>

#include "decision/minted_claims.h"

namespace writ::access {
namespace {

// So that no two lists of texts make one text.
void put(std::string& out, std::string_view text) {
  out += fmt::format("{}:", text.size());
  out += text;
}

void put(std::string& out, const crypto::Digest& digest) {
  out += crypto::as_bytes(digest);
}

void put_date(std::string& out, const std::optional<Instant>& date) {
  put(out, date ? fmt::format("{}", unix_millis(*date)) : std::string());
}

crypto::Digest digest_of(const cedar::Entities& entities) {
  std::vector<std::string> all;
  all.reserve(entities.size());
  for (const cedar::Entity& entity : entities.all()) {
    std::string text;
    put(text, entity.uid.to_string());
    put(text, cedar::Value::record(entity.attributes).to_string());
    put(text, cedar::Value::record(entity.tags).to_string());
    std::vector<std::string> parents;
    for (const cedar::EntityRef parent : entity.parents) parents.push_back(parent.to_string());
    std::ranges::sort(parents);
    for (const std::string& parent : parents) put(text, parent);
    all.push_back(std::move(text));
  }
  // In the order in which they stand: the first of each type are tried.
  std::string whole;
  for (const std::string& text : all) put(whole, text);
  return crypto::sha256(whole);
}

}  // namespace

Basis::Basis(const Frame& frame, std::span<const cedar::PolicyReading> policies)
    : frame_(frame), entities_(digest_of(*frame.policies.entities)) {
  policies_.reserve(policies.size());
  for (const cedar::PolicyReading& policy : policies) policies_.push_back(crypto::sha256(policy.text));
}

// How it stands at the instant, and when that ends.
std::string Basis::text_of_standing(const ChainLink& link) const {
  std::string text;
  const auto* member = link.member;
  const auto status = member != nullptr ? member->status_at(frame_.at) : frame_.inventory.ordered(link.id);
  put(text, inventory::status_name(status));
  if (member == nullptr) return text;
  put_date(text, (*member)->expires_at);
  put_date(text, member->review_by());
  put_date(text, member->reviewed_at());
  return text;
}

const crypto::Digest& Basis::of_member(const ChainLink& link) {
  const auto [found, is_new] = members_.try_emplace(link.id);
  if (!is_new) return found->second;
  std::string text;
  put(text, link.id);
  put(text, text_of_standing(link));
  if (link.member != nullptr) {
    // What other systems say of it permits nothing.
    inventory::Identity identity = link.member->identity();
    identity.evidence = {};
    put(text, inventory::identity_record(identity));
    if (identity.needs_owner && identity.owner)
      put(text, text_of_standing({*identity.owner, frame_.inventory.find(*identity.owner)}));
  }
  found->second = crypto::sha256(text);
  return found->second;
}

const crypto::Digest& Basis::of_api(const inventory::Api& api) {
  const auto [found, is_new] = apis_.try_emplace(api.id);
  if (!is_new) return found->second;
  std::string text;
  put(text, inventory::api_record(api));
  const auto* contracts = frame_.policies.minted_claims.get();
  if (const auto* contract = contracts != nullptr ? contracts->find(api.id) : nullptr) {
    for (const auto* tokens : {&contract->outside_tasks, &contract->in_task}) {
      std::string claims;
      for (const token::Claim& claim : token::claim_table()) claims += tokens->wants(claim) ? '1' : '0';
      put(text, claims);
    }
  }
  found->second = crypto::sha256(text);
  return found->second;
}

crypto::Digest Basis::of(const Asked& asked) {
  const Target& target = asked.target;
  std::string text = fmt::format("{} {} {} {} ", static_cast<int>(target.point), asked.wanted.conditions,
                                 asked.wanted.witness, frame_.policies.max_chain);
  put(text, of_api(*target.api));
  put(text, target.action.type);
  put(text, target.action.id);
  put(text, target.resource_type);
  put(text, target.resource ? "one" : "any");
  put(text, target.resource.value_or(""));
  put(text, entities_);
  put(text, fmt::format("{} parties", asked.certain.chain().size()));
  for (const ChainLink& link : asked.certain.chain()) put(text, of_member(link));
  for (const auto& step : asked.policies) {
    put(text, fmt::format("{} policies", step.size()));
    for (const cedar::PolicyIndex policy : step) put(text, policies_[policy]);
  }
  cedar::Arena arena;
  for (const Instant time : asked.times) {
    put_date(text, time);
    put(text, frame_.policies.calendars->in_force(time, arena).to_string());
  }
  if (asked.reads_use) {
    for (const ChainLink& link : asked.certain.chain())
      put(text, fmt::format("{}", link.member != nullptr ? link.member->use().last_or_activation() : 0));
  }
  return crypto::sha256(text);
}

}  // namespace writ::access
