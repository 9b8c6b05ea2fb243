#include "base/notice.h"

#include <chrono>
#include <cstdio>

namespace writ {

std::optional<std::uint64_t> Notice::due() noexcept {
  constexpr std::int64_t kEveryMs = 60'000;
  times_.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::steady_clock::now().time_since_epoch())
                               .count();
  std::int64_t next = next_ms_.load(std::memory_order_relaxed);
  if (now < next || !next_ms_.compare_exchange_strong(next, now + kEveryMs)) return std::nullopt;
  return times_.exchange(0, std::memory_order_relaxed);
}

void say_limit(std::string_view text) noexcept {
  std::fprintf(stderr, "writ: limit: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace writ
