#include "server/folder_watch.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utility>

namespace writ::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint32_t kOfFiles = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
constexpr std::uint32_t kOfTheFolder = IN_DELETE_SELF | IN_MOVE_SELF;
// Nobody knows what was lost.
constexpr std::uint32_t kWhatever = kOfTheFolder | IN_Q_OVERFLOW | IN_IGNORED;

std::unexpected<Error> trouble(std::string_view what) {
  return failure(ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Result<FolderWatch> FolderWatch::open(const std::vector<std::filesystem::path>& folders, Filter filter) {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return trouble("cannot watch files");
  FolderWatch watch(descriptor, std::move(filter));
  bool any = false;
  for (const auto& folder : folders) {
    const int added = ::inotify_add_watch(descriptor, folder.c_str(), kOfFiles | kOfTheFolder | IN_ONLYDIR);
    if (added >= 0) {
      any = true;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return trouble(fmt::format("cannot watch `{}`", folder.string()));
    }
  }
  if (!any) return failure(ErrorCode::kNotFound, "there is no folder to watch");
  return watch;
}

FolderWatch::FolderWatch(FolderWatch&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), filter_(std::move(other.filter_)) {}

FolderWatch::~FolderWatch() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<bool> FolderWatch::ready(milliseconds timeout) const {
  pollfd waited{descriptor_, POLLIN, 0};
  const int found = ::poll(&waited, 1, static_cast<int>(timeout.count()));
  if (found < 0 && errno != EINTR) return trouble("cannot wait for changes");
  return found > 0;
}

// Reads what has happened; does any of it matter?
Result<bool> FolderWatch::take() const {
  alignas(inotify_event) char buffer[4096];
  bool matters = false;
  for (;;) {
    const auto size = ::read(descriptor_, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) return trouble("cannot read changes");
    if (size <= 0) return matters;
    for (const char* at = buffer; at < buffer + size;) {
      inotify_event event{};
      std::memcpy(&event, at, sizeof(inotify_event));
      const char* name = at + sizeof(inotify_event);
      const bool of_file = event.len > 0 && filter_(std::string_view(name, ::strnlen(name, event.len)));
      matters = matters || of_file || (event.mask & kWhatever) != 0;
      at += sizeof(inotify_event) + event.len;
    }
  }
}

Result<bool> FolderWatch::wait(std::optional<milliseconds> timeout) {
  const auto began = steady_clock::now();
  const auto left = [&](milliseconds whole, steady_clock::time_point since) {
    const auto gone = std::chrono::duration_cast<milliseconds>(steady_clock::now() - since);
    return std::max(whole - gone, milliseconds(0));
  };
  while (true) {
    const auto patience = timeout ? left(*timeout, began) : milliseconds(-1);
    if (TRY(ready(patience))) {
      if (TRY(take())) break;
    } else if (timeout && left(*timeout, began).count() == 0) {
      return false;
    }
  }
  const auto changed = steady_clock::now();
  while (left(kLongest, changed).count() > 0 && TRY(ready(kQuiet))) TRY(take());
  return true;
}

}  // namespace writ::server
