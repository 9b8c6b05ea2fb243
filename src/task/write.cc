#include "task/write.h"

#include <cstdio>
#include <exception>
#include <utility>

namespace writ::task {

void Write::settle_as(bool done) noexcept {
  if (!settle) return;
  try {
    std::exchange(settle, nullptr)(*this, done);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "writ: a stored change could not be applied: %s\n", error.what());
  }
}

}  // namespace writ::task
