#include "server/file_watch.h"

#include <algorithm>
#include <chrono>

namespace writ::server {
namespace {

namespace fs = std::filesystem;

// How long it may take until an end is seen, or a folder that has come back.
constexpr std::chrono::milliseconds kGlance{250};

}  // namespace

Result<std::unique_ptr<FileWatch>> FileWatch::start(std::vector<fs::path> folders,
                                                    std::function<void()> changed) {
  std::unique_ptr<FileWatch> watch(new FileWatch(std::move(folders), std::move(changed)));
  auto first = TRY(watch->open());
  watch->thread_ =
      std::thread([&each = *watch, first = std::move(first)]() mutable { each.run(std::move(first)); });
  return watch;
}

FileWatch::~FileWatch() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

std::size_t FileWatch::count_present() const {
  return static_cast<std::size_t>(std::ranges::count_if(folders_, [](const fs::path& folder) {
    std::error_code error;
    return fs::is_directory(folder, error);
  }));
}

// Counted first: a folder that comes in between is watched, and noticed once more.
Result<FileWatch::Watched> FileWatch::open() const {
  const auto present = count_present();
  auto watch = TRY(FolderWatch::open(folders_, [](std::string_view) { return true; }));
  return Watched{std::move(watch), present};
}

// Nothing: it ends.
std::optional<FileWatch::Watched> FileWatch::open_again() const {
  while (!stopping_) {
    if (auto watched = open()) return *std::move(watched);
    std::this_thread::sleep_for(kGlance);
  }
  return std::nullopt;
}

// A watch that fails is opened again too.
bool FileWatch::happened(Watched& watched) const {
  const auto changed = watched.watch.wait(kGlance);
  return !changed || *changed || count_present() != watched.present;
}

// What happens after a watch is opened is seen by it, and what happened before by the call. A folder may be
// another one of the same name afterwards, so each call has a watch of its own.
void FileWatch::run(Watched first) {
  std::optional<Watched> watched(std::move(first));
  while (watched) {
    changed_();
    while (!stopping_ && !happened(*watched)) {
    }
    std::optional<Watched> next = open_again();
    watched.reset();
    if (next) watched.emplace(*std::move(next));
  }
}

std::vector<fs::path> folders_of(const Config& config) {
  const auto& settings = config.policies;
  std::vector<fs::path> folders;
  const auto add = [&](const fs::path& path) {
    const auto folder = path.empty() ? fs::path(".") : path;
    if (std::ranges::find(folders, folder) == folders.end()) folders.push_back(folder);
  };
  add(config.file.parent_path());
  for (const auto& path : settings.policies) {
    std::error_code error;
    if (fs::is_directory(path, error)) add(path);
    add(fs::path(path.has_filename() ? path : path.parent_path()).parent_path());
  }
  for (const auto& path : settings.schemas) add(path.parent_path());
  if (settings.entities) add(settings.entities->parent_path());
  return folders;
}

}  // namespace writ::server
