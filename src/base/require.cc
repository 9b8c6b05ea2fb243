#include "base/require.h"

#include <string>

namespace writ {

void require_failed(const char* condition, const char* file, int line) {
  throw BrokenInvariant(std::string(file) + ":" + std::to_string(line) + ": not so: " + condition);
}

}  // namespace writ
