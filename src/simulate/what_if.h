// WhatIf: what would come of a request that nobody sent, in a state that is there.
//
// It goes the way of a request without its effects: the token is minted and verified by a key that is made
// for this object and known to nobody else, so what is said of it never leaves, and would be refused
// everywhere if it did; the rest is decided as ever. No budget is taken, no proof looked at, nothing
// recorded. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/denial.h"
#include "control/simulations.h"
#include "decision/explain.h"
#include "enforce/ruling.h"
#include "inventory/snapshot.h"
#include "task/registry.h"
#include "token/key_ring.h"
#include "token/minter.h"
#include "token/replay.h"
#include "token/verifier.h"

namespace writ::simulate {

// A request, as far as a decision looks at it.
struct Hypothesis {
  Instant time;
  std::string method, path, peer_ip;
  std::string api;  // its id
  cedar::EntityUid action, resource;
  std::function<cedar::Value(cedar::Arena&)> attributes = {};  // that the caller knows of the resource
  std::vector<task::NamedAmount> amounts = {};
  std::function<cedar::Value(cedar::Arena&)> input = {};  // what else a route finds in it
  std::span<const context::FactNote> notes = {};          // where, and why not
  bool approved = false;                                  // people have approved this very call
  bool issue = false;                                     // the token is asked for, not used
  std::optional<token::AccessClaims> claims;              // absent: it comes without a token
};

using control::Prospect;

// The decision alone.
struct Verdict {
  decision::Effect effect;
  std::optional<decision::Refusal> refusal;  // the first; absent: permitted
  std::vector<std::string> policies;         // that carried a permit
};

class WhatIf {
 public:
  // `issuer` is Writ's own, which the tokens name.
  static Result<std::unique_ptr<WhatIf>> make(std::string issuer);

  // Fails with kNotFound when there is no such API, with kInvalid when the request cannot be put together.
  Result<Prospect> ask(const Hypothesis& hypothesis, const enforce::Deciding& state,
                       const decision::Redaction& redaction) const;
  // While attributes of the resource are still to come, which `awaited` names: whether they decide. If not,
  // it is refused all the same, and ask() says why.
  Result<bool> needs_facts(const Hypothesis& hypothesis, const enforce::Deciding& state,
                           std::span<const std::string> awaited) const;
  // The same without its reasons and changes: for many.
  Result<Verdict> decide(const Hypothesis& hypothesis, const enforce::Deciding& state) const;

 private:
  struct Posed;
  // Nothing when it was ruled on; else why the token is no good.
  Result<std::optional<Denial>> rule(const Hypothesis& hypothesis, const enforce::Deciding& state,
                                     enforce::Shadows shadows, Posed& posed,
                                     std::span<const std::string> awaited = {}) const;
  WhatIf(std::string issuer, std::unique_ptr<token::KeyRing> ring);

  const std::unique_ptr<token::KeyRing> ring_;
  const token::Minter minter_;
  token::Revocations revocations_;
  token::MemoryReplayGuard replays_;
  const token::Verifier verifier_;
};

}  // namespace writ::simulate
