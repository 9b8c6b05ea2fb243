// World: Writ in one process, for one test: the suite's instant, inventory, entities and tasks, and the
// policies that are tried. A request goes the way that it goes in production, through enforce::Enforcer:
//
//   route → token → verify → context → guards → policies → budget
//
// Sources of facts are not asked: the suite states what they say. What it does not state, nobody tells, so
// that such a request is refused (`facts_unavailable`), unless it is refused without those facts.
//
// What a World answers is what the enforcer answered. Beside that it rules on the same facts once more, for
// what tests ask of it: the guard at fault, all reasons, and what was put to the policies. A token that is
// asked for is what the token service would issue (oauth/issuer.h): decided, recorded and signed, but for who
// presents what. Nothing leaves the process, and nothing is written unless whoever runs it wants the audit
// records of it (Shared::record). Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "decision/explain.h"
#include "enforce/enforcer.h"
#include "inventory/memory_store.h"
#include "oauth/issuer.h"
#include "policy/load.h"
#include "policytest/mint.h"
#include "policytest/suite.h"
#include "task/memory_call_store.h"
#include "task/memory_store.h"
#include "task/write_at_once.h"

namespace writ::policytest {

using Policies = std::shared_ptr<const decision::PolicySnapshot>;

// What came out of a request.
struct Answer {
  decision::Effect effect = decision::Effect::kIndeterminate;
  std::string code;  // "permit", the reason's code, or "not_found", "method_not_allowed", "invalid_request":
                     // no route takes it
  std::string message;
  std::string party;
  std::string path;
  std::vector<std::string> policies;  // sorted
  std::string guard;                  // at fault: "token", "audience", ...; empty: the policies, or nothing
  std::vector<std::string> reasons;   // all of them; when the token is no good, only that
  // All whom the policies refuse, also those who were not asked after the first, or because of a guard.
  std::vector<std::string> refused;  // sorted
  // What it was about, as far as it was found.
  std::string api, action, resource;

  bool permitted() const noexcept { return effect == decision::Effect::kPermit; }
};

// Takes what the body of a refusal (gateway/refusal.h) says of it.
void read_refusal(const codec::Json& told, Answer& answer);

// A question of one party to the policies. Borrows.
struct Asked {
  const cedar::Request& question;
  const cedar::EntityView& entities;
  const context::Party& party;
  bool permitted;  // by the policies
};
// Told of every party's question of a request whose token is good, in the order of the parties: also of those
// that nobody asked because another party or a guard had refused before.
using Observer = std::function<void(const Asked& asked)>;

// What the worlds of all tests of a run share. Borrows `loaded`.
struct Shared {
  const policy::Loaded& loaded;
  std::unique_ptr<Mint> mint;
  // Gets each record of a decision, as the audit of a running Writ would; empty: nobody does.
  control::Recorder record = {};

  // Tokens are signed with that key; or, without one, with a key of the run.
  static Result<Shared> make(const policy::Loaded& loaded, std::optional<jose::PrivateJwk> signing_key = {});
  // The origin under which callers reach the gateway, or Writ's own API.
  std::string origin_of(std::string_view api) const;
};

class World {
 public:
  // All are borrowed; the policies are asked with the suite's entities.
  static Result<std::unique_ptr<World>> make(Shared& shared, const Suite& suite, Policies policies);

  Result<Answer> ask(const RequestSpec& request, const Observer& observer = {});
  Result<void> apply(const Change& change);
  // Why a request is answered so, now. Nothing when its token is no good, or no route leads there.
  std::optional<decision::Explanation> explain(const RequestSpec& request);

 private:
  struct Asking;
  struct Ruled;
  World(Shared& shared, const Suite& suite, Policies policies);
  Result<void> furnish();
  Result<void> add_task(const TaskFixture& fixture);
  bool find_target(const Target& target, Asking& asking, Answer& answer) const;
  void find_told(const Target& target, Asking& asking) const;
  Result<void> add_token(const RequestSpec& request, Asking& asking);
  static decision::Refusal untold(const Asking& asking);
  Result<void> use_up_proof(const Asking& asking);
  Result<Answer> issue(const RequestSpec& request, const Asking& asking, Answer answer,
                       const Observer& observer);
  bool takes_over(const token::AccessClaims& claims) const;
  enforce::Question question(const Asking& asking) const;
  Result<void> approve(const RequestSpec& request, Asking& asking);
  Result<std::optional<Ruled>> rule(const RequestSpec& request, const Asking& asking,
                                    enforce::IssuingStep step = enforce::IssuingStep::kIssue);
  Answer enforce(const Asking& asking, Answer answer);
  static Result<void> add_reasons(const Ruled& ruled, Answer& answer);
  void observe(const Ruled& ruled, const Observer& observer) const;

  Shared& shared_;
  const Suite& suite_;
  ManualClock clock_;
  inventory::MemoryStore inventory_store_;
  inventory::Directory directory_{inventory_store_};
  task::MemoryStore task_store_;
  task::Registry tasks_{task_store_};
  task::MemoryCallStore call_store_;
  task::CallApprovals calls_{call_store_};
  task::WriteAtOnce writer_{task_store_, call_store_};
  token::Revocations revocations_;
  token::MemoryReplayGuard replays_;
  token::Verifier verifier_;
  enforce::Current current_;
  enforce::Enforcer enforcer_;
  enforce::Memory memory_;
  const control::Recorder record_ = [this](audit::Record record) {
    return shared_.record ? shared_.record(std::move(record)) : Result<void>();
  };
};

}  // namespace writ::policytest
