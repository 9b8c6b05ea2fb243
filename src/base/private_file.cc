#include "base/private_file.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <unistd.h>

namespace writ {
namespace {

std::unexpected<Error> refused(const std::filesystem::path& path, const char* what, const std::string& why) {
  return failure(ErrorCode::kConflict, std::string(what) + " `" + path.string() + "` " + why);
}

}  // namespace

Result<void> check_private(const struct stat& info, const std::filesystem::path& path, const char* what,
                           Writers writers) {
  if (S_ISLNK(info.st_mode))
    return refused(path, what, "is a link; name what it leads to in the configuration, or remove the link");
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return refused(path, what, "is no file");
  if (info.st_uid != ::geteuid() && info.st_uid != 0)
    return refused(path, what,
                   "belongs to user " + std::to_string(info.st_uid) +
                       ", which could replace it; `chown` it to user " + std::to_string(::geteuid()) +
                       ", which runs Writ");
  if ((info.st_mode & S_IWOTH) != 0)
    return refused(path, what,
                   "may be written by anyone; `chmod o-w` it, and check that its content is what Writ wrote");
  if ((info.st_mode & S_IWGRP) != 0 && writers == Writers::kOwner)
    return refused(path, what,
                   "may be written by a group; `chmod g-w` it, or allow it with `data_access: group` in the "
                   "configuration");
  return {};
}

Result<void> check_private(const std::filesystem::path& path, const char* what, Writers writers) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return check_private(info, path, what, writers);
  if (errno == ENOENT) return {};
  return refused(path, what, std::string("cannot be examined: ") + std::strerror(errno));
}

}  // namespace writ
