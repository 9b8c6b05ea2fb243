// Budget: what a task may use up. Plain values with strict JSON in both directions:
//
//   {"calls": 5, "actions": {"Billing::Action::\"read\"": 3}}
//
// What is absent is unlimited. What of it is used is counted elsewhere (task/counter.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cedar/ast.h"
#include "codec/json.h"

namespace writ::task {

inline constexpr std::int64_t kMaxCalls = 1'000'000'000'000;

struct ActionCalls {
  cedar::EntityUid action;
  std::int64_t calls;
};

struct Budget {
  std::optional<std::int64_t> calls;  // of all actions together
  std::vector<ActionCalls> actions;   // each action once

  bool unlimited() const noexcept { return !calls && actions.empty(); }
};

// Null is unlimited. Each number is at least 1 and at most kMaxCalls; actions must be among the task's.
Result<Budget> budget_from_json(const codec::Json* json, const std::vector<cedar::EntityUid>& actions);
codec::Json budget_to_json(const Budget& budget);

// An action as text: `Billing::Action::"read"`, and back; its type must end with `Action`.
std::string uid_text(const cedar::EntityUid& uid);
Result<cedar::EntityUid> parse_action(std::string_view text);

}  // namespace writ::task
