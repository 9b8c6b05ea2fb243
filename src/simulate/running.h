// The simulator of the state that is running: reads a question, and answers it with what is in force. Sources
// of facts are asked as for a request, where what they tell decides.
//
// Thread-safe. Waits for sources of facts: not on a loop thread.
#pragma once

#include <string_view>

#include "control/simulations.h"
#include "enforce/in_force.h"
#include "simulate/what_if.h"
#include "task/registry.h"

namespace writ::simulate {

class RunningSimulator final : public control::Simulator {
 public:
  // What it refers to must outlive it.
  struct Parts {
    const enforce::Current& current;
    const task::Registry& tasks;
    const WhatIf& what_if;
    std::string_view issuer;
    Duration token_lifetime;  // of a token whose question does not say when it ends
    const decision::Redaction& redaction;
  };
  explicit RunningSimulator(Parts parts) : parts_(parts) {}

  Result<control::Simulated> simulate(const codec::Json& question, Instant now) const override;

 private:
  const Parts parts_;
};

}  // namespace writ::simulate
