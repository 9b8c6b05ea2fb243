// Access tokens that other issuers made, and that an API of ours accepts (docs/providers.md); and API keys,
// which are presented in the place of one.
//
// Foreign is what one of them was accepted as, beside its claims, which say the same as Writ's own would: the
// parties as the inventory calls them, and nothing that only Writ may say (task, purpose). ForeignTokens is
// who reads them; `oauth` implements it, and Verifier, the one place that verifies access tokens, asks it.
#pragma once

#include <atomic>
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
  // Who alone may join the chain by it (RFC 8693 §4.4): an id, or a text that is nobody's here.
  std::optional<std::string> may_act = {};
  // What its issuer says of the user, where the inventory says nothing: sets of texts, by their names.
  std::vector<std::pair<std::string, std::vector<std::string>>> facts = {};
  // Which issuer's keys verified it, and their edition.
  std::size_t issuer = 0;
  std::uint64_t edition = 0;
  // Of a token about which its issuer was asked: until when, by the clock that nobody can set (Duration's
  // count), its answer counts. Whoever asked keeps it up. Null: its signature said it all.
  std::shared_ptr<const std::atomic<Duration::rep>> told_until = {};
  // Of an API key: its id. It stands for a client of ours, and no issuer is behind it.
  std::optional<std::string> api_key = {};
};

struct ForeignAnswer {
  std::expected<std::shared_ptr<const AccessClaims>, Denial> claims;  // with `foreign`
  // It names a key that is not known, or nobody has been asked about it: the issuer has to be
  // (ForeignTokens::wait_for).
  bool key_is_missing = false;
};

// A token, and where it was brought: to which API (its id; empty: nobody knows), from which address.
struct BroughtThere {
  std::string_view token;
  std::string_view api = {};
  std::string_view peer_ip = {};
};

// Thread-safe. Nothing here waits for an issuer.
class ForeignTokens {
 public:
  virtual ~ForeignTokens() = default;
  // One of which it is known, without a look at a signature, that it was good a moment ago. Null: verify().
  virtual std::shared_ptr<const AccessClaims> known(std::string_view token, std::string_view api,
                                                    Times now) const = 0;
  // Signature, issuer, type, parties and lifetime. Nothing: the token is not of an issuer whose tokens are
  // accepted anywhere.
  virtual std::optional<ForeignAnswer> verify(std::string_view token, std::string_view api,
                                              Times now) const = 0;
  // Whether what it was verified with still counts: its issuer's keys, or the issuer's answer.
  virtual bool stands(const Foreign& foreign, Times now) const = 0;
  // True: the token's key is not known and is being fetched, or its issuer is being asked about it; `then`
  // was taken, and is called on another thread when that is over, whatever came of it. False: there is
  // nothing to wait for.
  virtual bool wait_for(const BroughtThere& brought, std::move_only_function<void()>& then) const = 0;
};

}  // namespace writ::token
