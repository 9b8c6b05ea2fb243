// HugePages: asks the kernel to keep memory in huge pages (of 2 MiB instead of 4 KiB). Who reads at random in
// much memory waits for the translation of an address about as long as for what stands there, and there a
// prefetch does not help; with huge pages the processor knows all translations by heart.
//
// An advice: where the kernel has none to give, nothing happens. The memory stays where and what it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace writ {

class HugePages {
 public:
  static constexpr std::size_t kBytes = 2 << 20;

  void add(const void* begin, std::size_t bytes);
  // For each that what was added fills by half. Says how many these are. Takes some milliseconds for each
  // that is none yet: who reads there meanwhile waits.
  std::size_t ask() const noexcept;

 private:
  std::map<std::uintptr_t, std::size_t> added_;  // bytes, by where the huge page would begin
};

}  // namespace writ
