// Pushed entities as use cases: put, change, take away and see them (docs/facts.md). Who may is decided for
// each type, with the entity's tenant: `manage-entities` on `Writ::EntityType::"Billing::Order"`.
//
// Thread-safe. They wait for the audit and for the store: not on a loop thread.
#pragma once

#include <string>
#include <vector>

#include "control/authority.h"
#include "control/page.h"
#include "facts/registry.h"

namespace writ::control {

inline constexpr std::size_t kMaxEntityLines = 10'000;  // of one request

class PushedFacts {
 public:
  // What it refers to must outlive it.
  PushedFacts(const Authority& authority, facts::EntityRegistry& registry)
      : authority_(authority), registry_(registry) {}

  // `entity` in Cedar's JSON. Answers what is in force now, with all escapes.
  Answer<codec::Json> put(const Caller& caller, const codec::Json& entity) const;
  // Of one that is there: attributes that are null go.
  Answer<codec::Json> patch(const Caller& caller, const codec::Json& change) const;
  Answer<void> erase(const Caller& caller, const facts::EntityKey& name) const;
  Answer<codec::Json> show(const Caller& caller, const facts::EntityKey& name) const;
  struct Listed {
    std::vector<codec::Json> entities;
    std::optional<std::string> next;
  };
  // Of one type, in the order of their ids; those of other tenants than the caller's are left out.
  Answer<Listed> list(const Caller& caller, const std::string& type, const IdPage& page) const;
  // JSON lines: entities to put, or `{"delete": {"type": …, "id": …}}`. All or none; the error names the
  // line.
  Answer<std::size_t> import(const Caller& caller, std::string_view lines) const;

 private:
  // Of what is there and of what comes, each tenant once.
  Answer<enforce::Permit> allow(const Caller& caller, std::string_view action,
                                std::span<const facts::EntityChange> changes) const;
  Answer<codec::Json> change(const Caller& caller, facts::EntityChange change) const;

  const Authority& authority_;
  facts::EntityRegistry& registry_;
};

}  // namespace writ::control
