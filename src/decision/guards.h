// The guards: built-in checks that no policy can switch off. Each is one small function with a name.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "context/context.h"
#include "decision/decision.h"

namespace writ::decision {

struct Guard {
  std::string_view name;
  // Nothing, or why the request is refused.
  std::optional<Refusal> (*check)(const context::Context& context, const PolicySnapshot& snapshot);
};

// In the order in which they run: cheapest first, and what would make a later one meaningless before it.
std::span<const Guard> guards() noexcept;

}  // namespace writ::decision
