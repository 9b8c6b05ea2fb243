// Where the chain of a log ends, and whether the log still holds what was noted of it.
//
// Reads only. A log that was rotated while nobody wrote it is found in the files beside it. One that lacks
// the noted record, or does not chain on from it, is lost.
#pragma once

#include <optional>
#include <string>

#include "audit/files.h"
#include "audit/lines.h"
#include "base/clock.h"

namespace writ::audit {

// What a file ends with.
struct Tail {
  Head head;
  std::optional<Instant> time;     // of the last record
  std::uint64_t size = 0;          // to the end of the last whole line
  std::uint64_t dropped = 0;       // bytes behind it, of a record that was never acknowledged
  std::uint64_t begins_after = 0;  // the record before its first one
};

// kCorrupt when the last record is not what Writ wrote.
Result<Tail> read_tail(const Lines& lines);

struct End {
  Tail tail;              // of the file at the path; its size is 0 when that is to be begun
  std::string continues;  // the name of the file that the chain ends in, when it is not that one
  std::string lost;       // why the log is not what was noted; empty: it is
  std::optional<Instant> noted_at =
      {};  // when the noted record was written; where none is noted, the first one
};

// `lines`: the file at the path; null: there is none. What a loss of power left behind the last record that
// was synced, with zeros in it, is dropped as an unfinished record is.
Result<End> find_end(const std::filesystem::path& path, const Lines* lines, const std::optional<Head>& noted);

}  // namespace writ::audit
