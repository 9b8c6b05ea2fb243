#include "task/write_thread.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fmt/format.h>

namespace writ::task {
namespace {

// How exactly the longest wait is kept.
constexpr std::chrono::milliseconds kTick{200};

std::unexpected<Error> unavailable(std::string message) {
  return failure(ErrorCode::kUnavailable, std::move(message));
}

}  // namespace

WriteThread::WriteThread(WriteStore& store, WriteOptions options)
    : store_(store), options_(options), writer_([this] { run(); }), watch_([this] { expire(); }) {}

WriteThread::~WriteThread() {
  stop();
}

void WriteThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  stopped_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (watch_.joinable()) watch_.join();
}

// The callback may fail for want of memory. That is the end of one request.
void WriteThread::tell(Done& done, Result<void> result) noexcept {
  try {
    if (done) std::exchange(done, nullptr)(std::move(result));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "writ: a request that waited for the disk was dropped: %s\n", error.what());
  }
}

void WriteThread::write(std::unique_ptr<Write> write, Done done) noexcept {
  try {
    auto waiting = std::make_unique<Waiting>();
    std::unique_lock lock(mutex_);
    if (!stopping_ && queue_.size() < options_.max_waiting) {
      queue_.push_back(nullptr);
      waiting->write = std::move(write);
      waiting->done = std::move(done);
      waiting->until = std::chrono::steady_clock::now() + options_.max_wait;
      queue_.back() = std::move(waiting);
      lock.unlock();
      return arrived_.notify_one();
    }
    lock.unlock();
    refused_.fetch_add(1, std::memory_order_relaxed);
    write->settle_as(false);
    tell(done, unavailable(fmt::format("{} requests wait for the disk already", options_.max_waiting)));
  } catch (const std::exception&) {
    if (write != nullptr) write->settle_as(false);
    tell(done, failure(ErrorCode::kUnavailable, {}));
  }
}

void WriteThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    writing_.swap(queue_);
    lock.unlock();
    write_batch();
    lock.lock();
  }
}

std::vector<Result<void>> WriteThread::ask_store() const {
  std::vector<const Write*> writes;
  for (const auto& each : writing_) writes.push_back(each->write.get());
  auto results = store_.write(writes);
  results.resize(writes.size(), unavailable("the store gave no result"));
  return results;
}

// Once when the store begins to fail, and once when it works again.
void WriteThread::report(const std::vector<Result<void>>& results) {
  const auto failed = std::ranges::find_if(results, [](const auto& each) {
    return !each && each.error().code != ErrorCode::kNotFound && each.error().code != ErrorCode::kConflict;
  });
  const bool fails = failed != results.end();
  if (fails && !fails_)
    std::fprintf(stderr, "writ: requests that need the database are refused: %s\n",
                 failed->error().message.c_str());
  if (!fails && fails_) std::fprintf(stderr, "writ: the database can be written again\n");
  fails_ = fails;
}

void WriteThread::write_batch() {
  std::vector<Result<void>> results;
  try {
    results = ask_store();
    syncs_.fetch_add(1, std::memory_order_relaxed);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "writ: the store failed: %s\n", error.what());
  }
  report(results);
  for (std::size_t i = 0; i < writing_.size(); ++i) {
    Result<void> result = failure(ErrorCode::kUnavailable, {});
    if (i < results.size()) result = std::move(results[i]);
    (result ? writes_ : failures_).fetch_add(1, std::memory_order_relaxed);
    writing_[i]->write->settle_as(result.has_value());
    Done done;
    {
      const std::lock_guard lock(mutex_);
      done.swap(writing_[i]->done);
    }
    tell(done, std::move(result));
  }
  const std::lock_guard lock(mutex_);
  writing_.clear();
}

// Tells those that have waited for too long. What they wait for may yet be written.
void WriteThread::expire() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, kTick, [this] { return stopping_; })) {
    for (auto* waiting : {&writing_, &queue_}) {
      for (std::size_t i = 0; i < waiting->size(); ++i) {
        // The deques may change while nobody holds the lock: what is told is looked for anew.
        auto& each = *(*waiting)[i];
        if (!each.done || std::chrono::steady_clock::now() < each.until) continue;
        Done done = std::exchange(each.done, nullptr);
        lock.unlock();
        expired_.fetch_add(1, std::memory_order_relaxed);
        tell(done, failure(ErrorCode::kUnavailable, "the disk took too long"));
        done = nullptr;
        lock.lock();
      }
    }
  }
}

WriteStats WriteThread::stats() const noexcept {
  const std::lock_guard lock(mutex_);
  return {writes_.load(std::memory_order_relaxed),   syncs_.load(std::memory_order_relaxed),
          failures_.load(std::memory_order_relaxed), refused_.load(std::memory_order_relaxed),
          expired_.load(std::memory_order_relaxed),  queue_.size() + writing_.size()};
}

}  // namespace writ::task
