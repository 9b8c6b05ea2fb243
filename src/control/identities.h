// The inventory as use cases: see identities and APIs, add and change them, stop them and lift a stop.
//
// Thread-safe. They wait for the audit and for the store: not on a loop thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codec/json.h"
#include "control/authority.h"
#include "control/page.h"
#include "enforce/unlisted.h"
#include "inventory/directory.h"
#include "inventory/user_names.h"

namespace writ::control {

class Identities {
 public:
  // What it refers to must outlive it. `user_names`: whose ids no other identity may look like. `unlisted`:
  // where callers are noted that nobody listed; null: nowhere. `links`: what providers' users would be called
  // here, and the identities that they are joined to.
  using Links = std::map<std::string, std::string, std::less<>>;
  Identities(const Authority& authority, inventory::Directory& directory,
             std::vector<inventory::UserNames> user_names = {}, const enforce::Unlisted* unlisted = nullptr,
             Links links = {})
      : authority_(authority),
        directory_(directory),
        user_names_(std::move(user_names)),
        unlisted_(unlisted),
        links_(std::move(links)) {}

  // By which statuses are judged.
  Instant now() const { return authority_.now().latest; }

  // An identity as it stands in a snapshot, or an id that is stopped and not listed.
  struct Seen {
    std::shared_ptr<const inventory::Snapshot> inventory;
    const inventory::Member* member;  // null: it is not listed
    inventory::Stop stop;
    bool asker_stopped = false;  // it was stopped, and is a party to the request that stopped it
  };
  struct Listed {
    std::shared_ptr<const inventory::Snapshot> inventory;
    std::vector<const inventory::Member*> members;
    std::vector<inventory::Stop> stops;    // of who is not listed
    std::optional<std::string> next = {};  // the id after which it goes on; nothing: nothing follows
  };
  // In the order of ids.
  Answer<Listed> list(const Caller& caller, const IdPage& page) const;
  Answer<Seen> show(const Caller& caller, const std::string& id) const;
  // `identity` as docs/api.md has it; its member `secret` is hashed and not kept.
  Answer<Seen> create(const Caller& caller, const codec::Json& identity) const;
  // Of the id that the identity names. Credentials and orders that it does not mention stay.
  Answer<Seen> update(const Caller& caller, const codec::Json& identity) const;
  // An order on any id that a token could carry, listed or not.
  Answer<Seen> order(const Caller& caller, const std::string& id, inventory::Status status) const;

  // The caller confirms that the identity is needed as it is, until the next review. Recorded with who did.
  Answer<Seen> review(const Caller& caller, const std::string& id, Instant next) const;
  // Callers that the inventory does not know. They have no tenant: only who may see all of them may.
  struct Strangers {
    std::vector<enforce::Unlisted::Seen> seen;
    std::uint64_t left_out = 0;
  };
  Answer<Strangers> unlisted(const Caller& caller) const;

  Answer<std::shared_ptr<const inventory::Snapshot>> list_apis(const Caller& caller) const;
  Answer<inventory::Api> show_api(const Caller& caller, const std::string& id) const;
  Answer<inventory::Api> create_api(const Caller& caller, const codec::Json& api) const;

 private:
  // To make it, or what is there, into this: who may not manage what comes of it does not make it.
  Answer<enforce::Permit> allow_as(const Caller& caller, const inventory::Identity& identity) const;
  // `presence` of who is not listed.
  Answer<enforce::Permit> allow_on(const Caller& caller, std::string_view action,
                                   const inventory::Member* member, const std::string& id,
                                   Authority::Presence presence, Stops stops = Stops::kNo) const;
  Seen seen(const std::string& id) const;

  const Authority& authority_;
  inventory::Directory& directory_;
  const std::vector<inventory::UserNames> user_names_;
  const enforce::Unlisted* unlisted_;
  const Links links_;
};

}  // namespace writ::control
