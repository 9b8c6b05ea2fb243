// Grants: what one identity was given beside what policies give to all of its kind, until a day. A grant is a
// link of a Cedar template that permits; lapsed means not linked (docs/grants.md).
//
// What other systems' exports say of roles is evidence (Identity::evidence) and none of these. Plain values,
// with strict JSON in both directions. Dates are moments; a day is its first one, in UTC.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cedar/ast.h"
#include "inventory/identity.h"

namespace writ::inventory {

inline constexpr std::size_t kMaxGrantIdBytes = 128;

struct Grant {
  std::string id;               // the id of the linked policy
  std::string policy_template;  // the @id of the template
  cedar::EntityUid principal;
  std::optional<cedar::EntityUid> resource = {};  // of a template with that slot
  std::optional<Instant> expires_at = {};
  std::optional<Instant> reviewed_at = {};  // somebody last confirmed that it is needed
  std::optional<Instant> review_by = {};    // without another confirmation it lapses then
  // At least one of expires_at and review_by is there: what has no end is a policy.
  std::optional<std::string> owner = {};        // the id of the user who answers for it
  std::optional<std::string> description = {};  // what it is there for

  // From then on it is not linked.
  Instant lapses_at() const noexcept;
  // Its review is what ends it.
  bool ends_by_review() const noexcept { return review_by && *review_by == lapses_at(); }
};

// What operators said of a grant over the API. It stays beside what the configuration says.
struct GrantRecord {
  std::string id;
  std::optional<Grant> given = {};
  std::optional<Review> review = {};
  bool revoked = false;  // of one that the configuration declares: until it has another id

  // There is nothing to keep.
  bool empty() const noexcept { return !given && !review && !revoked; }
};

// A grant as it stands.
struct GrantState {
  std::optional<Grant> declared = {};  // by the configuration, which comes first
  GrantRecord said = {};

  // As it is linked, with its last review; nothing: it is revoked, or nobody gives it any more.
  std::optional<Grant> in_force() const;
};

using Grants = std::map<std::string, GrantState, std::less<>>;

// The kind of a listed identity; nothing: it is not listed.
using KindOf = std::function<std::optional<Kind>(std::string_view id)>;

// `principal` is the id of a listed identity, or an entity as Cedar writes it.
Result<Grant> grant_from_json(const codec::Json& json, const KindOf& kind_of);
// For people and programs.
codec::Json grant_to_json(const Grant& grant);
Result<void> validate(const Grant& grant);

// For the store.
std::string grant_record(const GrantRecord& record);
Result<GrantRecord> grant_from_record(std::string_view text);

}  // namespace writ::inventory
