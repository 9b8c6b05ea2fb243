#include "enforce/unlisted.h"

#include <algorithm>
#include <new>

namespace writ::enforce {

void Unlisted::note(std::string_view id, inventory::Day day, bool permitted) noexcept {
  const std::uint64_t hash = std::hash<std::string_view>{}(id);
  // The slot holds the rest of the hash, the day and what came of it: the same again needs no lock.
  auto& slot = lately_[hash % lately_.size()];
  const std::uint64_t mark = (hash & ~std::uint64_t{0xffffffff}) | (std::uint64_t{day} << 1 & 0xffffffff) |
                             static_cast<std::uint64_t>(permitted);
  if (slot.load(std::memory_order_relaxed) == mark) return;
  try {
    const std::lock_guard lock(mutex_);
    auto found = seen_.find(id);
    if (found == seen_.end()) {
      if (seen_.size() >= most_) {
        left_out_.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      found = seen_.emplace(std::string(id), Seen{std::string(id), day, day, permitted}).first;
    }
    found->second.last = std::max(found->second.last, day);
    found->second.permitted = found->second.permitted || permitted;
    slot.store(mark, std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {
    left_out_.fetch_add(1, std::memory_order_relaxed);
  }
}

std::vector<Unlisted::Seen> Unlisted::seen() const {
  const std::lock_guard lock(mutex_);
  std::vector<Seen> all;
  for (const auto& [id, seen] : seen_) all.push_back(seen);
  return all;
}

}  // namespace writ::enforce
