// FolderWatch: waits until a file of some folders was written, came or went (inotify).
//
// Folders are watched rather than files, because editors put a new file in the place of the old one. What
// happens between opening and waiting is not missed. Changes that follow each other closely are one.
// Move-only; one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::server {

class FolderWatch {
 public:
  // Whether a file of that name matters.
  using Filter = std::function<bool(std::string_view name)>;

  // What is no folder is left out. Fails when there is none at all, or the system watches no more.
  static Result<FolderWatch> open(const std::vector<std::filesystem::path>& folders, Filter filter);
  FolderWatch(FolderWatch&& other) noexcept;
  FolderWatch& operator=(FolderWatch&&) = delete;
  ~FolderWatch();

  // True: something changed, and then it was quiet for kQuiet (or went on for kLongest). False: the time is
  // over.
  Result<bool> wait(std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  static constexpr std::chrono::milliseconds kQuiet{100};
  static constexpr std::chrono::milliseconds kLongest{2'000};

 private:
  FolderWatch(int descriptor, Filter filter) : descriptor_(descriptor), filter_(std::move(filter)) {}
  Result<bool> ready(std::chrono::milliseconds timeout) const;
  Result<bool> take() const;

  int descriptor_;
  Filter filter_;
};

}  // namespace writ::server
