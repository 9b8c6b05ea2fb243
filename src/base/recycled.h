// Recycled: an allocator for objects that come and go with each request, and are too large for the quick
// lists of malloc. What a thread gives back it gets again; it keeps at most kMost of a kind.
//
//   std::allocate_shared<Asking>(Recycled<Asking>(), ...)
//
// Under the address sanitizer nothing is kept: what is used after its end shall be found.
#pragma once

#include <array>
#include <cstddef>
#include <new>

// As gcc says it, and as clang does.
#ifdef __SANITIZE_ADDRESS__
#define WRIT_FINDS_USE_AFTER_END
#elifdef __has_feature
#if __has_feature(address_sanitizer)
#define WRIT_FINDS_USE_AFTER_END
#endif
#endif

namespace writ {

template <class T>
class Recycled {
 public:
  using value_type = T;

#ifdef WRIT_FINDS_USE_AFTER_END
  static constexpr std::size_t kMost = 0;
#else
  static constexpr std::size_t kMost = 64;
#endif

  Recycled() = default;
  template <class Other>
  explicit(false) Recycled(const Recycled<Other>&) noexcept {}

  T* allocate(std::size_t count) {
    auto& [blocks, kept, closed] = of_thread();
    if (count == 1 && kept > 0) return static_cast<T*>(blocks[--kept]);
    return static_cast<T*>(::operator new(count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t count) noexcept {
    auto& [blocks, kept, closed] = of_thread();
    if (count != 1 || kept == kMost || closed) return ::operator delete(block, count * sizeof(T));
    blocks[kept++] = block;
  }

  friend bool operator==(const Recycled&, const Recycled&) noexcept {
    return true;
  }

 private:
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  struct Kept {
    std::array<void*, kMost> blocks;
    std::size_t kept = 0;
    bool closed = false;  // the thread ends: what others of its variables give back is not kept any more

    ~Kept() {
      while (kept > 0) ::operator delete(blocks[--kept], sizeof(T));
      closed = true;
    }
  };
  static Kept& of_thread() noexcept {
    thread_local Kept kept;
    return kept;
  }
};

}  // namespace writ
