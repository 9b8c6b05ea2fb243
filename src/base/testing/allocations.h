// For tests and benchmarks: counts allocations. It replaces the program's operator new, so include it in one
// source file of a program. Counts only inside allocations_of().
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace writ::testing {

inline thread_local bool counting = false;
inline thread_local std::size_t allocations = 0;

inline void* allocate(std::size_t bytes) {
  if (counting) ++allocations;
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
  if (writ::testing::counting) ++writ::testing::allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
[[gnu::noinline]] void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  if (writ::testing::counting) ++writ::testing::allocations;
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
