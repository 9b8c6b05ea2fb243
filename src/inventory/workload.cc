#include "inventory/workload.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "codec/members.h"
#include "codec/name.h"
#include "inventory/identity.h"

namespace writ::inventory {
namespace {

using codec::Json;
using codec::Members;

constexpr std::array<std::string_view, 13> kFacts{
    "account", "email", "environment", "event",          "namespace", "owner",   "pod",
    "project", "ref",   "repository",  "serviceAccount", "subject",   "workflow"};

constexpr std::size_t kThumbprintChars = 43;  // base64url of 32 bytes

std::unexpected<Error> wrong(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

std::optional<std::string> scalar_text(const Json& value) {
  if (const auto* text = value.if_string()) return *text;
  const bool number = value.if_int() != nullptr;
  return number || value.if_bool() != nullptr ? std::optional(value.dump()) : std::nullopt;
}

Result<std::string> value_of(const Json& json, const ClaimNames& path) {
  auto text = scalar_text(json);
  if (!text) return wrong(fmt::format("the claim `{}` is compared with texts", claim_name(path)));
  if (text->empty() || text->size() > kMaxConditionBytes || codec::name_problem(*text))
    return wrong(
        fmt::format("a value of the claim `{}` is empty, too long or not printable", claim_name(path)));
  if (text->find('*') != text->npos)
    return wrong(
        fmt::format("`{}` is compared exactly, and `*` stands for nothing: write the values out", *text));
  return *std::move(text);
}

Result<void> add_conditions(const Json& json, ClaimNames& path, std::vector<ClaimCondition>& all) {
  if (const auto* members = json.if_object()) {
    if (members->empty() && path.empty()) return {};
    if (members->empty()) return wrong(fmt::format("`{}` says nothing of the claim", claim_name(path)));
    if (path.size() == kMaxConditionDepth)
      return wrong(fmt::format("`{}` goes deeper than {} names", claim_name(path), kMaxConditionDepth));
    for (const auto& [name, value] : *members) {
      path.push_back(name);
      TRY(add_conditions(value, path, all));
      path.pop_back();
    }
    return {};
  }
  if (path.empty()) return wrong("`claims` must be a map from claims to the values that they must have");
  if (all.size() == kMaxConditions)
    return failure(ErrorCode::kLimit, fmt::format("`claims` has more than {} claims", kMaxConditions));
  ClaimCondition condition{path, {}};
  if (const auto* list = json.if_array()) {
    if (list->empty()) return wrong(fmt::format("no value of the claim `{}` is named", claim_name(path)));
    if (list->size() > kMaxConditionValues)
      return failure(ErrorCode::kLimit, fmt::format("the claim `{}` has more than {} values",
                                                    claim_name(path), kMaxConditionValues));
    for (const Json& each : *list) condition.values.push_back(TRY(value_of(each, path)));
  } else {
    condition.values.push_back(TRY(value_of(json, path)));
  }
  all.push_back(std::move(condition));
  return {};
}

// The values by the way to each, as conditions_from_json() reads them.
void put_condition(const ClaimCondition& condition, std::size_t at, Json& into) {
  const std::string& name = condition.path[at];
  if (at + 1 == condition.path.size()) {
    into.set(name, condition.values.size() == 1 ? Json(condition.values.front())
                                                : codec::json_texts(condition.values));
    return;
  }
  const auto* there = into.find(name);
  Json inner = there != nullptr ? *there : Json::object();
  put_condition(condition, at + 1, inner);
  into.set(name, std::move(inner));
}

Result<ClaimNames> names_of(const Json& json) {
  if (const auto* one = json.if_string(); one != nullptr && !one->empty()) return ClaimNames{*one};
  ClaimNames names;
  const auto* list = json.if_array();
  if (list == nullptr || list->empty() || list->size() > kMaxConditionDepth)
    return wrong("a fact comes from a claim, or from the names on the way to a member of one");
  for (const Json& each : *list) {
    const auto* name = each.if_string();
    if (name == nullptr || name->empty()) return wrong("the names of claims are texts");
    names.push_back(*name);
  }
  return names;
}

Result<void> read_rule_facts(const Json& json, WorkloadRule& rule) {
  const auto* members = json.if_object();
  if (members == nullptr) return wrong("`facts` must be a map from facts to the claims that they come from");
  for (const auto& [name, value] : *members) {
    if (std::ranges::find(kFacts, name) == kFacts.end())
      return wrong(
          fmt::format("`{}` is not a fact of a workload, expected one of {}", name, fmt::join(kFacts, ", ")));
    rule.facts.emplace_back(name, TRY(names_of(value)));
  }
  return {};
}

}  // namespace

std::span<const std::string_view> workload_fact_names() noexcept {
  return kFacts;
}

std::string claim_name(const ClaimNames& path) {
  return fmt::format("{}", fmt::join(path, "."));
}

std::optional<std::string> claim_text(const Json& claims, const ClaimNames& path) {
  const Json* at = &claims;
  for (const auto& name : path) {
    at = at->find(name);
    if (at == nullptr) return std::nullopt;
  }
  return scalar_text(*at);
}

Result<std::vector<ClaimCondition>> conditions_from_json(const Json& json) {
  if (!json.is_object()) return wrong("`claims` must be a map from claims to the values that they must have");
  std::vector<ClaimCondition> all;
  ClaimNames path;
  TRY(add_conditions(json, path, all));
  if (all.empty()) return wrong("`claims` is empty, so every token of the issuer would do");
  return all;
}

const ClaimCondition* condition_of(const WorkloadRule& rule, const ClaimNames& path) noexcept {
  const auto found = std::ranges::find(rule.claims, path, &ClaimCondition::path);
  return found != rule.claims.end() ? &*found : nullptr;
}

bool could_be_one(const WorkloadRule& one, const WorkloadRule& other) noexcept {
  if (one.issuer != other.issuer || (one.audience && other.audience && one.audience != other.audience))
    return false;
  return std::ranges::none_of(one.claims, [&](const ClaimCondition& mine) {
    const auto* theirs = condition_of(other, mine.path);
    return theirs != nullptr && std::ranges::none_of(mine.values, [&](const auto& value) {
             return std::ranges::find(theirs->values, value) != theirs->values.end();
           });
  });
}

Result<WorkloadRule> workload_from_json(const Json& json) {
  const auto members = TRY(Members::of(json, "the workload", {"issuer", "audience", "claims", "facts"}));
  WorkloadRule rule{.issuer = TRY(members.text("issuer", 512))};
  rule.audience = TRY(members.optional_text("audience", 512));
  const Json* claims = members.find("claims");
  if (claims == nullptr) return members.wrong("claims", "is missing: any token of the issuer would do");
  rule.claims = TRY(conditions_from_json(*claims));
  if (const Json* facts = members.find("facts")) TRY(read_rule_facts(*facts, rule));
  return rule;
}

Json workload_to_json(const WorkloadRule& rule) {
  Json json = Json::object({{"issuer", rule.issuer}});
  if (rule.audience) json.set("audience", *rule.audience);
  Json claims = Json::object();
  for (const auto& condition : rule.claims) put_condition(condition, 0, claims);
  json.set("claims", std::move(claims));
  if (rule.facts.empty()) return json;
  Json facts = Json::object();
  for (const auto& [name, path] : rule.facts) facts.set(name, codec::json_texts(path));
  json.set("facts", std::move(facts));
  return json;
}

Result<CertificateRule> certificate_from_json(const Json& json) {
  const auto members = TRY(Members::of(json, "the certificate", {"uri", "dns", "sha256"}));
  CertificateRule rule{.uri = TRY(members.optional_text("uri", 512)).value_or(""),
                       .dns = TRY(members.optional_text("dns", 253)).value_or(""),
                       .thumbprint = TRY(members.optional_text("sha256", kThumbprintChars)).value_or("")};
  const int given = !rule.uri.empty() + !rule.dns.empty() + !rule.thumbprint.empty();
  if (given != 1) return wrong("a certificate is known by one of `uri`, `dns` and `sha256`");
  if (!rule.thumbprint.empty() && rule.thumbprint.size() != kThumbprintChars)
    return members.wrong("sha256", "is not a SHA-256 in base64url, which has 43 characters");
  if (rule.uri.find('*') != rule.uri.npos || rule.dns.find('*') != rule.dns.npos)
    return wrong("the names of a certificate are compared exactly, and `*` stands for nothing");
  return rule;
}

Json certificate_to_json(const CertificateRule& rule) {
  if (!rule.uri.empty()) return Json::object({{"uri", rule.uri}});
  if (!rule.dns.empty()) return Json::object({{"dns", rule.dns}});
  return Json::object({{"sha256", rule.thumbprint}});
}

}  // namespace writ::inventory
