// Notice: a line for the operator about a limit that is met, however often it is met: one at once, then at
// most one a minute, with how often it was met in between. Thread-safe; takes no lock.
//
//   static Notice full;
//   if (const auto times = full.due()) say_limit(fmt::format("… ({} times)", *times));
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

namespace writ {

class Notice {
 public:
  // It was met once more. A number: say so now; it was met that often since the last line.
  std::optional<std::uint64_t> due() noexcept;

 private:
  std::atomic<std::uint64_t> times_{0};
  std::atomic<std::int64_t> next_ms_{0};
};

// "writ: limit: …" on stderr. Never throws.
void say_limit(std::string_view text) noexcept;

}  // namespace writ
