// Access tokens that other issuers made, and that an API of ours accepts (docs/providers.md).
//
// Foreign is what one of them was accepted as, beside its claims, which say the same as Writ's own would: the
// parties as the inventory calls them, and nothing that only Writ may say (task, purpose). ForeignTokens is
// who reads them; `oauth` implements it, and Verifier, the one place that verifies access tokens, asks it.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/denial.h"
#include "base/times.h"
#include "token/claims.h"

namespace writ::token {

struct Foreign {
  std::string api;  // the only one of ours that it is for, by its id
  // Whom its issuer may speak for there; absent: any tenant.
  std::optional<std::vector<std::string>> tenants = {};
  bool needs_tenant = false;  // one whose tenant nobody knows is refused
  Duration tolerance{0};      // of its issuer's clock
  // What its issuer says of the user, where the inventory says nothing: sets of texts, by their names.
  std::vector<std::pair<std::string, std::vector<std::string>>> facts = {};
  // Which issuer's keys verified it, and their edition.
  std::size_t issuer = 0;
  std::uint64_t edition = 0;
};

struct ForeignAnswer {
  std::expected<std::shared_ptr<const AccessClaims>, Denial> claims;  // with `foreign`
  // It names a key that is not known: the issuer has to be asked (ForeignTokens::wait_for_keys).
  bool key_is_missing = false;
};

// Thread-safe. Only wait_for_keys() makes anybody ask an issuer, and nothing here waits for one.
class ForeignTokens {
 public:
  virtual ~ForeignTokens() = default;
  // Signature, issuer, type, parties and lifetime. Nothing: the token is not of an issuer whose tokens are
  // accepted anywhere.
  virtual std::optional<ForeignAnswer> verify(std::string_view token, Times now) const = 0;
  // Whether the keys that verified it are still what its issuer signs with.
  virtual bool stands(const Foreign& foreign, Times now) const = 0;
  // True: the token's key is not known and is being fetched; `then` was taken, and is called on another
  // thread when that is over, whatever came of it. False: there is nothing to wait for.
  virtual bool wait_for_keys(std::string_view token, std::move_only_function<void()>& then) const = 0;
};

}  // namespace writ::token
