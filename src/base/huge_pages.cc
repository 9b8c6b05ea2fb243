#include "base/huge_pages.h"

#include <algorithm>
#include <sys/mman.h>

namespace writ {
namespace {

// At once, and not some day (Linux 6.1; the C library's headers may be older).
constexpr int kCollapse = 25;

}  // namespace

void HugePages::add(const void* begin, std::size_t bytes) {
  auto at = reinterpret_cast<std::uintptr_t>(begin);
  for (const auto end = at + bytes; at < end;) {
    const auto page = at / kBytes * kBytes;
    const auto next = std::min<std::uintptr_t>(page + kBytes, end);
    added_[page] += next - at;
    at = next;
  }
}

std::size_t HugePages::ask() const noexcept {
  std::size_t asked = 0;
  for (const auto& [page, bytes] : added_) {
    if (bytes < kBytes / 2) continue;
    ++asked;
    auto* memory = reinterpret_cast<void*>(page);
    if (madvise(memory, kBytes, MADV_HUGEPAGE) == 0) madvise(memory, kBytes, kCollapse);
  }
  return asked;
}

}  // namespace writ
