#include "claims/sources.h"

#include <algorithm>

namespace writ::claims {
namespace {

constexpr std::string_view kOfParties[] = {"caller",     "subject", "actors",      "owners",
                                           "delegation", "tenant",  "environment", "purpose"};
constexpr std::string_view kOfChain[] = {"actors", "chain-length", "delegation", "task-parties"};
constexpr std::string_view kOfAudience[] = {"audience"};
constexpr std::string_view kOfTask[] = {"task-present", "task-live",  "task-parties", "task-place",
                                        "task-purpose", "task-scope", "task-budget"};
constexpr std::string_view kOfPurpose[] = {"purpose", "resource-purpose", "task-purpose"};
constexpr std::string_view kOfTenant[] = {"tenant", "task-place"};
constexpr std::string_view kOfEnvironment[] = {"environment", "task-place"};

constexpr std::string_view kService = "the token service";

constexpr ClaimUse kUses[] = {
    {.claim = "iss", .source = kService},
    {.claim = "sub", .source = "the identity provider's token, or the client itself", .guards = kOfParties},
    {.claim = "client_id", .source = "the client that authenticated", .guards = kOfParties},
    {.claim = "aud", .source = "the API's audience", .guards = kOfAudience},
    {.claim = "jti", .source = kService},
    {.claim = "iat", .source = kService, .path = "token.issued"},
    {.claim = "nbf", .source = kService},
    {.claim = "exp", .source = "the configured lifetime, and the ends of what was presented and of the task"},
    {.claim = "act", .source = "the token that was exchanged", .guards = kOfChain, .path = "chain.ids"},
    {.claim = "exchanged_from", .source = "the tokens that were exchanged"},
    {.claim = "task",
     .source = "asked for, or the token that was exchanged",
     .guards = kOfTask,
     .path = "task"},
    {.claim = "purpose",
     .source = "asked for, the token that was exchanged, or the task",
     .guards = kOfPurpose,
     .path = "purpose",
     .by_contract = true,
     .said_by_task = true},
    {.claim = "tenant",
     .source = "the identity provider's token, or the inventory",
     .guards = kOfTenant,
     .path = "tenant",
     .attribute = "tenant",
     .by_contract = true},
    {.claim = "environment",
     .source = "the client's environment in the inventory, or the token that was exchanged",
     .guards = kOfEnvironment,
     .path = "environment",
     .by_contract = true},
    {.claim = "subject_issuer",
     .source = "the `iss` of the identity provider's token",
     .attribute = "issuer",
     .by_contract = true},
    {.claim = "acr", .source = "the identity provider's token", .path = "token.acr", .by_contract = true},
    {.claim = "auth_time",
     .source = "the identity provider's token",
     .path = "token.authTime",
     .by_contract = true},
    {.claim = "credential_kind",
     .source = "what the client authenticated with",
     .path = "credential.kind",
     .by_contract = true,
     .made_anew = true},
    {.claim = "credential_created",
     .source = "the inventory, of what the client authenticated with, or its platform's token",
     .path = "credential.created",
     .by_contract = true,
     .made_anew = true},
    {.claim = "cnf", .source = "the key that the client proved to hold", .path = "token.senderBound"},
    {.claim = "authorization_details", .source = "the task's scope", .by_contract = true, .made_anew = true},
    {.claim = "workload",
     .source = "the token of its platform that the client authenticated with",
     .attribute = "workload",
     .by_contract = true},
};

}  // namespace

std::span<const ClaimUse> claim_uses() noexcept {
  return kUses;
}

const ClaimUse* find_use(std::string_view claim) noexcept {
  const auto* found = std::ranges::find(kUses, claim, &ClaimUse::claim);
  return found != std::end(kUses) ? found : nullptr;
}

std::vector<std::string_view> readable_names() {
  std::vector<std::string_view> names;
  for (const ClaimUse& use : kUses) names.push_back(use.claim);
  names.emplace_back("scope");
  return names;
}

}  // namespace writ::claims
