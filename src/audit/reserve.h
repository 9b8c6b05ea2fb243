// Reserve: space on the disk that is kept for stops. A file of blocks that are really there, which is made
// smaller when the disk is full and somebody has to be stopped, and whole again when there is room.
//
// While it is not whole only stops are recorded; what everybody may write would use up what was given back.
// A file system that packs zeros, or has no blocks to give, keeps less than it says. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/result.h"

namespace writ::audit {

class Reserve {
 public:
  // `bytes` 0: nothing is kept, and it is always whole.
  Reserve(std::filesystem::path path, std::uint64_t bytes) : path_(std::move(path)), wanted_(bytes) {}

  bool whole() const noexcept { return have_ >= wanted_; }
  std::uint64_t have() const noexcept { return have_; }

  // Makes it whole, when more than it needs is free: else the next record would find the disk full again.
  Result<void> refill();
  // Is there less than make_room() would make? Not when nothing is kept.
  bool short_of_room() const;
  // Sees to it that there is room for a record and for what the database writes with it. False: it would
  // take more than there is down to `keep`.
  bool make_room(std::uint64_t keep);
  // Gives a piece back, whatever is free. False: there is none down to `keep`.
  bool give_back(std::uint64_t keep);

 private:
  bool resize(std::uint64_t bytes);
  std::optional<std::uint64_t> free_bytes() const;

  const std::filesystem::path path_;
  const std::uint64_t wanted_;
  std::uint64_t have_ = 0;
};

}  // namespace writ::audit
