#include "server/what_if.h"

#include <fmt/format.h>

#include "decision/shadow.h"
#include "token/presented.h"

namespace writ::server {

decision::Effect Prospect::effect() const noexcept {
  if (explanation) return explanation->effect;
  return token && token->reason != Reason::kIndeterminate ? decision::Effect::kDeny
                                                          : decision::Effect::kIndeterminate;
}

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

// The question, with what it borrows.
struct WhatIf::Posed {
  std::optional<token::Verified> verified;
  context::Workspace memory;
  std::optional<context::Context> context;
};

// Nothing when there is a question; else why the token is no good.
Result<std::optional<Denial>> WhatIf::pose(const Hypothesis& hypothesis, const DecidingState& state,
                                           Posed& posed) const {
  const auto* api = state.inventory.find_api(hypothesis.api);
  if (api == nullptr)
    return failure(ErrorCode::kNotFound, fmt::format("there is no API `{}`", hypothesis.api));
  if (!hypothesis.claims) return token::Presented::from_headers({}).error();
  const auto& claims = *hypothesis.claims;
  if (!hypothesis.issue) {
    // Like a real one it carries what the API asks for, and no more.
    const auto* audience = state.inventory.find_audience(claims.audience);
    const auto contract =
        audience != nullptr && audience->claims ? TRY(token::ClaimsContract::of(*audience->claims))
                                                                  : token::ClaimsContract();
                                                                  const auto token =
                                                                      TRY(minter_.mint(claims, contract));
                                                                  auto good = verifier_.verify_parameter(
                                                                      token, hypothesis.time);
                                                                  if (!good) return std::move(good).error();
                                                                  posed.verified.emplace(*std::move(good));
  }
  auto& arena = posed.memory.arena();
  context::Inputs inputs{.request = {hypothesis.time, hypothesis.method, hypothesis.path, hypothesis.peer_ip},
                         .api = *api,
                         .action = arena.entity(hypothesis.action.type, hypothesis.action.id),
                         .resource = arena.entity(hypothesis.resource.type, hypothesis.resource.id),
                         .inventory = state.inventory,
                         .task = state.task,
                         .entities = *state.policies.entities,
                         .calendars = *state.policies.calendars,
                         .amounts = hypothesis.amounts,
                         .approved = hypothesis.approved};
  if (hypothesis.attributes) inputs.resource_attributes = hypothesis.attributes(arena);
  posed.context.emplace(hypothesis.issue
                            ? TRY(context::Context::of_issue(claims, inputs, posed.memory))
                            : TRY(context::Context::of_use(*posed.verified, inputs, posed.memory)));
  return std::nullopt;
}

Result<Prospect> WhatIf::ask(const Hypothesis& hypothesis, const DecidingState& state,
                             const decision::Redaction& redaction) const {
  Posed posed;
  Prospect prospect {
    .token = TRY(pose(hypothesis, state, posed))
    , .explanation = {}, .with_shadows = {}
  };
  if (prospect.token) return prospect;
  decision::Workspace memory;
  prospect.explanation = decision::explain(state.policies, *posed.context, redaction);
  if (const auto* shadowed = decision::decide_with_shadows(state.policies, *posed.context, memory))
    prospect.with_shadows = shadowed->effect();
  return prospect;
}

Result<Verdict> WhatIf::decide(const Hypothesis& hypothesis, const DecidingState& state) const {
  Posed posed;
  if (const auto denied = TRY(pose(hypothesis, state, posed)))
    return Verdict{Prospect{denied, {}, {}}.effect(),
                   decision::Refusal{denied->reason, denied->message, {}, {}, {}},
                   {}};
  decision::Workspace memory;
  const auto& decided = decision::decide(state.policies, *posed.context, memory);
  Verdict verdict{decided.effect(), {}, {decided.policies().begin(), decided.policies().end()}};
  if (!decided.permitted() && !decided.refusals().empty()) verdict.refusal = decided.refusals().front();
  return verdict;
}

}  // namespace writ::server
