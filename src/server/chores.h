// Chores: what is done now and then and waits for the disk, on a thread of its own: forgetting above all.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "inventory/api_key_registry.h"
#include "inventory/directory.h"

namespace writ::server {

inline constexpr int kLooksBetweenKeepingUse = 30;

// Stores when identities and API keys were used. A crash loses the days of the last half minute: an identity
// then seems to have slept longer, never shorter. What fails is said, and tried again.
bool keep_use(inventory::Directory& directory, inventory::ApiKeyRegistry& api_keys);

class Chores {
 public:
  // `work` is done again and again, with so much time in between. What it throws ends this one time.
  void start(std::chrono::milliseconds every, std::function<void()> work);
  // Waits for what is being done.
  void stop();
  ~Chores() { stop(); }

 private:
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace writ::server
