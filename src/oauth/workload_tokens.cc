#include "oauth/workload_tokens.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "codec/name.h"
#include "jose/jws.h"
#include "oauth/issuer_keys.h"
#include "oauth/provider_claims.h"
#include "token/assertion.h"

namespace writ::oauth {
namespace {

using inventory::WorkloadRule;

constexpr std::size_t kShownBytes = 128;  // of a value, to the audit

// Cut between two letters.
std::string shown(std::string_view value) {
  if (value.size() <= kShownBytes) return std::string(value);
  auto end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  return std::string(value.substr(0, end)) + "…";
}

// What of the rule the token does not say; nothing: it says all.
std::optional<Denial> mismatch(const WorkloadToken& token, const WorkloadRule& rule) {
  if (token.audience != rule.audience.value_or(token.by->audience))
    return Denial{Reason::kAudienceMismatch,
                  fmt::format("the token is for `{}`, and the rule wants `{}`", shown(token.audience),
                              rule.audience.value_or(token.by->audience))};
  for (const auto& condition : rule.claims) {
    const auto value = inventory::claim_text(token.claims, condition.path);
    if (value && std::ranges::find(condition.values, *value) != condition.values.end()) continue;
    return Denial{
        Reason::kCallerUnknown,
        fmt::format("the token's `{}` is {}, and the rule wants `{}`", inventory::claim_name(condition.path),
                    value ? "`" + shown(*value) + "`" : std::string("absent"),
                    fmt::join(condition.values, "` or `"))};
  }
  return std::nullopt;
}

WorkloadFacts facts_of(const WorkloadToken& token, const WorkloadRule& rule) {
  WorkloadFacts facts;
  for (const auto& [name, path] : rule.facts) {
    auto value = inventory::claim_text(token.claims, path);
    // One that cannot be a claim of Writ's is absent, and what needs it is refused.
    if (value && value->size() <= inventory::kMaxWorkloadFactBytes && !codec::name_problem(*value))
      facts.emplace_back(name, *std::move(value));
  }
  return facts;
}

}  // namespace

const TrustedIssuer* workload_issuer(const TrustedIssuers& issuers, std::string_view text) {
  auto named = token::unverified_issuer(text);
  if (!named) named = token::unverified_trust_domain(text);
  const auto* by = named ? issuers.find(*named) : nullptr;
  return by != nullptr && by->workloads != nullptr ? by : nullptr;
}

std::expected<WorkloadToken, Denial> verify_workload(const TrustedIssuers& issuers, const TrustedIssuer& by,
                                                     std::string_view text, Times now) {
  const auto keys = issuers.keys_in_force(by, now);
  if (keys == nullptr) return std::unexpected(keys_unknown(by));
  token::AssertionRules rules{.issuer = by.issuer,
                              .keys = *keys,
                              .audiences = {},
                              .types = {"", "JWT"},
                              .max_lifetime = by.max_token_lifetime,
                              .needs_issued_at = true,
                              .tolerance = by.tolerance,
                              .algorithms = by.algorithms.value_or(crypto::kAllAlgorithms),
                              .needs_issuer = by.workloads->name != "spiffe"};
  if (!by.workloads->type.empty()) rules.types.push_back(by.workloads->type);
  auto verified = TRY(token::verify_assertion(text, rules, now));
  // Each of several could pass it on.
  if (verified.audiences.size() != 1)
    return std::unexpected(Denial{Reason::kAudienceMismatch, "the token is not for this server alone"});
  if (auto other = never_a_client(*by.workloads, verified.claims)) return std::unexpected(*std::move(other));
  if (!by.workloads->used_again && !verified.jti)
    return std::unexpected(
        Denial{Reason::kTokenMalformed, "the token has no `jti`, and could be used twice"});
  return WorkloadToken{&by,
                       std::move(verified.subject),
                       std::move(verified.audiences.front()),
                       std::move(verified.jti),
                       verified.expires_at,
                       std::move(verified.claims)};
}

std::expected<WorkloadFacts, Denial> satisfies(const WorkloadToken& token,
                                               const inventory::Identity& identity) {
  std::optional<Denial> first;
  for (const auto& rule : identity.workloads) {
    if (rule.issuer != token.by->issuer) continue;
    auto why = mismatch(token, rule);
    if (!why) return facts_of(token, rule);
    if (!first) first = std::move(why);
  }
  return std::unexpected(
      first ? *std::move(first)
            : Denial{Reason::kCallerUnknown, fmt::format("client `{}` has no `workload` of issuer `{}`",
                                                         identity.id, token.by->issuer)});
}

bool wait_for_workload_keys(const TrustedIssuers& issuers, std::string_view text,
                            std::move_only_function<void()>& then) {
  const auto* by = workload_issuer(issuers, text);
  if (by == nullptr || by->fetched == nullptr) return false;
  const auto jws = jose::parse_jws(text, jose::Signers::kOthers);
  return jws && by->fetched->wait_for(jws->kid(), then);
}

}  // namespace writ::oauth
