// The C library's calls that change files, as this program has them; also for the libraries that it is linked
// with. What is not in the folder that the Disk watches goes to the system as it is.
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "disk.h"

using writ::crash::Disk;

namespace {

int real_open(const char* path, int flags, mode_t mode) {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int open_watched(const char* path, int flags, mode_t mode) {
  auto& disk = Disk::the();
  const auto file = disk.watched(path);
  if (file.empty()) {
    const int fd = real_open(path, flags, mode);
    if (fd >= 0) disk.closed(fd);
    return fd;
  }
  struct stat there {};
  const bool makes = (flags & O_CREAT) != 0 && ::lstat(path, &there) != 0;
  if (makes && !disk.make(file)) return -1;
  const int fd = real_open(path, flags, mode);
  if (fd >= 0) disk.opened(fd, file, makes);
  return fd;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

int real_truncate(const char* path, off_t size) {
  return static_cast<int>(::syscall(SYS_truncate, path, size));
}

int remove_watched(const char* path, int flags) {
  const auto real = [&] { return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, flags)); };
  const auto file = Disk::the().watched(path);
  return file.empty() ? real() : Disk::the().remove(file, real);
}

int rename_watched(const char* from, const char* to, unsigned flags) {
  const auto real = [&] {
    return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
  };
  auto& disk = Disk::the();
  const auto old_name = disk.watched(from), new_name = disk.watched(to);
  return old_name.empty() || new_name.empty() ? real() : disk.rename(old_name, new_name, real);
}

// A disk that is full says so.
int with_free_bytes(int result, struct statvfs* disk) {
  if (const auto bytes = Disk::the().free_bytes(); result == 0 && bytes)
    disk->f_bavail = disk->f_bfree = *bytes / disk->f_frsize;
  return result;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_watched(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_watched(path, flags, mode);
}
int close(int fd) {
  Disk::the().closed(fd);
  return static_cast<int>(::syscall(SYS_close, fd));
}
ssize_t write(int fd, const void* bytes, size_t count) {
  if (!Disk::the().watches(fd)) return ::syscall(SYS_write, fd, bytes, count);
  return Disk::the().write(fd, static_cast<const char*>(bytes), count, std::nullopt);
}
ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t at) {
  if (!Disk::the().watches(fd)) return ::syscall(SYS_pwrite64, fd, bytes, count, at);
  return Disk::the().write(fd, static_cast<const char*>(bytes), count, at);
}
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) {
  return pwrite64(fd, bytes, count, at);
}
int ftruncate64(int fd, off64_t size) noexcept {
  if (!Disk::the().watches(fd)) return static_cast<int>(::syscall(SYS_ftruncate, fd, size));
  return Disk::the().cut(fd, size);
}
int ftruncate(int fd, off_t size) noexcept {
  return ftruncate64(fd, size);
}
int truncate(const char* path, off_t size) noexcept {
  const auto file = Disk::the().watched(path);
  if (file.empty()) return real_truncate(path, size);
  return Disk::the().cut(file, size, [&] { return real_truncate(path, size); });
}
int posix_fallocate(int fd, off_t offset, off_t length) {
  if (!Disk::the().watches(fd)) return ::syscall(SYS_fallocate, fd, 0, offset, length) == 0 ? 0 : errno;
  return Disk::the().grow(fd, offset + length);
}
int fdatasync(int fd) {
  return Disk::the().watches(fd) ? Disk::the().sync(fd) : static_cast<int>(::syscall(SYS_fdatasync, fd));
}
int fsync(int fd) {
  return Disk::the().watches(fd) ? Disk::the().sync(fd) : static_cast<int>(::syscall(SYS_fsync, fd));
}
int unlink(const char* path) noexcept {
  return remove_watched(path, 0);
}
int remove(const char* path) noexcept {
  struct stat there {};
  const bool folder = ::lstat(path, &there) == 0 && S_ISDIR(there.st_mode);
  return remove_watched(path, folder ? AT_REMOVEDIR : 0);
}
int rename(const char* from, const char* to) noexcept {
  return rename_watched(from, to, 0);
}
int renameat2(int, const char* from, int, const char* to, unsigned flags) noexcept {
  return rename_watched(from, to, flags);
}
int mkdir(const char* path, mode_t mode) noexcept {
  const auto real = [&] { return static_cast<int>(::syscall(SYS_mkdir, path, mode)); };
  const auto folder = Disk::the().watched(path);
  return folder.empty() ? real() : Disk::the().make_folder(folder, real);
}
int statvfs(const char* path, struct statvfs* disk) noexcept {
  const int fd = real_open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int result = ::fstatvfs(fd, disk);
  ::syscall(SYS_close, fd);
  return result;
}
int fstatvfs(int fd, struct statvfs* disk) noexcept {
  struct statfs system {};
  const int result = static_cast<int>(::syscall(SYS_fstatfs, fd, &system));
  *disk = {};
  disk->f_bsize = static_cast<unsigned long>(system.f_bsize);
  disk->f_frsize = static_cast<unsigned long>(system.f_frsize != 0 ? system.f_frsize : system.f_bsize);
  disk->f_blocks = system.f_blocks;
  disk->f_bfree = system.f_bfree;
  disk->f_bavail = system.f_bavail;
  return with_free_bytes(result, disk);
}

}  // extern "C"
