// Grants as use cases: list them, give one, confirm that it is needed, take it away (docs/grants.md).
//
// Who gives grants gives what templates permit, so it is an action of its own, `manage-grants`, on the
// identity that gets one. How grants become policies in force is for whoever implements GrantLinks
// (`policy`). Thread-safe. They wait for the audit and for the store: not on a loop thread.
#pragma once

#include <string>
#include <vector>

#include "codec/json.h"
#include "control/authority.h"
#include "inventory/directory.h"

namespace writ::control {

// What grants are linked by. Thread-safe.
class GrantLinks {
 public:
  virtual ~GrantLinks() = default;
  // What change() would refuse: kInvalid, with why it cannot be linked.
  virtual Result<void> check(const inventory::GrantRecord& record) = 0;
  // What is said of a grant from now on. Stored, and in force with the next decision, when it returns.
  virtual Result<void> change(const inventory::GrantRecord& record) = 0;
};

class Grants {
 public:
  // What it refers to must outlive it.
  Grants(const Authority& authority, const inventory::Directory& directory, GrantLinks& links)
      : authority_(authority), directory_(directory), links_(links) {}

  // By which it is judged what is over.
  Instant now() const { return authority_.now().latest; }

  struct Seen {
    std::string id;
    inventory::GrantState state;
  };
  // Those of identities that the caller may see, in the order of ids.
  Answer<std::vector<Seen>> list(const Caller& caller) const;
  // `grant` as docs/api.md has it. kConflict when there is one of that id.
  Answer<Seen> give(const Caller& caller, const codec::Json& grant) const;
  // The caller confirms that it is needed, until the next review. Recorded with who did.
  Answer<Seen> review(const Caller& caller, const std::string& id, Instant next) const;
  // One that was given here is gone; of one that the configuration declares it is kept that it is revoked.
  Answer<Seen> revoke(const Caller& caller, const std::string& id) const;

 private:
  Answer<std::pair<Seen, enforce::Permit>> find(const Caller& caller, const std::string& id,
                                                Stops stops = Stops::kNo) const;
  Seen seen(const std::string& id) const;

  const Authority& authority_;
  const inventory::Directory& directory_;
  GrantLinks& links_;
};

}  // namespace writ::control
