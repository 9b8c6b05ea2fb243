// prefetch(): what stands there is read soon, and may come from memory meanwhile. Nothing else happens, also
// where nothing stands there.
#pragma once

namespace writ {

inline void prefetch(const void* at) noexcept {
  __builtin_prefetch(at);
  // g++ 12 takes a function that only prefetches for one without effects, and drops calls of it.
  asm volatile("" : : "r"(at));
}

}  // namespace writ
