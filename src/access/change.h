// What a change of policies or inventory gives and takes: two worlds side by side, chain by chain.
//
// One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "access/asker.h"
#include "codec/json.h"

namespace writ::access {

// Of one chain and one target. An API, an action or an identity that one of the worlds lacks counts as never.
struct ReachChange {
  enum class Kind : std::uint8_t { kGiven, kTaken, kOther };  // kOther: when before and after, on other terms
  Kind kind;
  Chain chain;
  std::string target;  // as text
  std::string api;
  std::string before, after;          // "never", "when", "always"
  std::vector<std::string> policies;  // of the side where it may
  // What is left of policies and guards, in words. Null: nothing is, or it is never.
  using Terms = std::shared_ptr<const std::vector<std::string>>;
  Terms terms_before = {}, terms_after = {};
};

// What whoever asks may do, with no token or whatever the policies say.
struct OpenToAll {
  std::vector<PublicRoute> public_routes = {};
  std::vector<std::string> observed = {};  // APIs

  bool empty() const { return public_routes.empty() && observed.empty(); }
};

struct AccessChange {
  std::vector<ReachChange> changes;
  OpenToAll opened = {}, closed = {};
  bool cut = false;  // there are more chains than were looked at, or more changes than are kept

  bool empty() const { return changes.empty() && opened.empty() && closed.empty(); }
};

struct ChangeLimits {
  std::size_t links = 0;
  std::size_t chains = 200'000;     // of each side
  std::size_t changes = 1'000'000;  // that are kept
};

// Chains with somebody who must not be seen on one of the sides are left out on both: else what is hidden
// would look as if it were given or taken.
AccessChange changes_between(Asker& before, Asker& after, const ChangeLimits& limits,
                             const MaySee& may_see = {});
void compare(const OpenToAll& before, const OpenToAll& after, AccessChange& change);

// `changes`, from one place on; how many of each kind there are; and the identities that they are about.
codec::Json to_json(const AccessChange& change, std::size_t from = 0, std::size_t count = SIZE_MAX);
std::string changes_csv(const AccessChange& change);
// By identity: what each is given and loses, as subject, client or actor.
std::string changes_text(const AccessChange& change);

}  // namespace writ::access
