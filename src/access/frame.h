// The frame of every question about access (docs/access.md): inventory, policies and calendars as they stand
// at an instant; a valid, unrevoked token for the API, bound to its sender where it is bound. Open are the
// time from then on, the resource and its attributes, tasks, approvals, and users that are not listed.
//
// A Chain is who takes part: from the one that the request is for over each that acts for the one before, to
// the one that sends it. Plain values. They view the inventory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "context/context.h"
#include "decision/decision.h"
#include "inventory/snapshot.h"
#include "token/claims.h"

namespace writ::access {

using context::Point;

struct Frame {
  const inventory::Snapshot& inventory;
  const decision::PolicySnapshot& policies;
  Instant at;
  // Entities that were pushed, as they stand now. What they say may change, so it is no more than possible;
  // but requests are decided with them. Null: there are none.
  const cedar::EntitySource* pushed = nullptr;
};

// One of a chain.
struct ChainLink {
  std::string id;
  const inventory::Member* member;  // null: a user that the inventory does not list

  inventory::Kind kind() const noexcept {
    return member != nullptr ? (*member)->kind : inventory::Kind::kUser;
  }
  bool is_agent() const noexcept { return kind() == inventory::Kind::kAgent; }
  cedar::EntityUid uid() const { return {std::string(inventory::cedar_type(kind())), id}; }
};

// Never empty. Each identity once.
using Chain = std::vector<ChainLink>;

// As the token of the chain has them: nearest first (RFC 8693 §4.1), as the token service makes them.
std::vector<token::Actor> actors_of(const Chain& chain);
// The parties in the order in which they are asked: subject, client, then the others from the nearest on.
std::vector<const ChainLink*> parties_of(const Chain& chain);
// "nora → support-portal → support-agent"
std::string text_of(const Chain& chain);

// What is asked of a chain: an action on a resource of a type, or whether a token for the API is issued.
struct Target {
  const inventory::Api* api;
  Point point = Point::kUse;
  cedar::EntityUid action = {};              // kUse
  std::string resource_type = {};            // kUse; "": nobody says of which types it may be
  std::optional<std::string> resource = {};  // kUse: the id, where one is asked about

  static Target issue(const inventory::Api& api) { return {.api = &api, .point = Point::kIssue}; }
};

}  // namespace writ::access
