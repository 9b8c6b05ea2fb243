// Unlisted: callers that were seen in traffic and that the inventory does not know, by the day. Users of a
// provider need not be listed, so most of them are permitted; others are refused with `caller_unknown`.
//
// Bounded: what comes when it is full is counted and left out. Thread-safe. Who was noted today already costs
// one load.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/use.h"

namespace writ::enforce {

class Unlisted {
 public:
  explicit Unlisted(std::size_t most = 10'000) : most_(most) {}
  Unlisted(const Unlisted&) = delete;
  Unlisted& operator=(const Unlisted&) = delete;

  struct Seen {
    std::string id;
    inventory::Day first = 0, last = 0;
    bool permitted = false;  // ever; else it was only refused
  };
  // Never throws: for want of memory it counts it as left out.
  void note(std::string_view id, inventory::Day day, bool permitted) noexcept;
  // By their ids.
  std::vector<Seen> seen() const;
  std::uint64_t left_out() const noexcept { return left_out_.load(std::memory_order_relaxed); }

 private:
  const std::size_t most_;
  std::array<std::atomic<std::uint64_t>, 4096> lately_{};  // who was noted, with the day
  std::atomic<std::uint64_t> left_out_{0};
  mutable std::mutex mutex_;
  std::map<std::string, Seen, std::less<>> seen_;
};

}  // namespace writ::enforce
