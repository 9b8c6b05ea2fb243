// FileWatch: tells when what stands in some folders was changed, replaced or removed.
//
// A FolderWatch on a thread of its own, which goes on when a folder is replaced by another of its name. It
// tells once at its beginning, for what happened before, and may tell of what makes no difference; it misses
// nothing. Calls back one call at a time, until it ends.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "server/config.h"
#include "server/folder_watch.h"

namespace writ::server {

class FileWatch {
 public:
  // Fails when there is no such folder at all, or the system watches no more.
  static Result<std::unique_ptr<FileWatch>> start(std::vector<std::filesystem::path> folders,
                                                  std::function<void()> changed);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  ~FileWatch();  // waits for a call under way

 private:
  struct Watched {
    FolderWatch watch;
    std::size_t present;  // of the folders, when it was opened
  };
  FileWatch(std::vector<std::filesystem::path> folders, std::function<void()> changed)
      : folders_(std::move(folders)), changed_(std::move(changed)) {}
  std::size_t count_present() const;
  Result<Watched> open() const;
  std::optional<Watched> open_again() const;
  bool happened(Watched& watched) const;
  void run(Watched watched);

  const std::vector<std::filesystem::path> folders_;
  const std::function<void()> changed_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

// Where the configuration and the files stand that it loads policies from. A folder of policies may be
// replaced whole, so the one that holds it is among them.
std::vector<std::filesystem::path> folders_of(const Config& config);

}  // namespace writ::server
