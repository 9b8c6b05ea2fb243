// Reads an audit log back: proves that it is whole, or names the first record that is not.
//
// Streaming, in constant memory, through all the files of a log that was rotated. Works on a log that is
// being written: a last line that is not finished yet is no fault then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/chain.h"
#include "audit/files.h"
#include "base/result.h"

namespace writ::audit {

struct Break {
  std::filesystem::path file;
  std::uint64_t line;    // from 1
  std::uint64_t offset;  // of the line's first byte in the file
  std::uint64_t seq;     // of the record that should be there
  std::string problem;   // "was altered", "12 records before it are missing", ...
};

struct Verification {
  Head head;                     // of the part that is whole
  std::uint64_t first = 1;       // number of the first record; what is before it is in older files
  std::uint64_t records = 0;     // that are whole
  std::uint64_t unfinished = 0;  // bytes of a record that is being written
  std::optional<Break> first_break;
};

// With `expected`, a head that was noted before, also tells when the log does not contain it: then its end
// was cut off, or rewritten. Fails only when a file cannot be read.
Result<Verification> verify(const std::vector<Part>& parts,
                            const std::optional<Head>& expected = std::nullopt);
// Of one file.
Result<Verification> verify(const std::filesystem::path& path,
                            const std::optional<Head>& expected = std::nullopt);

// Calls visit(line) for each record without verifying; it returns false to stop.
Result<void> read_lines(const std::filesystem::path& path,
                        const std::function<bool(std::string_view)>& visit);
// Of those records, from one number on, through all the parts.
Result<void> read_after(const std::vector<Part>& parts, std::uint64_t after,
                        const std::function<bool(std::string_view)>& visit);
// The number of the last record; 0: there is none.
Result<std::uint64_t> last_number(const std::vector<Part>& parts);

}  // namespace writ::audit
