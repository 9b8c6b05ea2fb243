// LeftOut: the header fields that callers sent and no upstream got (gateway/forwarded_headers.h). It counts
// them, and tells the operator of each name once, up to kMaxNames of all APIs together; then it only counts.
//
// Thread-safe, without a lock; only what is told allocates.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace writ::gateway {

class LeftOut {
 public:
  static constexpr std::size_t kMaxNames = 64;
  static constexpr std::size_t kMaxShownBytes = 64;  // of a name

  // Gets a line for people.
  using Tell = std::function<void(const std::string&)>;
  explicit LeftOut(Tell tell) : tell_(std::move(tell)) {}

  void saw(std::string_view api, std::string_view name);
  std::uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kSlots = 256;
  bool is_new(std::uint64_t hash) noexcept;

  Tell tell_;
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::size_t> names_{0};
  std::array<std::atomic<std::uint64_t>, kSlots> seen_{};  // hashes of names; 0: free
};

}  // namespace writ::gateway
