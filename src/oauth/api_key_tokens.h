// ApiKeyTokens: API keys in the place of an access token, as the claims that they stand for
// (docs/api-keys.md).
//
// A key is good at the gateway of its API alone, while that says that it takes keys; the claims are those
// that its identity would have by client_credentials. Nobody else is ever asked about what begins as a key
// does. One that was found right before costs no attempt, so that guesses hold up no known caller. Tokens
// that are none are for whoever reads the others. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "enforce/in_force.h"
#include "inventory/api_key_registry.h"
#include "token/foreign.h"

namespace writ::oauth {

class ApiKeyTokens final : public token::ForeignTokens {
 public:
  // What it refers to must outlive it. `issuer`: Writ's own. `others`: who reads providers' tokens; null:
  // nobody.
  ApiKeyTokens(const inventory::ApiKeyRegistry& keys, const enforce::Current& current, std::string issuer,
               const token::ForeignTokens* others)
      : keys_(keys), current_(current), issuer_(std::move(issuer)), others_(others) {}

  std::shared_ptr<const token::AccessClaims> known(std::string_view token, std::string_view api,
                                                   Times now) const override;
  std::optional<token::ForeignAnswer> verify(std::string_view token, std::string_view api,
                                             Times now) const override;
  bool stands(const token::Foreign& foreign, Times now) const override;
  bool wait_for(const token::BroughtThere& brought, std::move_only_function<void()>& then) const override;

 private:
  using Claims = std::shared_ptr<const token::AccessClaims>;
  std::expected<Claims, Denial> read(std::string_view text, std::string_view api, Times now) const;
  std::expected<Claims, Denial> claims_of(const inventory::ApiKey& key,
                                          const inventory::Snapshot& inventory) const;

  const inventory::ApiKeyRegistry& keys_;
  const enforce::Current& current_;
  const std::string issuer_;
  const token::ForeignTokens* others_;
};

}  // namespace writ::oauth
