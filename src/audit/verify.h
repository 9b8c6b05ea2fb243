// Reads an audit log back: proves that it is whole, or names the first record that is not.
//
// Streaming, in constant memory. Works on a log that is being written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "audit/chain.h"
#include "base/result.h"

namespace writ::audit {

struct Break {
  std::uint64_t line;    // from 1
  std::uint64_t offset;  // of the line's first byte in the file
  std::uint64_t seq;     // of the record that should be there
  std::string problem;   // "was altered", "12 records before it are missing", ...
};

struct Verification {
  Head head;  // of the part that is whole
  std::optional<Break> first_break;
};

// With `expected`, a head that was noted before, also tells when the log does not contain it: then its end
// was cut off, or rewritten. Fails only when the file cannot be read.
Result<Verification> verify(const std::filesystem::path& path,
                            const std::optional<Head>& expected = std::nullopt);

// Calls visit(line) for each record without verifying; it returns false to stop.
Result<void> read_lines(const std::filesystem::path& path,
                        const std::function<bool(std::string_view)>& visit);

// "12:ab34...": a head as text, for --expect-head.
std::string head_text(const Head& head);
std::optional<Head> head_from_text(std::string_view text);

}  // namespace writ::audit
