// Index: the digests of one file of an audit log, kept beside it (docs/audit-format.md#index).
//
// Derived, and rebuilt whenever it does not fit. It holds digests of records whose hash chain was verified
// when it was made, up to a head (number and hash) that the log must still have. Before it is believed, the
// log is verified up to that head again; only while the file is the very one that was verified last (device,
// inode, size and the times that the system keeps of it), nothing is read of it. So a log that was changed is
// never believed by an older index. Records of a log that does not verify are in no index.
//
// The name comes from the log's first record, so that a log which is rotated keeps its index:
// `writ-index-<the first 16 letters of that record's hash>`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/files.h"
#include "audit/lines.h"
#include "base/result.h"
#include "digest/kind.h"

namespace writ::digest {

// Kinds and names by number, in the order in which they came.
class Dictionary {
 public:
  std::uint32_t add(std::string_view text);
  const std::string& at(std::uint32_t number) const { return *texts_[number]; }
  std::size_t size() const noexcept { return texts_.size(); }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> numbers_;
  std::vector<const std::string*> texts_;
};

// Of one record. Numbers of kind and name are those of its index.
struct IndexRow {
  std::int64_t time;  // milliseconds
  std::uint32_t kind, name;
  std::uint32_t length;  // of the line, with its line break
};

// A run of records; at most kBlockRows.
struct Block {
  std::vector<std::string> kinds, names;  // that are new with it
  std::vector<IndexRow> rows;
  audit::Head head;          // of its last record
  std::uint64_t offset = 0;  // where the record behind it begins in the log
};
inline constexpr std::size_t kBlockRows = std::size_t{1} << 16;
// More kinds than these, and the log is not one of kinds of records any more: it is read without an index.
inline constexpr std::size_t kMaxKinds = 500'000;

// The file as the system knows it. Two that are equal are one that nobody wrote to in between.
struct Stamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified = 0, changed = 0;  // nanoseconds
  friend bool operator==(const Stamp&, const Stamp&) = default;
};
// Nothing where it was changed so shortly before `now` that the next change could have the same times.
std::optional<Stamp> stamp_of(const std::filesystem::path& file, Instant now);

class Index {
 public:
  // Where it is, or would be; nothing: the log has no record.
  static std::optional<std::filesystem::path> path_for(const audit::Part& log);

  // What there is of it, from its first block on. Nothing when there is none, or it is not of this log, or it
  // is damaged: of a damaged one, the blocks before that are taken.
  static std::optional<Index> open(const std::filesystem::path& path, const audit::Part& log);
  // Begins it anew. Fails with kIo or kDenied where it cannot be written, and with kConflict while somebody
  // else writes it.
  static Result<Index> create(const std::filesystem::path& path, const audit::Part& log);
  Index(Index&& other) noexcept;
  Index& operator=(Index&&) = delete;
  ~Index();

  // The next block from the start; nothing behind the last one, or where one cannot be read any more.
  std::optional<Block> next();
  // Where the log goes on behind the last block, and the head there. Known after open().
  std::uint64_t offset() const noexcept { return offset_; }
  const audit::Head& head() const noexcept { return head_; }
  // Of the log when it was last verified up to the head.
  const std::optional<Stamp>& stamp() const noexcept { return stamp_; }

  // May this process add to it? It holds a lock from then on.
  bool lock();
  Result<void> add(const Block& block);
  Result<void> add(const Stamp& stamp);

 private:
  Index(int file, std::string header) : file_(file), header_(std::move(header)) {}
  std::optional<std::string> frame(std::uint64_t& at, std::string& chain) const;
  Result<void> append(std::string payload);

  int file_;
  std::string header_;
  std::string chain_;         // digest of the last frame: each one is bound to those before it
  std::string read_chain_;    // the same, as far as next() has read
  std::uint64_t end_ = 0;     // of the last whole frame
  std::uint64_t at_ = 0;      // where next() goes on
  std::uint64_t offset_ = 0;  // in the log
  audit::Head head_;
  std::optional<Stamp> stamp_;
};

}  // namespace writ::digest
