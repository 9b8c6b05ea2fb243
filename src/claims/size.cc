#include "claims/size.h"

#include <algorithm>

#include "crypto/random.h"

namespace writ::claims {
namespace {

using inventory::Identity;
using inventory::Kind;

constexpr std::size_t kThumbprintChars = 43;  // base64url of 32 bytes

const Identity* find(std::span<const Identity> all, std::string_view id) {
  const auto found = std::ranges::find(all, id, &Identity::id);
  return found != all.end() ? &*found : nullptr;
}

// It, and whom it acts for, nearest first.
std::vector<const Identity*> chain_of(const Identity& last, const ExampleFacts& facts) {
  std::vector<const Identity*> chain{&last};
  while (chain.size() < facts.max_chain) {
    const Identity* next = nullptr;
    for (const auto& id : chain.back()->acts_for) {
      const auto* named = find(facts.identities, id);
      const bool fits =
          named != nullptr && named->kind != Kind::kUser && std::ranges::find(chain, named) == chain.end();
      if (fits && (next == nullptr || named->id.size() > next->id.size())) next = named;
    }
    if (next == nullptr) break;
    chain.push_back(next);
  }
  return chain;
}

std::size_t length_of(const std::vector<const Identity*>& chain) {
  std::size_t length = 0;
  for (const auto* each : chain) length += each->id.size() + 16;  // with what stands around it
  return length;
}

using Text = std::optional<std::string>;

template <class Member>
Text longest(std::span<const Identity> identities, Member member) {
  Text found;
  for (const auto& each : identities) {
    const Text& own = each.*member;
    if (own && (!found || own->size() > found->size())) found = own;
  }
  return found;
}

}  // namespace

token::AccessClaims example_claims(const inventory::Api& api, const ExampleFacts& facts) {
  token::AccessClaims claims;
  std::vector<const Identity*> chain;
  claims.subject = "user";
  for (const Identity& each : facts.identities) {
    if (each.kind == Kind::kUser) {
      if (claims.subject == "user" || each.id.size() > claims.subject.size()) claims.subject = each.id;
      continue;
    }
    auto own = chain_of(each, facts);
    if (length_of(own) > length_of(chain)) chain = std::move(own);
  }
  claims.issuer = facts.issuer;
  claims.audience = api.audience;
  claims.client_id = chain.empty() ? "client" : chain.front()->id;
  claims.jti = crypto::random_id();
  claims.issued_at = claims.not_before = instant_from_unix_seconds(unix_seconds(facts.now));
  claims.expires_at = claims.issued_at + std::chrono::minutes(5);
  const bool handed_on = chain.size() > 1 || (!chain.empty() && chain.front()->kind == Kind::kAgent);
  if (handed_on)
    for (const auto* each : chain) {
      claims.actors.push_back({each->id, std::nullopt});
      claims.exchanged_from.push_back(crypto::random_id());
    }
  if (handed_on) claims.exchanged_from.pop_back();
  claims.task = crypto::random_id();
  claims.purpose = "purpose";
  if (!chain.empty() && !chain.front()->purposes.empty())
    claims.purpose = std::ranges::max(chain.front()->purposes, {}, &std::string::size);
  claims.tenant = longest(facts.identities, &Identity::tenant);
  claims.environment = longest(facts.identities, &Identity::environment);
  if (!facts.provider.empty()) {
    claims.subject_issuer = facts.provider;
    claims.acr = "urn:mace:incommon:iap:silver";  // RFC 9470's own example
    claims.auth_time = claims.issued_at;
  }
  claims.credential_kind = "certificate";
  claims.credential_created = claims.issued_at;
  claims.key_thumbprint = std::string(kThumbprintChars, 'k');
  return claims;
}

Result<TokenSizes> sizes_of(const inventory::Api& api, const Contract& contract,
                            const token::AccessClaims& example, const token::Minter& minter) {
  // The example's task says the example's purpose.
  const auto& own = contract.minted.in_task;
  const auto listed = api.claims        ? TRY(token::ClaimsContract::of(*api.claims))
                      : api.by_contract ? own
                                        : token::ClaimsContract();
  return TokenSizes{.everything = TRY(minter.mint(example)).size(),
                    .by_contract = TRY(minter.mint(example, own)).size(),
                    .now = TRY(minter.mint(example, listed)).size()};
}

}  // namespace writ::claims
