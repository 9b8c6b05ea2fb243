// What sources said of resources as use cases: it is declared old, and asked for anew (docs/asked-facts.md).
// Who may is decided for each type: `forget-facts` on `Writ::EntityType::"Shop::Order"`.
//
// Thread-safe. They wait for the audit: not on a loop thread.
#pragma once

#include <optional>
#include <string>

#include "control/authority.h"
#include "enforce/in_force.h"

namespace writ::control {

class AskedFacts {
 public:
  // What it refers to must outlive it.
  AskedFacts(const Authority& authority, const enforce::Current& current)
      : authority_(authority), current_(current) {}

  // Of one resource, whatever tenants asked about it; without an id, of all of the type. What was said until
  // now is not used any more when it returns.
  Answer<void> forget(const Caller& caller, const std::string& type,
                      const std::optional<std::string>& id) const;

 private:
  const Authority& authority_;
  const enforce::Current& current_;
};

}  // namespace writ::control
