// FileWatch: tells when files are others than they were, by looking at them several times a second.
//
// It asks the file system, and the way to each file anew every time, instead of waiting for notifications: so
// a link on the way that leads elsewhere, a folder in the place of another, a hard link, a mount and a change
// on another machine are all seen, and no limit of the system on watches is met. Ten thousand files cost a
// tenth of a core, ten next to nothing. Changes that follow each other closely are one.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "config/config.h"
#include "files/folder.h"

namespace writ::policy {

// What there is to see now. Equal as long as nothing has changed.
using Look = std::function<std::vector<files::StampedFile>()>;

// Everything that a reload reads: the configuration, and what it names, as it is now.
Look look_at_configured(const std::filesystem::path& config_file);

// One that looks. One thread at a time.
class Watcher {
 public:
  explicit Watcher(Look look) : look_(std::move(look)), seen_(look_()), now_(seen_) {}
  // Returns when there is something else to see than when it was made or returned last, and that has been so
  // for kQuiet (or changed for kLongest). False: it was told to stop.
  bool wait(const std::stop_token& stop = {});

  static constexpr std::chrono::milliseconds kGlance{200};  // apart, unless a glance takes long
  static constexpr std::chrono::milliseconds kSlowest{500};
  static constexpr std::chrono::milliseconds kQuiet{100};
  static constexpr std::chrono::milliseconds kLongest{2'000};

 private:
  std::chrono::milliseconds glance();

  const Look look_;
  std::vector<files::StampedFile> seen_, now_;
};

// On a thread of its own. Tells once at its beginning, for what happened before; it may tell of what makes no
// difference. One call at a time.
class FileWatch {
 public:
  FileWatch(Look look, std::function<void()> changed);  // ends with the object, after a call under way

 private:
  std::jthread thread_;
};

}  // namespace writ::policy
