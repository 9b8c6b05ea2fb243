// Policies as use cases: see what is in force and what was, read the files again, go back to a revision.
//
// How sets of policies are read, checked, kept and put in force is for whoever implements PolicySets
// (`policy`). Thread-safe. They wait for the audit and for the disk: not on a loop thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "codec/json.h"
#include "control/authority.h"
#include "files/issue.h"

namespace writ::control {

// Who replaces policies, for the record. Views.
struct ReplacedBy {
  std::string_view cause;  // "signal", "api", "files", "rollback"
  std::string_view actor;  // empty: Writ itself
  std::string_view request_id;
  // A reload that does not wait for tokens that lack what the policies read.
  bool at_once = false;
};

// A set of policies that takes force when the last token has ended that lacks a claim which it reads
// (docs/claims.md).
struct WaitingRevision {
  std::string revision;
  Instant until;
};

struct Replacement {
  files::Issues issues;  // with an error nothing has changed
  std::string revision;  // in force now
  bool changed = false;  // something is in force that was not before
  bool held = false;     // the files are those that were rolled back, so what was chosen stays
  std::optional<WaitingRevision> waiting = {};  // what the files say takes force later
};

struct KeptRevision {
  std::string revision;
  Instant since;  // when it came into force last
};

// A set of policies as the texts that it was made of.
struct RevisionTexts {
  struct File {
    std::string_view kind;  // "policies", "schema", "entities"
    std::string path;       // from the configuration's folder on
    std::shared_ptr<const std::string> text;
  };
  KeptRevision kept;
  std::size_t max_chain;
  std::vector<File> files;
};

// The sets of policies: the one in force, and those that were. Thread-safe.
class PolicySets {
 public:
  struct State {
    std::string revision;                   // in force
    std::optional<std::string> instead_of;  // the files' revision, where somebody chose another
    std::vector<KeptRevision> kept;         // the newest first
    std::optional<WaitingRevision> waiting = {};
  };

  virtual ~PolicySets() = default;
  virtual Result<State> state() const = 0;
  // By its first digits. Fails with kNotFound, kConflict.
  virtual Result<RevisionTexts> read(std::string_view revision) const = 0;
  // Reads the configuration again. Policies that read a claim which some tokens lack wait for their end.
  virtual Result<Replacement> reload(const ReplacedBy& by) = 0;
  // Back to a kept revision, by its first digits. It stays until the files are others than they are now, also
  // after a restart; the revision of the files themselves takes that back. It waits for nothing, and what
  // waits is given up. Fails with kNotFound, kConflict.
  virtual Result<Replacement> roll_back(std::string_view revision, const ReplacedBy& by) = 0;
};

class Policies {
 public:
  // What it refers to must outlive it.
  Policies(const Authority& authority, PolicySets& sets) : authority_(authority), sets_(sets) {}

  Answer<PolicySets::State> list(const Caller& caller) const;
  Answer<RevisionTexts> show(const Caller& caller, const std::string& revision) const;
  // `request` as docs/api.md has it; null: nothing was said.
  Answer<Replacement> reload(const Caller& caller, const codec::Json& request = {}) const;
  Answer<Replacement> roll_back(const Caller& caller, const codec::Json& request) const;

 private:
  const Authority& authority_;
  PolicySets& sets_;
};

}  // namespace writ::control
