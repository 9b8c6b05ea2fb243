#include "audit/writing.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/blocking.h"

namespace writ::audit {
namespace {

std::unexpected<Error> system_error(std::string_view what, const std::filesystem::path& path) {
  return failure(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                 fmt::format("cannot {} the audit log `{}`: {}", what, path.string(), std::strerror(errno)));
}

// A file's name is on disk only when its folder is.
Result<void> sync_folder(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return system_error("open the folder of", file);
  const int synced = ::fsync(opened);
  ::close(opened);
  if (synced != 0) return system_error("sync the folder of", file);
  return {};
}

}  // namespace

Result<WritingFile> WritingFile::open(const std::filesystem::path& path, Writers writers, int flags) {
  may_block("the audit log");
  const int file = ::open(path.c_str(), O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
  if (file < 0 && errno == ELOOP)
    return failure(ErrorCode::kConflict,
                   fmt::format("the audit log `{}` is a link; name the file that it leads to with "
                               "`audit.file`, or remove the link",
                               path.string()));
  if (file < 0) return system_error("open", path);
  WritingFile opened(file, path);
  struct stat info {};
  if (::fstat(file, &info) != 0) return system_error("look at", path);
  TRY(check_private(info, path, "the audit log", writers));
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file, F_OFD_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES))
    return failure(ErrorCode::kConflict,
                   fmt::format("the audit log `{}` is being written by another Writ", path.string()));
  opened.size_ = static_cast<std::uint64_t>(info.st_size);
  return opened;
}

Result<WritingFile> WritingFile::open(const std::filesystem::path& path, Writers writers) {
  return open(path, writers, 0);
}

Result<WritingFile> WritingFile::create(const std::filesystem::path& path, Writers writers) {
  auto file = TRY(open(path, writers, O_CREAT));
  if (file.size_ != 0)
    return failure(ErrorCode::kConflict,
                   fmt::format("the audit log `{}` is not the one that was being written, and is not empty; "
                               "move it away",
                               path.string()));
  TRY(sync_folder(path));
  return file;
}

WritingFile::WritingFile(WritingFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      path_(std::move(other.path_)),
      size_(other.size_),
      damaged_(other.damaged_),
      full_(other.full_) {}

WritingFile& WritingFile::operator=(WritingFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(path_, other.path_);
  size_ = other.size_;
  damaged_ = other.damaged_;
  full_ = other.full_;
  return *this;
}

WritingFile::~WritingFile() {
  if (file_ >= 0) ::close(file_);
}

Result<Whereabouts> WritingFile::whereabouts() {
  full_ = false;  // whatever fails now is no full disk
  struct stat open {
  }, named{};
  if (::fstat(file_, &open) != 0) return system_error("look at", path_);
  if (open.st_nlink == 0) return Whereabouts::kRemoved;
  if (::lstat(path_.c_str(), &named) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) return system_error("look at", path_);
    return Whereabouts::kMoved;
  }
  if (named.st_ino != open.st_ino || named.st_dev != open.st_dev) return Whereabouts::kMoved;
  if (static_cast<std::uint64_t>(open.st_size) != size_ && !damaged_) return Whereabouts::kOtherSize;
  return Whereabouts::kInPlace;
}

std::string WritingFile::name_now() const {
  std::error_code ignored;
  return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file_), ignored).filename().string();
}

Result<void> WritingFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      full_ = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
      return system_error("write", path_);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> WritingFile::append(std::string_view bytes, bool sync) {
  may_block("the audit log");
  full_ = false;
  if (damaged_) {
    TRY(cut_to(size_));
    damaged_ = true;
    // Else the machine's end could leave what failed and what follows it, mixed.
    TRY(this->sync());
    damaged_ = false;
  }
  auto outcome = write(bytes);
  if (outcome && sync && ::fdatasync(file_) != 0) {
    full_ = errno == ENOSPC || errno == EDQUOT;
    outcome = system_error("sync", path_);
  }
  if (!outcome) {
    // Nothing of it was acknowledged, so nothing of it may stay.
    static_cast<void>(cut_to(size_));
    damaged_ = true;
    return outcome;
  }
  size_ += bytes.size();
  return {};
}

Result<void> WritingFile::sync() const {
  if (::fdatasync(file_) != 0) return system_error("sync", path_);
  return {};
}

Result<void> WritingFile::sync_all() const {
  may_block("the audit log");
  TRY(sync());
  return sync_folder(path_);
}

Result<void> sync_file(const std::filesystem::path& path) {
  may_block("the audit log");
  const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return system_error("open", path);
  const int synced = ::fsync(file);
  ::close(file);
  if (synced != 0) return system_error("sync", path);
  return sync_folder(path);
}

Result<void> WritingFile::cut_to(std::uint64_t size) {
  damaged_ = true;
  size_ = size;
  if (::ftruncate(file_, static_cast<off_t>(size)) != 0) return system_error("cut back", path_);
  damaged_ = false;
  return {};
}

Result<void> WritingFile::rename(const std::filesystem::path& to) {
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0)
    return system_error(fmt::format("rename to `{}`", to.string()), path_);
  return sync_folder(to);
}

}  // namespace writ::audit
