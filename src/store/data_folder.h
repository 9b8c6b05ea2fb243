// The folder that holds everything Writ writes, held by one process at a time.
//
// Two processes on one database and one audit chain would each be right and together wrong; a lock file keeps
// the second one out and is gone with the process, however it ends. Move-only.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace writ::store {

inline constexpr std::string_view kDatabaseFile = "writ.db";  // in it

class DataFolder {
 public:
  // Makes the folder where it is missing, private to its owner. Fails with kConflict when another process
  // holds it, with kIo when it cannot be written; the message says what to do.
  static Result<DataFolder> open(const std::filesystem::path& path);
  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&&) = delete;
  ~DataFolder();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  DataFolder(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::filesystem::path path_;
  int lock_;
};

}  // namespace writ::store
