// For tests: an origin in this process, which says what it is told to, and whose answers can be held.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sources/source.h"

namespace writ::sources::testing {

// What the test and the origin share. Thread-safe.
class Book {
 public:
  using Said = Result<std::optional<codec::Json>>;

  // The attributes as JSON; nothing: it does not know the resource.
  void put(const std::string& id, std::string_view attributes) {
    const std::lock_guard lock(mutex_);
    said_[id] = codec::parse_json(attributes).value();
  }
  void fail(std::optional<ErrorCode> code) {
    const std::lock_guard lock(mutex_);
    failure_ = code;
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  // Until so many questions are being asked.
  void wait_for(std::size_t questions) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_.size() >= questions; });
  }
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  void renew_credential() { ++generation; }

  Said ask(const SourceQuery& asked) {
    std::unique_lock lock(mutex_);
    asked_.push_back(asked.tenant.value_or("-") + "/" + asked.id);
    changed_.notify_all();
    const auto found = said_.find(asked.id);
    auto answer = found != said_.end() ? std::optional(found->second) : std::nullopt;
    changed_.wait(lock, [&] { return !held_; });
    if (failure_) return failure(*failure_, "the test says so");
    return answer;
  }

  std::atomic<std::uint64_t> generation{0};

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, codec::Json> said_;
  std::vector<std::string> asked_;
  std::optional<ErrorCode> failure_;
  bool held_ = false;
};

class BookOrigin final : public Origin {
 public:
  explicit BookOrigin(Book& book) : book_(book) {}
  Result<std::optional<codec::Json>> ask(const SourceQuery& asked) override { return book_.ask(asked); }
  std::uint64_t generation() const noexcept override { return book_.generation; }
  void stop() override { book_.release(); }

 private:
  Book& book_;
};

}  // namespace writ::sources::testing
