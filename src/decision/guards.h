// The guards: built-in checks that no policy can switch off. Each is one small function with a name.
#pragma once

#include <algorithm>
#include <array>
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

// The attributes of a resource that guards read, whatever policies say: nobody may lose one on the way to
// them.
inline constexpr std::array<std::string_view, 3> kReadByGuards = {"environment", "forPurposes", "tenant"};
constexpr bool is_read_by_guards(std::string_view attribute) noexcept {
  return std::ranges::find(kReadByGuards, attribute) != kReadByGuards.end();
}

// In the order in which they run: cheapest first, and what would make a later one meaningless before it.
std::span<const Guard> guards() noexcept;

}  // namespace writ::decision
