#include "simulate/what_if.h"

#include <fmt/format.h>

#include "decision/minted_claims.h"
#include "token/presented.h"

namespace writ::simulate {

Result<std::unique_ptr<WhatIf>> WhatIf::make(std::string issuer) {
  std::vector<jose::PrivateJwk> keys;
  keys.push_back(TRY(jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa)));
  auto ring = TRY(token::KeyRing::of(std::move(keys)));
  return std::unique_ptr<WhatIf>(new WhatIf(std::move(issuer), std::move(ring)));
}

WhatIf::WhatIf(std::string issuer, std::unique_ptr<token::KeyRing> ring)
    : ring_(std::move(ring)),
      minter_(*ring_),
      verifier_({.issuer = std::move(issuer), .cache_entries = 64}, ring_->snapshot()->public_keys,
                revocations_, replays_) {}

// The ruling, with what it borrows.
struct WhatIf::Posed {
  std::optional<token::Verified> verified;
  enforce::Memory memory;
  std::optional<enforce::Ruling> ruling;
};

Result<std::optional<Denial>> WhatIf::rule(const Hypothesis& hypothesis, const enforce::Deciding& state,
                                           enforce::Shadows shadows, Posed& posed,
                                           std::span<const std::string> awaited) const {
  const auto* api = state.inventory.find_api(hypothesis.api);
  if (api == nullptr)
    return failure(ErrorCode::kNotFound, fmt::format("there is no API `{}`", hypothesis.api));
  if (!hypothesis.claims) return token::Presented::from_headers({}).error();
  const auto& claims = *hypothesis.claims;
  const enforce::Facts facts{.time = hypothesis.time,
                             .method = hypothesis.method,
                             .path = hypothesis.path,
                             .peer_ip = hypothesis.peer_ip,
                             .api = *api,
                             .action = {hypothesis.action.type, hypothesis.action.id},
                             .resource = {hypothesis.resource.type, hypothesis.resource.id},
                             .attributes = hypothesis.attributes,
                             .amounts = hypothesis.amounts,
                             .approved = hypothesis.approved,
                             .input = hypothesis.input,
                             .notes = hypothesis.notes};
  if (hypothesis.issue) {
    posed.ruling.emplace(TRY(enforce::rule_on_issue(claims, facts, state, posed.memory, shadows)));
    return std::nullopt;
  }
  // Like a real one it carries what the API asks for, and no more.
  const auto* audience = state.inventory.find_audience(claims.audience);
  const auto contract = audience != nullptr
                            ? TRY(decision::minted_claims(*audience, state.policies, claims, state.task))
                            : token::ClaimsContract();
  const auto token = TRY(minter_.mint(claims, contract));
  auto good = verifier_.verify_parameter(token, hypothesis.time);
  if (!good) return std::move(good).error();
  posed.verified.emplace(*std::move(good));
  posed.ruling.emplace(
      TRY(awaited.empty() ? enforce::rule_on_use(*posed.verified, facts, state, posed.memory, shadows)
                          : enforce::rule_awaiting(*posed.verified, facts, awaited, state, posed.memory)));
  return std::nullopt;
}

Result<Prospect> WhatIf::ask(const Hypothesis& hypothesis, const enforce::Deciding& state,
                             const decision::Redaction& redaction) const {
  Posed posed;
  Prospect prospect;
  prospect.token = TRY(rule(hypothesis, state, enforce::Shadows::kAsked, posed));
  if (prospect.token) return prospect;
  prospect.explanation = decision::explain(state.policies, posed.ruling->context, redaction);
  if (const auto* shadowed = posed.ruling->shadowed) prospect.with_shadows = shadowed->effect();
  return prospect;
}

Result<bool> WhatIf::needs_facts(const Hypothesis& hypothesis, const enforce::Deciding& state,
                                 std::span<const std::string> awaited) const {
  Posed posed;
  const auto denied = TRY(rule(hypothesis, state, enforce::Shadows::kLeftAlone, posed, awaited));
  return !denied && !hypothesis.issue && posed.ruling->needs_facts();
}

Result<Verdict> WhatIf::decide(const Hypothesis& hypothesis, const enforce::Deciding& state) const {
  Posed posed;
  if (const auto denied = TRY(rule(hypothesis, state, enforce::Shadows::kLeftAlone, posed)))
    return Verdict{Prospect{denied, {}, {}}.effect(),
                   decision::Refusal{denied->reason, denied->message, {}, {}, {}},
                   {}};
  const auto& decided = *posed.ruling->decision;
  return Verdict{decided.effect(),
                 decided.refusals().empty() ? std::nullopt : posed.ruling->refusal(),
                 {decided.policies().begin(), decided.policies().end()}};
}

}  // namespace writ::simulate
