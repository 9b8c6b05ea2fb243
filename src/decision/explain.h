// Explanation of a decision: every guard, every party, the policies that mattered with the condition that
// failed and the values it saw, and the smallest change of context that would have been permitted.
//
// The same content as text for people and as JSON for programs. Values of paths that the operator redacts are
// not shown. For people, not for every request: it decides again, up to some thousand times. Pure: no I/O, no
// clock. The explanation borrows nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/explain.h"
#include "codec/json.h"
#include "decision/decision.h"

namespace writ::decision {

// Paths whose values are not shown, each with what lies below it, and with a record that it lies in:
// `context.request.ip`, `resource.customer`. The texts and entities found there are not shown elsewhere
// either: in a message, or in the change that would help; but for the parties, who are named.
using Redaction = std::vector<std::string>;

struct GuardFinding {
  std::string_view name;
  bool passed;
};

struct PolicyFinding {
  std::string id;
  bool forbids;
  cedar::PolicyExplanation explanation;  // values redacted
};

// Which source told a fact of the resource, or of the request.
struct ToldFact {
  std::string path;    // "resource.amount"
  std::string source;  // "the request, body /amount"; "pushed entity"
  std::string gap;     // why it is not told; empty: it is
};

struct PartyFinding {
  std::string_view kind;  // "user", "application", "service", "agent"
  std::string uid;        // as policies write it
  bool permitted;
  std::vector<PolicyFinding> policies;  // all whose scope matches
};

// What would have to be said instead of the context.
struct Change {
  std::string path;
  std::optional<std::string> from;  // absent: nothing is there
  std::optional<std::string> to;    // absent: nothing may be there
  bool any = false;                 // that something is there is enough
};

// A grant that is over, and would have permitted it for a party the moment before.
struct LapsedGrant {
  std::string id, party;
  Instant at;
};

struct Explanation {
  std::string api;
  std::string action;  // as policies write them
  std::string resource;
  std::string revision;  // of the policies
  Effect effect;
  std::vector<Refusal> refusals;      // all of them
  std::vector<std::string> policies;  // that carried a permit
  std::vector<GuardFinding> guards;
  std::vector<PartyFinding> parties;
  std::vector<ToldFact> told;
  std::vector<LapsedGrant> lapsed;
  // Present when the policies refused and a change was found.
  std::optional<std::vector<Change>> smallest_change;
};

Explanation explain(const PolicySnapshot& snapshot, const context::Context& context,
                    const Redaction& redaction);

std::string to_text(const Explanation& explanation);
codec::Json to_json(const Explanation& explanation);

}  // namespace writ::decision
