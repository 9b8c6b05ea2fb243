// The file that the log is being written to: held open, locked against a second writer, and looked at before
// each write, so that no record goes where nobody looks for it.
//
// Not thread-safe: the writer's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "audit/lines.h"
#include "base/private_file.h"
#include "base/result.h"

namespace writ::audit {

// Where the open file is by now.
enum class Whereabouts : std::uint8_t {
  kInPlace,
  kMoved,     // another file is at its path, or none; it still has a name somewhere
  kRemoved,   // nobody can read it any more
  kOtherSize  // somebody cut it, or wrote to it
};

class WritingFile {
 public:
  // kNotFound when there is none; kConflict when another process writes it, or it is a link.
  static Result<WritingFile> open(const std::filesystem::path& path, Writers writers = Writers::kOwner);
  // A new file, private to its owner, or one that is empty.
  static Result<WritingFile> create(const std::filesystem::path& path, Writers writers = Writers::kOwner);
  WritingFile(WritingFile&& other) noexcept;
  WritingFile& operator=(WritingFile&& other) noexcept;
  ~WritingFile();

  const std::filesystem::path& path() const noexcept { return path_; }
  Lines lines() const { return Lines::of(file_, path_); }
  // To the end of the last record that was acknowledged.
  std::uint64_t size() const noexcept { return size_; }

  // Two calls of the system.
  Result<Whereabouts> whereabouts();
  // All of it or nothing: what was written in part is taken back. `sync`: it is on disk then.
  Result<void> append(std::string_view bytes, bool sync);
  Result<void> sync() const;
  // With its name. What a process that was killed had written may be in the system's memory only.
  Result<void> sync_all() const;
  // Cuts off what is behind; the rest is what was acknowledged.
  Result<void> cut_to(std::uint64_t size);
  // Gives it another name in its folder; kConflict when that is taken.
  Result<void> rename(const std::filesystem::path& to);
  // Did the last append fail because there was no room?
  bool full() const noexcept { return full_; }
  // What it is called by now, wherever it was moved.
  std::string name_now() const;

 private:
  WritingFile(int file, std::filesystem::path path) : file_(file), path_(std::move(path)) {}
  static Result<WritingFile> open(const std::filesystem::path& path, Writers writers, int flags);
  Result<void> write(std::string_view bytes);

  int file_;
  std::filesystem::path path_;
  std::uint64_t size_ = 0;
  bool damaged_ = false;  // there may be bytes behind size_
  bool full_ = false;
};

// The same of a file that nobody writes any more.
Result<void> sync_file(const std::filesystem::path& path);

}  // namespace writ::audit
