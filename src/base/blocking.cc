#include "base/blocking.h"

#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

namespace writ {
namespace {
thread_local bool never_blocks = false;
}

ThreadNeverBlocks::ThreadNeverBlocks() noexcept : before_(std::exchange(never_blocks, true)) {}

ThreadNeverBlocks::~ThreadNeverBlocks() {
  never_blocks = before_;
}

bool this_thread_never_blocks() noexcept {
  return never_blocks;
}

void may_block(const char* what) {
  if (!never_blocks) return;
  std::fprintf(stderr, "writ: defect: an event loop would wait for %s\n", what);
  throw std::logic_error(std::string("an event loop would wait for ") + what);
}

}  // namespace writ
