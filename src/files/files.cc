#include "files/files.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace writ::files {
namespace {

// Closes the descriptor when the scope ends.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::unexpected<Error> system_failure(std::string_view doing, const std::filesystem::path& path) {
  const int error = errno;
  const auto code = error == ENOENT   ? ErrorCode::kNotFound
                    : error == EEXIST ? ErrorCode::kConflict
                                      : ErrorCode::kIo;
  return failure(code, fmt::format("cannot {} `{}`: {}", doing, path.string(), std::strerror(error)));
}

Result<void> write_all(const Descriptor& file, const std::filesystem::path& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(file.get(), content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_failure("write", path);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

// Of a name alone it is the one that the process is in.
std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// A name is on disk when its folder is.
Result<void> sync_folder_of(const std::filesystem::path& path) {
  const auto folder = folder_of(path);
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid() || ::fsync(opened.get()) != 0) return system_failure("write", folder);
  return {};
}

Result<void> create_file(const std::filesystem::path& path, std::string_view content, mode_t mode) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.valid()) return system_failure("create", path);
  TRY(write_all(file, path, content));
  if (::fsync(file.get()) != 0) return system_failure("write", path);
  return {};
}

std::unexpected<Error> no_file(const std::filesystem::path& path, const struct stat& status) {
  const auto what = S_ISDIR(status.st_mode) ? "a folder" : "a pipe, a socket or a device";
  return failure(ErrorCode::kIo, fmt::format("cannot read `{}`: it is {}", path.string(), what));
}

Result<std::string> read_all(const Descriptor& file, const std::filesystem::path& path,
                             std::size_t max_bytes) {
  std::string content;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("read", path);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > max_bytes)
      return failure(ErrorCode::kLimit,
                     fmt::format("`{}` is larger than {} bytes", path.string(), max_bytes));
  }
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return system_failure("read", path);
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode)) return no_file(path, status);
  return read_all(file, path, max_bytes);
}

// Looked at before it is opened, which for a device may have effects, and after it, when it cannot be
// exchanged any more.
Result<std::string> read_regular_file(const std::filesystem::path& path, std::size_t max_bytes,
                                      struct stat* then) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_failure("read", path);
  if (!S_ISREG(status.st_mode)) return no_file(path, status);
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return system_failure("read", path);
  if (!S_ISREG(status.st_mode)) return no_file(path, status);
  auto content = read_all(file, path, max_bytes);
  // As a folder's entries are looked at: what stands between the system and us must tell the same of both.
  if (then != nullptr && ::fstatat(file.get(), "", then, AT_EMPTY_PATH) != 0)
    return system_failure("read", path);
  return content;
}

Result<void> create_private_file(const std::filesystem::path& path, std::string_view content) {
  return create_file(path, content, S_IRUSR | S_IWUSR);
}

Result<void> put_private_file(const std::filesystem::path& path, std::string_view content) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return failure(ErrorCode::kIo, fmt::format("cannot write `{}`: it is a folder", path.string()));
  const std::filesystem::path fresh = path.string() + ".new";
  ::unlink(fresh.c_str());  // what a crash left
  auto done = create_file(fresh, content, S_IRUSR | S_IWUSR);
  if (done && ::rename(fresh.c_str(), path.c_str()) != 0) done = system_failure("write", path);
  if (done) return sync_folder_of(path);
  ::unlink(fresh.c_str());
  return done;
}

Result<void> make_private_folder(const std::filesystem::path& path) {
  std::error_code error;
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && !(errno == EEXIST && std::filesystem::is_directory(path, error)))
    return system_failure("make the folder", path);
  // Also of one that is there: who made it may have failed to.
  return sync_folder_of(path);
}

Result<void> remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_failure("remove", path);
  // Also when somebody removed it who was killed then.
  std::error_code error;
  return std::filesystem::is_directory(folder_of(path), error) ? sync_folder_of(path) : Result<void>();
}

Result<void> write_file(const std::filesystem::path& path, std::string_view content) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.valid()) return system_failure("write", path);
  return write_all(file, path, content);
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view content) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_failure("write", path);
  // Beside it, because a file can only be put in another's place within its file system; hidden, because
  // whoever reads the folder meanwhile does not mean it.
  const auto real = std::filesystem::canonical(path);
  const auto fresh = real.parent_path() / ("." + real.filename().string() + ".new");
  TRY(create_file(fresh, content, status.st_mode & 07777));
  if (::rename(fresh.c_str(), real.c_str()) == 0) return {};
  auto failed = system_failure("write", path);
  ::unlink(fresh.c_str());
  return failed;
}

}  // namespace writ::files
