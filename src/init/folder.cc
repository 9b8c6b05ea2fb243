#include "init/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <system_error>
#include <unistd.h>

#include "files/folder.h"

namespace writ::init {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> io(const fs::path& path, std::string_view what, int error) {
  return failure(ErrorCode::kIo, fmt::format("cannot {} `{}`: {}", what, files::shown(path),
                                             std::generic_category().message(error)));
}

// Who reads the folder beforehand may put anything there until it is opened: O_EXCL and O_NOFOLLOW decide.
Result<void> write(const fs::path& path, const NewFile& file, bool replaces) {
  if (replaces) {
    // Another file under the name: a link that points elsewhere is not written through.
    std::error_code error;
    fs::remove(path, error);
  }
  const int handle = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                            file.is_private ? 0600 : 0644);
  if (handle < 0) return io(path, "create", errno);
  std::string_view rest = file.content;
  while (!rest.empty()) {
    const auto written = ::write(handle, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = errno;
      ::close(handle);
      return io(path, "write", error);
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::close(handle) != 0) return io(path, "write", errno);
  return {};
}

}  // namespace

Result<void> write_folder(const fs::path& folder, const std::vector<NewFile>& files, Overwrite overwrite) {
  std::vector<std::string> there;
  for (const NewFile& file : files) {
    std::error_code error;
    const auto status = fs::symlink_status(folder / file.name, error);
    if (!fs::exists(status)) continue;
    if (overwrite == Overwrite::kNever || !fs::is_regular_file(status)) there.push_back(file.name);
  }
  if (!there.empty())
    return failure(ErrorCode::kConflict, fmt::format("`{}` has {} already; nothing was written",
                                                     files::shown(folder), fmt::join(there, ", ")));
  for (const NewFile& file : files) {
    const auto path = folder / file.name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) return io(path.parent_path(), "create", error.value());
    TRY(write(path, file, overwrite == Overwrite::kWhatInitWrites));
  }
  return {};
}

}  // namespace writ::init
