#include "http/shares.h"

#include <random>

namespace writ::http {

std::uint64_t Shares::secret() noexcept {
  static const std::uint64_t value = [] {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
  }();
  return value;
}

}  // namespace writ::http
