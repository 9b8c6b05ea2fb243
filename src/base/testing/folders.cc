#include "base/testing/folders.h"

namespace writ {

std::string source_path(std::string_view path) {
  return std::string(WRIT_SOURCE_DIR).append(path);
}

std::string conformance_path(std::string_view folder) {
  return std::string(WRIT_CONFORMANCE_DIR "/").append(folder);
}

}  // namespace writ
