#include "policy/file_watch.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "policy/policy_texts.h"

namespace writ::policy {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of a whole core, one part in so many goes into looking.
constexpr int kPart = 20;

milliseconds since(steady_clock::time_point begin) {
  return std::chrono::ceil<milliseconds>(steady_clock::now() - begin);
}

// False: it was told to stop.
bool sleep(milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any told;
  return !told.wait_for(lock, stop, time, [&] { return stop.stop_requested(); });
}

// The configuration is parsed again when it is another. As long as that fails, the files of the last one
// count.
class Configured {
 public:
  explicit Configured(fs::path file) : file_(std::move(file)) {}

  std::vector<files::StampedFile> look() {
    const auto stamp = files::stamp_of(file_);
    if (!config_ || stamp != stamp_) {
      files::Issues issues;
      if (auto config = config::read_config(file_, issues)) config_ = std::move(config);
      stamp_ = stamp;
    }
    std::vector<files::StampedFile> seen{{file_, stamp}};
    if (!config_) return seen;
    files::Issues issues;
    std::ranges::move(find_policy_files(*config_, issues).seen, std::back_inserter(seen));
    for (const auto& file : config_->tls_files) seen.push_back({file, files::stamp_of(file)});
    for (const files::YamlNode& api : config_->apis) {
      const auto* tls = api.find("upstream_tls");
      for (const auto* key : {"ca", "chain", "key"}) {
        if (const auto* named = tls != nullptr ? tls->find(key) : nullptr)
          seen.push_back(
              {file_.parent_path() / named->text, files::stamp_of(file_.parent_path() / named->text)});
      }
    }
    for (const auto& keys : config_->key_files) seen.push_back({keys, files::stamp_of(keys)});
    for (const files::YamlNode& identity : config_->identities) {
      if (const auto* keys = identity.find("jwks_file"))
        seen.push_back({file_.parent_path() / keys->text, files::stamp_of(file_.parent_path() / keys->text)});
    }
    return seen;
  }

 private:
  const fs::path file_;
  files::FileStamp stamp_;
  std::optional<config::Config> config_;
};

}  // namespace

Look look_at_configured(const fs::path& config_file) {
  return [configured = std::make_shared<Configured>(config_file)] { return configured->look(); };
}

// How long it took.
milliseconds Watcher::glance() {
  const auto began = steady_clock::now();
  now_ = look_();
  return since(began);
}

bool Watcher::wait(const std::stop_token& stop) {
  for (milliseconds took{}; now_ == seen_; took = glance()) {
    if (!sleep(std::clamp(took * kPart, kGlance, kSlowest), stop)) return false;
  }
  const auto changed = steady_clock::now();
  do {
    seen_ = now_;
    if (!sleep(kQuiet, stop)) return false;
    glance();
  } while (now_ != seen_ && since(changed) < kLongest);
  return true;
}

FileWatch::FileWatch(Look look, std::function<void()> changed)
    : thread_([look = std::move(look), changed = std::move(changed)](const std::stop_token& stop) {
        Watcher watcher(look);
        do {
          changed();
        } while (watcher.wait(stop));
      }) {}

}  // namespace writ::policy
