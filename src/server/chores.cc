#include "server/chores.h"

#include <cstdio>
#include <exception>

namespace writ::server {

bool keep_use(inventory::Directory& directory, inventory::ApiKeyRegistry& api_keys) {
  const auto kept = directory.keep_use();
  if (!kept)
    std::fprintf(stderr, "writ: could not store when identities were used: %s\n",
                 kept.error().message.c_str());
  const auto keys_kept = api_keys.keep_use();
  if (!keys_kept)
    std::fprintf(stderr, "writ: could not store when API keys were used: %s\n",
                 keys_kept.error().message.c_str());
  return kept.has_value() && keys_kept.has_value();
}

void Chores::start(std::chrono::milliseconds every, std::function<void()> work) {
  thread_ = std::thread([this, every, work = std::move(work)] {
    std::unique_lock lock(mutex_);
    while (!stopped_.wait_for(lock, every, [this] { return stopping_; })) {
      lock.unlock();
      try {
        work();
      } catch (const std::exception& error) {
        std::fprintf(stderr, "writ: deleting what is over failed: %s\n", error.what());
      }
      lock.lock();
    }
  });
}

void Chores::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace writ::server
