// Proposal: narrower permits that keep what was used.
//
// A permit is used by a request for a party that it alone permitted. Where several did, one of them has to
// stay: one that is used anyhow, else the one with the most requests. What is left of a permit is what it was
// used for: actions, types of resources, principals, purposes and environments. It is said by conditions that
// are added; the text that stands there stays, and no forbid is looked at. So nothing new is permitted.
//
// What the log cannot show is marked and not cut: too short a span, too few uses, a declared schedule that
// the span does not cover, a policy that is to be kept, a policy that is younger than the span. Policies say
// it themselves:
//
//   @rightsize("keep: break-glass, used in an emergency only")
//   @rightsize("yearly: the annual accounts")
//
// Pure.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "rightsize/evidence.h"
#include "rightsize/standing.h"

namespace writ::rightsize {

inline constexpr std::string_view kAnnotation = "rightsize";

struct Thresholds {
  ByChance by_chance = {};
  std::uint64_t least_uses = 10;    // fewer are thin evidence
  std::int64_t least_days = 30;     // of the log, and of the policy in it
  std::size_t most_principals = 8;  // of one type that are named one by one
};

enum class Fate : std::uint8_t {
  kWhole,      // all of it is used, or nothing of it can be told apart
  kNarrowed,   // a part of it is used
  kUnused,     // it held for no permitted request
  kRedundant,  // wherever it held, another one did too
  kKept,       // it would be cut, but for what `why` says
};
std::string_view fate_name(Fate verdict) noexcept;  // "whole", "narrowed", ...

// One permit, and what becomes of it.
struct PolicyUse {
  std::size_t policy;  // in the set
  std::string id;
  Fate verdict = Fate::kWhole;
  Uses uses;                            // by which it is used
  Uses held;                            // all for which it held, or may have held
  std::set<Right> granted, used;        // by its scope
  std::set<Right> unused;               // granted, and not used
  std::set<cedar::EntityUid> idle;      // principals that it permits by scope, and that did not use it
  std::vector<std::string> why;         // it is kept
  std::vector<std::string> conditions;  // to add, in Cedar; kUnused and kRedundant: "false"
  std::string evidence;                 // on one line, for people

  bool changes() const noexcept { return !conditions.empty(); }
};

// An application, a service or an agent: what it may by the scopes of permits, and what it did.
struct IdentityUse {
  cedar::EntityUid uid;
  std::shared_ptr<const std::set<Right>> granted;  // those to whom the same permits may apply share it
  std::set<Right> used = {};
  std::uint64_t uses = 0;
};

struct Proposal {
  std::vector<PolicyUse> policies;  // the permits, in the order of the set
  std::vector<IdentityUse> identities;
  std::uint64_t uncertain = 0;  // uses of which the log does not say which permit carried them

  std::size_t count(Fate verdict) const noexcept;
};

// Why a policy is not cut whatever the log of so many days shows, by its @rightsize; empty: it may be cut.
// Fails with kInvalid when that says what nobody knows.
Result<std::string> kept_by(const cedar::Policy& policy, std::int64_t span_days);

// The policies that a revision holds word for word as the set in force does, by id; nothing: that revision is
// not known any more.
using SameIn = std::function<std::optional<std::set<std::string>>(const std::string& revision)>;

// Fails with kInvalid when an @rightsize says what nobody knows.
Result<Proposal> propose(const Evidence& evidence, const Governing& in_force, const SameIn& same_in,
                         const Thresholds& settings);

// Of a comment: no control characters.
std::string in_one_line(std::string text);

}  // namespace writ::rightsize
