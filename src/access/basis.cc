#include "access/basis.h"

#include <algorithm>
#include <fmt/format.h>

#include "decision/minted_claims.h"

namespace writ::access {
namespace {

const cedar::EntityUid kIssue{"Writ::Action", "issue"};
const cedar::EntityUid kDelegate{"Writ::Action", "delegate"};

void put_date(std::string& out, const std::optional<Instant>& date) {
  put_part(out, date ? fmt::format("{}", unix_millis(*date)) : std::string());
}

}  // namespace

Basis::Basis(const Frame& frame, std::span<const cedar::PolicyReading> policies,
             const std::set<std::string, std::less<>>& told_later)
    : frame_(frame),
      readings_(policies),
      policies_(policies.size()),
      entities_(*frame.policies.entities, frame.pushed) {
  std::string types;
  for (const std::string& type : told_later) put_part(types, type);
  told_later_ = crypto::sha256(types);
}

const crypto::Digest& Basis::of_policy(cedar::PolicyIndex policy) {
  auto& known = policies_[policy];
  if (known) return *known;
  std::string text;
  put_part(text, readings_[policy].text);
  for (const cedar::Value constant : readings_[policy].constants) {
    for (const auto uid : EntityDigests::entities_in(constant)) put_part(text, entities_.from(uid));
  }
  return known.emplace(crypto::sha256(text));
}

const crypto::Digest& Basis::from(const cedar::EntityUid& uid) {
  const auto [found, is_new] = from_.try_emplace(fmt::format("{}:{}{}", uid.type.size(), uid.type, uid.id));
  if (!is_new) return found->second;
  cedar::Arena arena;
  return found->second = entities_.from(arena.entity(uid.type, uid.id));
}

// What may be tried as the resource. Those that policies name are among what these read.
const crypto::Digest& Basis::of_resources(const Asked& asked) {
  const Target& target = asked.target;
  const std::string type = type_to_try(target);
  if (target.resource) return from({type, *target.resource});
  const auto [found, is_new] = resources_.try_emplace(type);
  if (!is_new) return found->second;
  std::string text;
  put_part(text, from({type, std::string(kAnyResource)}));
  for (const std::string& id : asked.resources) {
    put_part(text, id);
    put_part(text, from({type, id}));
  }
  return found->second = crypto::sha256(text);
}

// How it stands at the instant, and when that ends.
std::string Basis::text_of_standing(const ChainLink& link) const {
  std::string text;
  const auto* member = link.member;
  const auto status = member != nullptr ? member->status_at(frame_.at) : frame_.inventory.ordered(link.id);
  put_part(text, inventory::status_name(status));
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
  put_part(text, link.id);
  put_part(text, text_of_standing(link));
  put_part(text, from(link.uid()));
  if (link.member != nullptr) {
    // What other systems say of it permits nothing.
    inventory::Identity identity = link.member->identity();
    identity.evidence = {};
    put_part(text, inventory::identity_record(identity));
    for (const auto uid : EntityDigests::entities_in(link.member->attributes()))
      put_part(text, entities_.from(uid));
    if (identity.needs_owner && identity.owner)
      put_part(text, text_of_standing({*identity.owner, frame_.inventory.find(*identity.owner)}));
  }
  found->second = crypto::sha256(text);
  return found->second;
}

const crypto::Digest& Basis::of_api(const inventory::Api& api) {
  const auto [found, is_new] = apis_.try_emplace(api.id);
  if (!is_new) return found->second;
  std::string text;
  put_part(text, inventory::api_record(api));
  const auto* contracts = frame_.policies.minted_claims.get();
  if (const auto* contract = contracts != nullptr ? contracts->find(api.id) : nullptr) {
    for (const auto* tokens : {&contract->outside_tasks, &contract->in_task}) {
      std::string claims;
      for (const token::Claim& claim : token::claim_table()) claims += tokens->wants(claim) ? '1' : '0';
      put_part(text, claims);
    }
  }
  found->second = crypto::sha256(text);
  return found->second;
}

crypto::Digest Basis::of(const Asked& asked) {
  const Target& target = asked.target;
  std::string text = fmt::format("{} {} {} {} ", static_cast<int>(target.point), asked.wanted.conditions,
                                 asked.wanted.witness, frame_.policies.max_chain);
  put_part(text, told_later_);
  put_part(text, of_api(*target.api));
  put_part(text, target.action.type);
  put_part(text, target.action.id);
  put_part(text, target.resource_type);
  put_part(text, target.resource ? "one" : "any");
  put_part(text, target.resource.value_or(""));
  if (target.point == Point::kUse) {
    put_part(text, from(target.action));
    put_part(text, of_resources(asked));
  } else {
    put_part(text, from(kIssue));
    put_part(text, from(kDelegate));
    put_part(text, from({"Writ::Api", target.api->id}));
  }
  put_part(text, fmt::format("{} parties", asked.certain.chain().size()));
  for (const ChainLink& link : asked.certain.chain()) put_part(text, of_member(link));
  for (const auto& step : asked.policies) {
    put_part(text, fmt::format("{} policies", step.size()));
    for (const cedar::PolicyIndex policy : step) put_part(text, of_policy(policy));
  }
  cedar::Arena arena;
  for (const Instant time : asked.times) {
    put_date(text, time);
    put_part(text, frame_.policies.calendars->in_force(time, arena).to_string());
  }
  if (asked.reads_use) {
    for (const ChainLink& link : asked.certain.chain())
      put_part(text, fmt::format("{}", link.member != nullptr ? link.member->use().last_or_activation() : 0));
  }
  return crypto::sha256(text);
}

}  // namespace writ::access
