// The lines of one file of an audit log, read from any place in it: forwards, backwards, and by number.
//
// Numbers ascend in a file, so a record is found by halving it: a look at the newest page of a large log
// reads some kilobytes. Constant memory, no index that could be wrong. Reads what is there at the time; a
// line without its line break is unfinished. Thread-safe; waits for the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "audit/chain.h"
#include "base/result.h"

namespace writ::audit {

struct RawLine {
  std::string_view text;
  std::uint64_t number;  // from 1, counted from where the reading began
  std::uint64_t offset;
  bool complete;  // it has its line break
};

class Lines {
 public:
  // kNotFound when there is no such file.
  static Result<Lines> open(const std::filesystem::path& path);
  // A file that is open already; it is not closed.
  static Lines of(int file, std::filesystem::path path) { return {file, std::move(path), false}; }
  Lines(Lines&& other) noexcept;
  Lines& operator=(Lines&&) = delete;
  ~Lines();

  const std::filesystem::path& path() const noexcept { return path_; }
  Result<std::uint64_t> size() const;
  // The lines before the first one with a zero byte, which no record has: where the machine ends before a
  // write is synced, the file may have its size and not its bytes. Nothing: there is no such line. Reads all
  // of the file. It is valid as long as this object.
  Result<std::optional<Lines>> before_zeros() const;
  // Is somebody writing it? Whoever does holds a lock.
  bool is_being_written() const;

  // Calls visit(line) from a line's first byte on, until it answers false. A line longer than any record
  // comes cut, and incomplete.
  Result<void> each(std::uint64_t offset, const std::function<bool(const RawLine&)>& visit) const;
  // The line that begins there; nothing when none is complete.
  Result<std::optional<std::string>> at(std::uint64_t offset) const;
  // The last complete line, and where it begins.
  struct Placed {
    std::string text;
    std::uint64_t offset;
  };
  Result<std::optional<Placed>> last() const;
  // Where the first record begins that has a greater number; the end of the file when there is none.
  Result<std::uint64_t> after(std::uint64_t seq) const;

 private:
  Lines(int file, std::filesystem::path path, bool owned)
      : file_(file), path_(std::move(path)), owned_(owned) {}
  Result<std::string> read(std::uint64_t offset, std::size_t length) const;
  // The first line break at or behind a place.
  Result<std::optional<std::uint64_t>> find_break(std::uint64_t from) const;

  int file_;
  std::filesystem::path path_;
  bool owned_;
  std::uint64_t limit_ = UINT64_MAX;  // what is behind is not there
};

}  // namespace writ::audit
