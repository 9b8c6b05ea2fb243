// Single calls that wait for people, as use cases: see them, and say yes or no.
//
// Thread-safe. They wait for the audit and for the store: not on a loop thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "control/authority.h"
#include "control/page.h"
#include "enforce/in_force.h"
#include "task/call_approvals.h"

namespace writ::control {

class Calls {
 public:
  // What it refers to must outlive it.
  Calls(const Authority& authority, const enforce::Current& current, task::CallApprovals& calls)
      : authority_(authority), current_(current), calls_(calls) {}

  // A call, at the moment of which is told.
  struct Seen {
    task::StoredCall call;
    Instant now;
  };
  using Stored = std::shared_ptr<const task::StoredCall>;
  using Listed = Listing<Stored>;
  Answer<Listed> list(const Caller& caller, const Page& page) const;
  Answer<Seen> show(const Caller& caller, const std::string& id) const;
  Answer<Seen> approve(const Caller& caller, const std::string& id) const;
  Answer<Seen> deny(const Caller& caller, const std::string& id) const;

 private:
  Answer<std::pair<enforce::Permit, task::StoredCall>> find(const Caller& caller, const std::string& id,
                                                            Stops stops = Stops::kNo) const;
  Answer<Seen> seen(const std::string& id, Instant now) const;

  const Authority& authority_;
  const enforce::Current& current_;
  task::CallApprovals& calls_;
};

}  // namespace writ::control
