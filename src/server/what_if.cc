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

Result<Prospect> WhatIf::ask(const Hypothesis& hypothesis, const DecidingState& state,
                             const decision::Redaction& redaction) const {
  const auto* api = state.inventory.find_api(hypothesis.api);
  if (api == nullptr)
    return failure(ErrorCode::kNotFound, fmt::format("there is no API `{}`", hypothesis.api));
  if (!hypothesis.claims)
    return Prospect{
        .token = token::Presented::from_headers({}).error(), .explanation = {}, .with_shadows = {}};
  const auto& claims = *hypothesis.claims;
  std::optional<token::Verified> verified;
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
                                                                  if (!good)
                                                                    return Prospect{
                                                                        .token = std::move(good).error(),
                                                                        .explanation = {},
                                                                        .with_shadows = {}};
                                                                  verified.emplace(*std::move(good));
  }
  context::Workspace memory;
  decision::Workspace shadow_memory;
  auto& arena = memory.arena();
  context::Inputs inputs{.request = {hypothesis.time, hypothesis.method, hypothesis.path, hypothesis.peer_ip},
                         .api = *api,
                         .action = arena.entity(hypothesis.action.type, hypothesis.action.id),
                         .resource = arena.entity(hypothesis.resource.type, hypothesis.resource.id),
                         .inventory = state.inventory,
                         .task = state.task,
                         .entities = *state.policies.entities,
                         .calendars = *state.policies.calendars,
                         .amounts = hypothesis.amounts};
  if (hypothesis.attributes) inputs.resource_attributes = hypothesis.attributes(arena);
  const auto context = hypothesis.issue ? TRY(context::Context::of_issue(claims, inputs, memory))
                                        : TRY(context::Context::of_use(*verified, inputs, memory));
                                        Prospect prospect{.token = {},
                                                          .explanation = decision::explain(
                                                              state.policies, context, redaction),
                                                          .with_shadows = {}};
                                        if (const auto* shadowed = decision::decide_with_shadows(
                                                state.policies, context, shadow_memory))
                                          prospect.with_shadows = shadowed->effect();
                                        return prospect;
}

}  // namespace writ::server
