// PlainQuestion: a question with a principal of any type, as AuthZEN asks it: no token, no guards, and
// entities that the caller describes. For an identity of the inventory only the inventory's facts count, and
// one that is stopped is permitted nothing.
//
// Pure. One per question; not thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cedar/entities.h"
#include "cedar/request.h"
#include "codec/json_cut.h"
#include "decision/decision.h"
#include "inventory/snapshot.h"

namespace writ::enforce {

// Used again from question to question. One per thread.
struct PlainMemory {
  cedar::Arena arena;
  std::optional<cedar::Overlay> overlay;
  decision::Workspace decision, shadows;
  struct Names {
    std::string subject, action, resource;
  } names;  // as Cedar writes them, for the record
};

// Valid until the memory is used again.
struct PlainRuling {
  std::optional<decision::Refusal> refusal;      // nothing: permitted
  const decision::Decision* decision = nullptr;  // null: refused before policies were asked
  const decision::Decision* shadowed = nullptr;  // null: there are no shadow policies, or as above

  // Of a permit: what it obliges to leave out of an answer; null: nothing. `policies` are those that ruled.
  std::shared_ptr<const codec::JsonCut> obligations(const decision::PolicySnapshot& policies) const;
};

class PlainQuestion {
 public:
  // All is borrowed. Forgets the question before. `pushed`: entities beside those of the policies, or null.
  PlainQuestion(const inventory::Snapshot& inventory, const decision::PolicySnapshot& policies,
                PlainMemory& memory, const cedar::EntitySource* pushed = nullptr);

  cedar::Arena& arena() noexcept { return memory_.arena; }
  // What the inventory says of it, a view; nothing: it is not an identity of the inventory, or has no tenant.
  std::optional<std::string_view> tenant_of(cedar::EntityRef principal) const;
  // What the caller tells of an entity, a record; the catalogue comes first, and the inventory before it.
  Result<void> lay(cedar::EntityRef uid, const std::optional<cedar::Value>& told);
  // `now`: whether an identity has expired, and a grant lapsed.
  PlainRuling rule(cedar::Request request, Instant now) const;
  // While attributes of the resource are still to come, which `awaited` names and nobody laid: what refuses
  // it all the same. Without a refusal it is not permitted: rule() is asked of a new question with them.
  PlainRuling rule_awaiting(cedar::Request request, Instant now, std::span<const std::string> awaited) const;
  // Of what everybody may have: decision::decide_public().
  PlainRuling rule_public(const cedar::Request& request) const;

 private:
  const inventory::Snapshot& inventory_;
  const decision::PolicySnapshot& policies_;
  PlainMemory& memory_;
};

}  // namespace writ::enforce
