// For tests and benchmarks: counts allocations, and lets one of them fail. It replaces the program's operator
// new, so include it in one source file of a program. Counts only inside allocations_of() and of its thread.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace writ::testing {

inline thread_local bool counting = false;
inline thread_local std::size_t allocations = 0;
inline thread_local std::size_t failing = 0;  // which one fails; 0: none

// Whether this one fails.
inline bool count_allocation() {
  return counting && ++allocations == failing;
}

inline void* allocate(std::size_t bytes) {
  if (count_allocation()) throw std::bad_alloc();
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

// How often `work` asks for memory, on this thread.
template <class Work>
std::size_t allocations_of(Work work) {
  allocations = 0;
  counting = true;
  work();
  counting = false;
  return allocations;
}

// Whether `work` came to ask for memory for the n-th time, which is refused.
template <class Work>
bool with_failing_allocation(std::size_t n, Work work) {
  failing = n;
  const auto asked = allocations_of(std::move(work));
  failing = 0;
  return asked >= n;
}

}  // namespace writ::testing

// Not inlined: the compiler would see malloc behind one and free behind the other, and warn of a mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  return writ::testing::allocate(bytes);
}
[[gnu::noinline]] void* operator new[](std::size_t bytes) {
  return writ::testing::allocate(bytes);
}
// Replaced as well, so that memory is given back the way it was taken: simdjson uses them.
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (writ::testing::count_allocation()) return nullptr;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
[[gnu::noinline]] void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  if (writ::testing::count_allocation()) return nullptr;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
