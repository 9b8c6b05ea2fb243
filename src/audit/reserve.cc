#include "audit/reserve.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/blocking.h"

namespace writ::audit {
namespace {

// For a batch of records, and a transaction of the database.
constexpr std::uint64_t kRoom = 256 * 1024;
constexpr std::uint64_t kGivenBack = 256 * 1024;

std::uint64_t free_of(const struct statvfs& disk) {
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

}  // namespace

Result<void> Reserve::refill() {
  may_block("the reserve");
  if (wanted_ == 0) {
    ::unlink(path_.c_str());  // of an earlier configuration
    return {};
  }
  const auto failed = [&](int error) {
    return failure(ErrorCode::kIo, fmt::format("cannot keep {} bytes for stops in `{}`: {}", wanted_,
                                               path_.string(), std::strerror(error)));
  };
  const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return failed(errno);
  // What an earlier process kept is kept on, however full the disk is by now.
  struct stat info {};
  if (::fstat(file, &info) == 0)
    have_ = std::min({static_cast<std::uint64_t>(info.st_size),
                      static_cast<std::uint64_t>(info.st_blocks) * 512, wanted_});
  // An attempt that fails half-way would take, for a moment, what a stop is about to use.
  struct statvfs disk {};
  if (::fstatvfs(file, &disk) == 0 && free_of(disk) < wanted_ - have_ + 2 * kRoom) {
    ::close(file);
    return failed(ENOSPC);
  }
  int error = ::posix_fallocate(file, 0, static_cast<off_t>(wanted_ + kRoom));
  // Whether there was room or not: what it took beyond its size is given back.
  const auto size = error == 0 ? wanted_ : have_;
  if (::ftruncate(file, static_cast<off_t>(size)) != 0 && error == 0) error = errno;
  ::close(file);
  if (error != 0) return failed(error);
  have_ = wanted_;
  return {};
}

bool Reserve::resize(std::uint64_t bytes) {
  may_block("the reserve");
  if (::truncate(path_.c_str(), static_cast<off_t>(bytes)) != 0) return false;
  have_ = bytes;
  return true;
}

bool Reserve::give_back(std::uint64_t keep) {
  if (have_ <= keep) return false;
  return resize(std::max(keep, have_ - std::min(have_, kGivenBack)));
}

std::optional<std::uint64_t> Reserve::free_bytes() const {
  may_block("the reserve");
  struct statvfs disk {};
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  if (::statvfs(folder.c_str(), &disk) != 0) return std::nullopt;
  return free_of(disk);
}

bool Reserve::short_of_room() const {
  if (wanted_ == 0) return false;
  const auto free = free_bytes();
  return free && *free < kRoom;
}

bool Reserve::make_room(std::uint64_t keep) {
  if (wanted_ == 0) return true;
  for (;;) {
    const auto free = free_bytes();
    if (!free) return false;
    if (*free >= kRoom) return true;
    if (!give_back(keep)) return false;
  }
}

}  // namespace writ::audit
