// The files of one audit log. A log that is rotated goes on in a new file, and its chain goes on with it: the
// first record of the new file follows the last one of the file before.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "audit/chain.h"
#include "base/result.h"

namespace writ::audit {

// Types of the records that may begin a file which is not the first one.
inline constexpr std::string_view kContinued = "audit.continued";
inline constexpr std::string_view kLost = "audit.lost";

struct Part {
  std::filesystem::path path;
  Head before;  // what its first record says it follows
};

// The part that a file is; nothing when it does not begin with a record.
Result<std::optional<Part>> part_of(const std::filesystem::path& path);

// The file at the path, where it has records, and those beside it that were rotated: `audit.log.1`,
// `audit.log-20261127`. In the order of their records. What is packed (`audit.log.2.gz`) is not seen.
Result<std::vector<Part>> parts_beside(const std::filesystem::path& path);

// What `paths` name: files as they are (kInvalid when one is no log), and of a folder every file that begins
// with a record. In the order of their records. `left_out`: files of a folder that are called as a log is,
// and are none.
Result<std::vector<Part>> parts_of(const std::vector<std::filesystem::path>& paths,
                                   std::vector<std::filesystem::path>& left_out);

}  // namespace writ::audit
