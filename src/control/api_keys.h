// API keys as use cases: list them, make one, put another in its place, revoke one (docs/api-keys.md).
//
// Who may manage an identity may make keys for it. A key's text is in the answer that made it, and nowhere
// else. Thread-safe. They wait for the audit and for the store: not on a loop thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "codec/json.h"
#include "control/authority.h"
#include "inventory/api_key_registry.h"
#include "inventory/directory.h"

namespace writ::control {

class ApiKeys {
 public:
  // What it refers to must outlive it.
  ApiKeys(const Authority& authority, const inventory::Directory& directory, inventory::ApiKeyRegistry& keys)
      : authority_(authority), directory_(directory), keys_(keys) {}

  // By which it is judged what is over.
  Instant now() const { return authority_.now().latest; }

  struct Made {
    inventory::ApiKey key;
    Secret text;
  };
  // Those of identities that the caller may see, in the order of their making.
  Answer<std::vector<inventory::ApiKey>> list(const Caller& caller) const;
  // `key` as docs/api.md has it.
  Answer<Made> make(const Caller& caller, const codec::Json& key) const;
  // Another one of the same kind; the one that there is ends by then.
  struct Rotation {
    std::string id;
    std::optional<Instant> old_until = {};   // absent: a week from now
    std::optional<Instant> expires_at = {};  // of the new one; absent: it lives as long as the old one was to
  };
  Answer<Made> rotate(const Caller& caller, const Rotation& rotation) const;
  Answer<inventory::ApiKey> revoke(const Caller& caller, const std::string& id) const;

 private:
  struct Found {
    inventory::ApiKey key;
    enforce::Permit permit;
  };
  Answer<Found> find(const Caller& caller, const std::string& id, Stops stops) const;
  Answer<Made> made(const std::string& id, Secret text) const;

  const Authority& authority_;
  const inventory::Directory& directory_;
  inventory::ApiKeyRegistry& keys_;
};

}  // namespace writ::control
