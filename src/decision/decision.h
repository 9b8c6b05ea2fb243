// Decision: the answer to a context, with reasons. The fifth type in the way of a request (ARCHITECTURE.md).
//
// Guards run first, cheapest first, and no policy can switch one off; then the policies are asked for every
// party, and the answer is the conjunction. Only kPermit passes. Pure: no I/O, no clock.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/denial.h"
#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/entities.h"
#include "cedar/schema.h"
#include "context/context.h"

namespace writ::decision {

enum class Effect : std::uint8_t { kPermit, kDeny, kIndeterminate };
std::string_view effect_name(Effect effect) noexcept;  // "permit", "deny", "indeterminate"

// Why not.
struct Refusal {
  Reason reason;
  std::string message;                // for people
  std::string party;                  // the party at fault as Cedar writes it; empty when it is none's
  std::vector<std::string> policies;  // that said no, or could not be evaluated
  std::string path;                   // context_missing: what was missing
  // approval_required: an approval of this one call is what is missing (and not of its task) ...
  bool of_call = false;
  std::string approval = {};  // ... and the id of the one that waits
  // step_up_required: the user's login has to be of this `acr` (empty: of any), and a new one or not.
  std::string acr = {};
  bool new_login = false;
};

// What policies ask of how a user logged in (policy/logins.h).
struct Logins {
  static constexpr std::size_t kMaxAcrs = 16;
  bool read = false;  // any policy reads it. Where none does, no refusal pays for it.
  std::vector<std::string> acrs = {};
};

class Decision {
 public:
  Effect effect() const noexcept { return effect_; }
  bool permitted() const noexcept { return effect_ == Effect::kPermit; }
  // Never empty unless permitted. The first is the one that counts; more only when all were asked for.
  const std::vector<Refusal>& refusals() const noexcept { return refusals_; }
  // The policies that carried a permit, over all parties, each once. Views into the policy set.
  const std::vector<std::string_view>& policies() const noexcept { return policies_; }
  // Which of them carried which party: places in policies() and in the order in which parties are asked
  // (Context::parties()). Each party has at least one. Empty where there are no parties, and of a refusal.
  struct Carried {
    std::uint32_t party, policy;
  };
  const std::vector<Carried>& carried() const noexcept { return carried_; }
  // The caller must take one call of the task's budget before the effect.
  bool consumes_budget() const noexcept { return consumes_budget_; }
  // Of decide_awaiting(): nothing refuses it so far, and what is awaited decides. It is not permitted.
  bool needs_facts() const noexcept { return needs_facts_; }

 private:
  friend class Decider;
  friend class Workspace;
  Decision() = default;
  Effect effect_ = Effect::kIndeterminate;
  std::vector<Refusal> refusals_;
  std::vector<std::string_view> policies_;
  std::vector<Carried> carried_;
  bool consumes_budget_ = false;
  bool needs_facts_ = false;
};

class MintedClaims;

// When each linked template ends, by its id (inventory/grant.h). The condition that ends it is a part of the
// linked policy: this is for whoever shows or explains it.
using LinkedGrants = std::map<std::string, Instant, std::less<>>;
class Obligations;

// What decides. Immutable; share it by shared_ptr. Neither of the first two pointers is null.
struct PolicySnapshot {
  std::shared_ptr<const cedar::CompiledPolicySet> policies;
  std::shared_ptr<const cedar::Entities> entities;
  std::string revision;       // names this set in audit records
  std::size_t max_chain = 4;  // agents in one delegation chain
  // Some policy may read `lastUsed` of a party. Where none does, no request pays for it.
  bool reads_last_used = false;
  Logins logins = {};
  // Never null. They change with the policies, and the revision names them too.
  std::shared_ptr<const context::Calendars> calendars = context::Calendars::none();
  // Types that resources may have: of schemas, routes and entities, and Writ's own; with the actions on them
  // (none: nobody says). For what names them long before it is used, as a task does. Null: nobody can say.
  using ResourceTypes = std::map<std::string, std::vector<cedar::EntityUid>, std::less<>>;
  std::shared_ptr<const ResourceTypes> resource_types = nullptr;
  // What entities are held against; null: the configuration names no schema.
  cedar::SchemaPtr schema = nullptr;
  // What tokens carry, of the APIs that go by their contract. Null: there are none
  // (decision/minted_claims.h).
  std::shared_ptr<const MintedClaims> minted_claims = {};
  // Null: there are none.
  std::shared_ptr<const LinkedGrants> grants = {};
  // What permits oblige to (decision/obligations.h). Null: no policy obliges.
  std::shared_ptr<const Obligations> obligations = {};
  // The same with the shadow policies in force; null: there are none (decision/shadow.h).
  std::shared_ptr<const PolicySnapshot> with_shadows = {};
};

// Memory that is used again: a warm decision allocates nothing. One per thread.
class Workspace {
 public:
  Workspace() = default;
  // Of what decide_awaiting() was asked about last: some policy may read the time of the request or the
  // calendars, also a shadow policy.
  bool time_is_read() const noexcept { return time_is_read_; }

 private:
  friend class Decider;
  // A permit for a party, by its place in Context::parties(), that what is awaited does not change.
  struct Settled {
    std::uint32_t party;
    cedar::PolicyIndex permit;
  };
  cedar::Evaluation evaluation_;
  std::vector<cedar::PolicyIndex> open_;
  std::vector<Settled> settled_;
  bool time_is_read_ = true;
  Decision decision_;
};

enum class Reasons : std::uint8_t { kFirst, kAll };

// The decision is valid until the workspace is used again, and as long as the snapshot.
const Decision& decide(const PolicySnapshot& snapshot, const context::Context& context, Workspace& workspace,
                       Reasons reasons = Reasons::kFirst);

// The same while the attributes `awaited` of the resource are still to come. It never permits. It refuses
// what is refused whatever they turn out to be: by a guard, by a forbid that does not need them, or because
// no permit is left that may hold. Else it needs_facts(), and decide() is asked again with them.
//
// A policy needs them where its evaluation comes upon one before it is settled otherwise, or if it says
// `has` of one, of whatever may be the resource (cedar/awaited.h).
const Decision& decide_awaiting(const PolicySnapshot& snapshot, const context::Context& context,
                                std::span<const std::string> awaited, Workspace& workspace);

// decide(), once that is there: of the request that decide_awaiting() was asked about last with this
// workspace, with the same snapshot and its context after Context::go_on(). A party whose policies were
// certain without it is not asked again.
const Decision& decide_later(const PolicySnapshot& snapshot, const context::Context& context,
                             Workspace& workspace);

// Of a request for what everybody may have: nobody is asked to answer for it, and no permit is needed. A
// forbid that holds for the principal, or cannot be evaluated, refuses it all the same.
const Decision& decide_public(const PolicySnapshot& snapshot, const cedar::Request& request,
                              const cedar::EntityView& entities, Workspace& workspace);

// One question with a principal of any type, without guards: what AuthZEN asks about users' own subjects. The
// rule that a forbid which cannot be evaluated denies holds here too.
const Decision& decide_plain(const PolicySnapshot& snapshot, const cedar::Request& request,
                             const cedar::EntityView& entities, Workspace& workspace);

}  // namespace writ::decision
