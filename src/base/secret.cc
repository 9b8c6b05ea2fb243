#include "base/secret.h"

#include <cstring>

namespace writ {

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

bool Secret::equals(std::string_view other) const noexcept {
  return constant_time_equal(bytes_, other);
}

void Secret::wipe() noexcept {
  // The whole capacity: a short string may keep older bytes behind its end.
  bytes_.resize(bytes_.capacity());
  explicit_bzero(bytes_.data(), bytes_.size());
  bytes_.clear();
}

}  // namespace writ
