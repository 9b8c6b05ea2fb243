// Certainties: what is certain of a chain before there is a request: a guard that refuses it whatever it asks
// for, or else what every context of it has, and may have.
//
// It says what decision/guards.h and context/context.h would do with any token that the frame allows, and
// narrows what is open by what the guards let pass: a request of another tenant is refused, so no permitted
// one has it. tests of access/ check it against the real ones. Pure; one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "access/frame.h"
#include "base/denial.h"
#include "cedar/open.h"

namespace writ::access {

struct CertainRefusal {
  Reason reason;
  std::string message;
};

// What is known of a text of the context.
struct TextKnown {
  bool certain = false;                 // it is there
  std::vector<std::string> among = {};  // it is one of these, when it is there and there are any
  bool impossible = false;              // it is not there
};

class Certainties {
 public:
  Certainties(const Frame& frame, Chain chain, const inventory::Api& api, Point point);
  Certainties(const Certainties&) = delete;
  Certainties& operator=(const Certainties&) = delete;

  const Chain& chain() const noexcept { return chain_; }
  const std::vector<const ChainLink*>& parties() const noexcept { return parties_; }
  const std::optional<CertainRefusal>& refusal() const noexcept { return refusal_; }
  // An agent takes part, so that the use of the token needs a task.
  bool needs_task() const noexcept { return needs_task_; }
  // Of one of them, or of an owner who has to be there, a date is known on which it ends.
  bool may_end() const;
  const TextKnown& tenant() const noexcept { return tenant_; }
  const TextKnown& environment() const noexcept { return environment_; }
  const TextKnown& purpose() const noexcept { return purpose_; }
  // A user whose tenant nobody knows unless the token says it.
  bool tenant_by_token() const noexcept { return tenant_by_token_; }
  bool may_have_claim(std::string_view name) const noexcept;

  // The parties' names and the world's; they live as long as this object.
  cedar::EntityRef uid_of(const ChainLink& caller) const { return uids_[index_of(caller)]; }
  // The world of any request; `action` and `resource` are the caller's to set. `when`: only of requests at
  // this time; else from the frame's instant on.
  cedar::OpenWorld world(cedar::EntityRef action, std::optional<Instant> when = std::nullopt);
  cedar::Arena& arena() noexcept { return arena_; }

 private:
  std::size_t index_of(const ChainLink& caller) const;
  void refuse(Reason reason, std::string message);
  void check_callers();
  void check_owner(const ChainLink& each);
  void check_delegation();
  void know_tenant();
  void know_environment();
  void know_purpose();
  cedar::OpenFact text_fact(const TextKnown& known);
  cedar::OpenFact party_fact(std::size_t index);
  static void add_workload(const ChainLink& caller, std::vector<cedar::OpenField>& fields);
  cedar::OpenFact task_fact();

  const Frame& frame_;
  const Chain chain_;
  const inventory::Api& api_;
  const Point point_;
  std::vector<const ChainLink*> parties_;
  cedar::Arena arena_;
  std::vector<cedar::EntityRef> uids_;  // by place in the chain
  std::optional<CertainRefusal> refusal_;
  bool needs_task_ = false;
  bool tenant_by_token_ = false;
  TextKnown tenant_, environment_, purpose_;
};

}  // namespace writ::access
