// Secret: bytes that must not be printed, compared in variable time, or left behind in memory.
//
// It wipes itself when it is destroyed or assigned, has no stream or fmt output, and compares only through
// equals(), whose running time depends on the lengths alone. Move-only, so that copies are visible in the
// code.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace writ {

class Secret {
 public:
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    wipe();
    bytes_ = std::move(other.bytes_);
    other.wipe();
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  // The bytes, named so that each use is easy to find and to question.
  std::string_view expose() const noexcept { return bytes_; }

  bool equals(std::string_view other) const noexcept;

 private:
  void wipe() noexcept;
  std::string bytes_;
};

// Compares in time that depends only on the lengths.
bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

}  // namespace writ
