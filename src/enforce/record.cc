#include "enforce/record.h"

#include <array>
#include <charconv>

#include "decision/facts.h"
#include "decision/shadow.h"
#include "token/foreign.h"

namespace writ::enforce {
namespace {

std::string_view view(const std::optional<std::string>& text) noexcept {
  return text ? std::string_view(*text) : std::string_view();
}

// A token that is asked for has its own facts, and no id before it is made.
void add_claims(audit::Decision& facts, const Told& told) {
  const auto& claims = *told.claims;
  for (const auto& actor : claims.actors) facts.actors.push_back(actor.subject);
  facts.task = view(claims.task);
  if (told.kind == context::Point::kIssue) {
    decision::add_claims(facts, claims);
    if (!told.refusal) facts.token_id = claims.jti;
  } else {
    facts.subject = claims.subject;
    facts.client = claims.client_id;
    facts.token_id = claims.jti;
    // An API key is nobody's word; its id says that it was one.
    if (claims.foreign != nullptr && !claims.foreign->api_key) facts.token_issuer = claims.issuer;
  }
}

// "[[0],[1,2]]": a list for each party.
void append_carried(std::string& out, std::span<const decision::Decision::Carried> carried) {
  std::uint32_t party = 0;
  for (const auto& each : carried) {
    if (out.empty()) {
      out = "[[";
    } else if (each.party != party) {
      out += "],[";
    } else {
      out += ',';
    }
    party = each.party;
    std::array<char, 10> digits;
    out.append(digits.data(), std::to_chars(digits.begin(), digits.end(), each.policy).ptr);
  }
  if (!out.empty()) out += "]]";
}

}  // namespace

std::string_view written(std::string& place, std::string_view type, std::string_view id) {
  place.clear();
  cedar::append_entity(place, type, id);
  return place;
}

Said said(const decision::Refusal& refusal) {
  return {
      refusal.reason == Reason::kIndeterminate ? decision::Effect::kIndeterminate : decision::Effect::kDeny,
      reason_code(refusal.reason), refusal.message, refusal.party, refusal.policies};
}

audit::Record record_of(Instant time, const Told& told) {
  std::vector<std::string_view> refusing;  // policies
  audit::Decision facts{.point = told.point,
                        .effect = effect_name(decision::Effect::kPermit),
                        .request_id = told.request_id,
                        .subject = told.subject,
                        .client = told.client,
                        .api = told.api,
                        .action = told.action,
                        .resource = told.resource,
                        .approval = told.approval,
                        .method = told.sent.method,
                        .path = told.sent.path,
                        .peer = told.sent.peer_ip,
                        .enforced = !told.observed,
                        .anonymous = told.anonymous,
                        .standing = told.standing};
  if (told.claims != nullptr) add_claims(facts, told);
  if (told.context != nullptr && told.kind == context::Point::kUse) decision::add_facts(facts, *told.context);
  if (told.policies != nullptr) facts.policy_revision = told.policies->revision;
  if (told.refusal) {
    facts.effect = effect_name(told.refusal->effect);
    facts.reason = told.refusal->reason;
    facts.message = told.refusal->message;
    facts.party = told.refusal->party;
    refusing.assign(told.refusal->policies.begin(), told.refusal->policies.end());
    facts.policies = refusing;
  } else {
    if (told.decision != nullptr) facts.policies = told.decision->policies();
    // Elements of a list may each be carried by others.
    if (!told.permitting.empty()) {
      facts.policies = told.permitting;
    } else if (told.decision != nullptr) {
      append_carried(facts.permits, told.decision->carried());
    }
    facts.labels.assign(told.labels.begin(), told.labels.end());
    if (told.obligations != nullptr) facts.obligations = told.obligations->to_json().dump();
  }
  facts.elements = told.elements;
  if (told.context == nullptr) {
    facts.attributes = told.attributes;
    facts.sources = told.sources;
  }
  decision::add_shadows(facts, told.policies, told.shadowed);
  return audit::make_record(time, facts);
}

}  // namespace writ::enforce
