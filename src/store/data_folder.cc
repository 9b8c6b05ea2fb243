#include "store/data_folder.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace writ::store {

Result<DataFolder> DataFolder::open(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    std::filesystem::create_directories(path.parent_path(), error);
    if (::mkdir(path.c_str(), S_IRWXU) != 0) {
      return failure(ErrorCode::kIo,
                     fmt::format("cannot make the data folder `{}`: {}; make it, or name another with "
                                 "`data` in the configuration",
                                 path.string(), std::strerror(errno)));
    }
  }
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
  return DataFolder(path, lock);
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace writ::store
