// Notes the head of the chain in the database (heads.h), on a thread of its own: a database that waits holds
// up no record.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "audit/heads.h"

namespace writ::audit {

class HeadKeeper {
 public:
  // `before`: puts on disk what is about to be noted. `tell`: a line for people.
  HeadKeeper(HeadStore& heads, std::chrono::milliseconds every, std::function<Result<void>()> before,
             std::function<void(const std::string&)> tell);
  ~HeadKeeper();  // notes the last one

  void moved(const Head& head);
  std::uint64_t noted() const;

 private:
  void run();
  void note(const Head& head);

  HeadStore& heads_;
  const std::chrono::milliseconds every_;
  const std::function<Result<void>()> before_;
  const std::function<void(const std::string&)> tell_;

  mutable std::mutex mutex_;  // not held while it notes
  std::condition_variable wake_;
  Head head_;
  std::uint64_t noted_ = 0;
  bool moved_ = false, stopping_ = false, failed_ = false;
  std::thread thread_;
};

}  // namespace writ::audit
