#include "store/data_folder.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace writ::store {
namespace {

namespace fs = std::filesystem;

// A name is on disk when its folder is.
Result<void> sync_folder(const fs::path& path) {
  const auto folder = path.empty() ? fs::path(".") : path;
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int synced = opened < 0 ? -1 : ::fsync(opened);
  const int error = errno;
  if (opened >= 0) ::close(opened);
  if (synced == 0) return {};
  return failure(ErrorCode::kIo,
                 fmt::format("cannot sync the folder `{}`: {}", folder.string(), std::strerror(error)));
}

// With the folders above it that are missing.
Result<void> make_folder(const fs::path& path, mode_t mode) {
  std::error_code error;
  if (const auto above = path.parent_path(); !above.empty() && above != path && !fs::exists(above, error))
    TRY(make_folder(above, S_IRWXU | S_IRWXG | S_IRWXO));
  if (::mkdir(path.c_str(), mode) != 0 && !(errno == EEXIST && fs::is_directory(path, error))) {
    return failure(ErrorCode::kIo,
                   fmt::format("cannot make the data folder `{}`: {}; make it, or name another with "
                               "`data` in the configuration",
                               path.string(), std::strerror(errno)));
  }
  return sync_folder(path.parent_path());
}

// Also of one that is there: the start that made it may have ended before its name was on disk. A folder
// above that the user may not read is somebody else's, and was there before.
Result<void> sync_names_to(const fs::path& path) {
  const auto above = path.parent_path();
  if (::access(above.empty() ? "." : above.c_str(), R_OK) != 0) return {};
  return sync_folder(above);
}

}  // namespace

Result<DataFolder> DataFolder::open(const fs::path& path) {
  std::error_code error;
  const auto named = path.has_filename() ? path : path.parent_path();
  if (!fs::is_directory(path, error)) TRY(make_folder(named, S_IRWXU));
  TRY(sync_names_to(named));
  const auto file = path / "lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (lock < 0) {
    return failure(
        ErrorCode::kIo,
        fmt::format("cannot write in the data folder `{}`: {}; it must belong to the user that runs Writ",
                    path.string(), std::strerror(errno)));
  }
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return failure(
        ErrorCode::kConflict,
        fmt::format("the data folder `{}` is in use by another Writ; stop it, or name another folder",
                    path.string()));
  }
  DataFolder held(path, lock);
  // Names that a process made before it was killed, too.
  TRY(sync_folder(path));
  return held;
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace writ::store
