// Reading an audit log for what it says of use: a digest of each record, in order, from the index where there
// is one and from the log where there is none; and the index is made, or made longer, on the way.
//
// What is visited is the same with an index and without. Records are digested on all cores; the visitor is
// called on the caller's thread. Constant memory, but for the kinds and names. Waits for the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/files.h"
#include "base/result.h"
#include "digest/index.h"
#include "digest/kind.h"

namespace writ::digest {

struct IndexUse {
  bool use = true;                      // read what there is
  bool keep = true;                     // make it, or make it longer
  std::uint64_t least_bytes = 8 << 20;  // smaller files are read as fast without one, and get none
  std::optional<Instant> now = {};      // the system's clock if not given
  // Asked now and then: whether to leave it. Reading fails with kUnavailable then.
  std::function<bool()> stop = {};
};

struct Entry {
  std::uint64_t number = 0;  // of the record; 0: it is unreadable
  Instant time{};
  std::uint32_t kind = 0, name = 0;
  // Where it stands.
  std::uint32_t part = 0, length = 0;
  std::uint64_t offset = 0;
};

class LogReading {
 public:
  explicit LogReading(const std::vector<audit::Part>& log, IndexUse use = {}) : log_(log), use_(use) {}

  // In the order of the log, until the visitor fails.
  Result<void> each(const std::function<Result<void>(const Entry&)>& visit);

  // By number; kinds and names stay where they are while this lives.
  const RecordKind& kind(std::uint32_t number) const { return *kinds_[number]; }
  std::size_t kinds() const noexcept { return kinds_.size(); }
  const std::string& name(std::uint32_t number) const { return names_.at(number); }
  std::size_t names() const noexcept { return names_.size(); }
  // Its line in the log, without the line break.
  Result<std::string> line(const Entry& entry) const;

  // Records that came from an index, and that were read in the log.
  std::uint64_t indexed() const noexcept { return indexed_; }
  std::uint64_t read() const noexcept { return read_; }
  // Of those that came from an index, so many were verified in the log first.
  std::uint64_t verified() const noexcept { return verified_; }
  // Why there is no index of a file that could have one; most often nobody needs to know.
  const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  using Visit = std::function<Result<void>(const Entry&)>;
  Result<void> each_of(std::uint32_t part, const Visit& visit);
  Result<bool> visit_block(std::uint32_t part, const Block& block, std::uint64_t& offset,
                           std::uint64_t& number, std::vector<std::uint32_t>& kinds,
                           std::vector<std::uint32_t>& names, const Visit& visit);
  std::uint32_t kind_number(const std::string& encoded);
  void note(const audit::Part& part, std::string_view why);

  const std::vector<audit::Part>& log_;
  const IndexUse use_;
  Dictionary encoded_, names_;
  std::vector<std::unique_ptr<const RecordKind>> kinds_;
  mutable std::vector<std::unique_ptr<audit::Lines>> open_;
  std::uint64_t indexed_ = 0, read_ = 0, verified_ = 0;
  std::vector<std::string> notes_;
};

// Does the log go from its first record to this head without a break? Reads it up to there, on all cores.
Result<bool> reaches(const audit::Part& log, const audit::Head& head, std::uint64_t offset,
                     const std::function<bool()>& stop = {});

}  // namespace writ::digest
