// Log: the audit on disk. A record is written before the effect it records, and when it cannot be written
// there is no effect.
//
// Durable: one writer thread groups what arrives into one write and one fdatasync, so many requests share the
// wait. Buffered: the caller writes, and the operating system decides when it reaches the disk; survives
// `kill -9`, not power loss. A failed write is taken back whole: what was acknowledged before stays as it is,
// and later appends work again when there is room. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "audit/chain.h"
#include "base/result.h"

namespace writ::audit {

struct LogOptions {
  bool durable = true;
  std::size_t max_queued = 64 * 1024;  // records waiting to be written; beyond it an append fails
};

struct LogStats {
  std::uint64_t records;
  std::uint64_t failures;  // appends that failed
  std::uint64_t syncs;
};

class Log {
 public:
  using Done = std::move_only_function<void(Result<void>)>;

  // Creates the file, or goes on after its last record. A last line without its end was never acknowledged:
  // it is cut off, and the next record says so. Fails with kCorrupt when the last record is not what Writ
  // wrote.
  static Result<std::unique_ptr<Log>> open(const std::filesystem::path& path, LogOptions options,
                                           Instant now);
  ~Log();  // writes what is queued

  // Calls back when the record is written (and durable), or with why it is not: on the writer's thread when
  // durable, from inside the call when buffered.
  void append(Record record, Done done);
  // Waits for it.
  Result<void> append(Record record);

  Head head() const;
  // When the last record was written that the file had when it was opened; nothing: it had none.
  std::optional<Instant> written_until() const noexcept { return written_until_; }
  LogStats stats() const noexcept;
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  struct Waiting {
    Record record;
    Done done;
  };

  struct Tail;
  static Result<Tail> read_tail(int file, const std::filesystem::path& path);
  Log(std::filesystem::path path, LogOptions options, int file, Tail tail);
  void run();
  void write_batch(std::vector<Waiting>& batch);
  // With writing_ held. All of them or none.
  Result<void> write(std::vector<Waiting>& batch);
  Result<void> take_back(std::uint64_t size);

  const std::filesystem::path path_;
  const LogOptions options_;
  const int file_;
  const std::optional<Instant> written_until_;

  mutable std::mutex writing_;
  Head head_;
  std::uint64_t size_;    // of the file, to the end of the last record that was acknowledged
  bool damaged_ = false;  // there may be bytes behind size_
  std::string buffer_;

  std::mutex queueing_;
  std::condition_variable arrived_;
  std::vector<Waiting> queue_;
  bool stopping_ = false;
  std::thread writer_;

  std::atomic<std::uint64_t> records_ = 0, failures_ = 0, syncs_ = 0;
};

}  // namespace writ::audit
