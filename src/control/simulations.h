// What would come of a request that nobody sent, in the state that is running, as a use case.
//
// Nothing comes of it, but a record of who asked. Thread-safe. It waits for the audit: not on a loop thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/denial.h"
#include "cedar/ast.h"
#include "codec/json.h"
#include "control/authority.h"
#include "decision/explain.h"

namespace writ::control {

// As far as it came: the token is no good or a source tells nothing, or the decision with all that there is
// to say of it.
struct Prospect {
  std::optional<Denial> token;
  std::optional<decision::Explanation> explanation;
  std::optional<decision::Effect> with_shadows;  // absent: there are no shadow policies

  decision::Effect effect() const noexcept;
};

// What was asked, as it was understood, and what would come of it.
struct Simulated {
  std::string api;  // its id
  cedar::EntityUid action, resource;
  Instant time;
  // Of the header fields that the question names, those that the API would not get; absent: it names none.
  std::optional<std::vector<std::string>> left_out;
  bool explain = false;  // the whole explanation is wanted
  Prospect prospect;
  std::string policy_revision;
};

// What knows (`simulate`). Thread-safe.
class Simulator {
 public:
  virtual ~Simulator() = default;
  // `question` as docs/api.md has it, and asked now. Fails with kInvalid, and with kNotFound where no route
  // leads; the message names the member.
  virtual Result<Simulated> simulate(const codec::Json& question, Instant now) const = 0;
};

class Simulations {
 public:
  // What it refers to must outlive it.
  Simulations(const Authority& authority, const Simulator& simulator)
      : authority_(authority), simulator_(simulator) {}

  Answer<Simulated> ask(const Caller& caller, const codec::Json& question) const;

 private:
  const Authority& authority_;
  const Simulator& simulator_;
};

}  // namespace writ::control
