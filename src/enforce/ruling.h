// Ruling: the answer to one question, with the facts that it was decided on. The one place where facts are
// put together and policies asked: use of a token, issuing one, and what would come of either.
//
// A Ruling is a view of its Memory and of what decided, and valid until the memory is used again. Pure: no
// I/O, no clock, no locks.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/times.h"
#include "context/context.h"
#include "decision/decision.h"
#include "decision/shadow.h"
#include "enforce/question.h"
#include "task/live_task.h"
#include "token/claims.h"
#include "token/verified.h"

namespace writ::enforce {

// Used again from ruling to ruling: a warm one allocates nothing. One per thread.
struct Memory {
  context::Workspace context;
  decision::Workspace decision, shadows;
  struct Names {
    std::string action, resource;
  } names;  // as Cedar writes them, for the record
};

// What decides. Borrowed; `task` is the token's, or null.
struct Deciding {
  const inventory::Snapshot& inventory;
  const decision::PolicySnapshot& policies;
  const task::LiveTask* task;
  const cedar::EntitySource* pushed = nullptr;  // entities beside those of the policies; null: none
};

// What is asked, as far as a decision looks at it.
struct Facts {
  Times time;
  std::string_view method, path, peer_ip;
  const inventory::Api& api;
  EntityName action, resource;
  const Attributes& attributes;  // may be empty
  std::span<const task::NamedAmount> amounts = {};
  bool approved = false;      // people have approved this very call
  bool budget_taken = false;  // for this very request
  Attributes input = {};      // may be empty
  std::span<const context::FactNote> notes = {};
};

struct Ruling {
  context::Context context;
  const decision::Decision* decision;            // never null
  const decision::Decision* shadowed = nullptr;  // with the shadow policies in force; null: there are none

  bool permitted() const noexcept { return decision->permitted(); }
  // Of rule_awaiting(): nothing refuses it so far; ask again with what is awaited. It is not permitted.
  bool needs_facts() const noexcept { return decision->needs_facts(); }
  // The one that counts; nothing when it is permitted. For want of a fact it says why that is not told.
  std::optional<decision::Refusal> refusal() const;
  // The first guard that refuses; empty: none does.
  std::string_view guard(const decision::PolicySnapshot& policies) const;
};

enum class Shadows : std::uint8_t { kAsked, kLeftAlone };

// Fail (kInvalid) only where parties, task and resource cannot be laid over each other: then there is no
// question to ask.
Result<Ruling> rule_on_use(const token::Verified& token, const Facts& facts, const Deciding& deciding,
                           Memory& memory, Shadows shadows,
                           decision::Reasons reasons = decision::Reasons::kFirst);
Result<Ruling> rule_on_use(token::Verified&&, const Facts&, const Deciding&, Memory&, Shadows,
                           decision::Reasons = decision::Reasons::kFirst) = delete;  // it would dangle
// While attributes of the resource are still to come, which `awaited` names: decision::decide_awaiting(). The
// shadow policies are asked when they are there.
Result<Ruling> rule_awaiting(const token::Verified& token, const Facts& facts,
                             std::span<const std::string> awaited, const Deciding& deciding, Memory& memory);
Result<Ruling> rule_awaiting(token::Verified&&, const Facts&, std::span<const std::string>, const Deciding&,
                             Memory&) = delete;  // it would dangle
// Of rule_awaiting(), a while later, with what is known of the resource by then: it becomes what
// rule_on_use() would rule, without what has not changed put together again. `deciding` is what it was, and
// `memory` was not used in between. Fails as that does; then it is of no use any more.
Result<void> rule_again(Ruling& ruling, Times time, const Attributes& attributes, bool budget_taken,
                        const Deciding& deciding, Memory& memory, Shadows shadows);
// Of a token that is about to be issued: its client has authenticated, and what was presented was verified.
Result<Ruling> rule_on_issue(const token::AccessClaims& claims, const Facts& facts, const Deciding& deciding,
                             Memory& memory, Shadows shadows,
                             decision::Reasons reasons = decision::Reasons::kFirst);
Result<Ruling> rule_on_issue(token::AccessClaims&&, const Facts&, const Deciding&, Memory&, Shadows,
                             decision::Reasons = decision::Reasons::kFirst) = delete;

}  // namespace writ::enforce
