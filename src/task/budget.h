// Budget: what a task may use up. Plain values with strict JSON in both directions:
//
//   {"calls": 5, "actions": {"Billing::Action::\"read\"": 3}, "rates": [{"calls": 2, "seconds": 60}],
//    "amounts": {"credited": 1000.50}}
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
#include "task/amount.h"
#include "task/rate.h"

namespace writ::task {

inline constexpr std::int64_t kMaxCalls = 1'000'000'000'000;

struct ActionCalls {
  cedar::EntityUid action;
  std::int64_t calls;
};

// Of the numbers of that name that routes find in requests, the sum.
struct AmountTotal {
  std::string name;
  Amount total;
};

inline constexpr std::size_t kMaxAmounts = 8;  // of one task

struct Budget {
  std::optional<std::int64_t> calls;  // of all actions together
  std::vector<ActionCalls> actions;   // each action once
  std::vector<Rate> rates;            // each number of seconds once
  std::vector<AmountTotal> amounts;   // each name once

  bool unlimited() const noexcept { return !calls && actions.empty() && rates.empty() && amounts.empty(); }
};

// Null is unlimited. What is zero, negative or beyond its limit is refused; actions must be among the task's.
Result<Budget> budget_from_json(const codec::Json* json, const std::vector<cedar::EntityUid>& actions);
codec::Json budget_to_json(const Budget& budget);

// An action as text: `Billing::Action::"read"`, and back; its type must end with `Action`.
std::string uid_text(const cedar::EntityUid& uid);
Result<cedar::EntityUid> parse_action(std::string_view text);

}  // namespace writ::task
