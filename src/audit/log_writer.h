// What Log is made of: the queue, the writer's thread, and what the writer knows of its file.
#pragma once

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "audit/head_keeper.h"
#include "audit/log.h"
#include "audit/reserve.h"
#include "audit/tail.h"
#include "audit/writing.h"

namespace writ::audit {

class LogWriter {
 public:
  using Done = Log::Done;

  // As they are in Log.
  static Result<std::unique_ptr<LogWriter>> open(const std::filesystem::path& path, LogOptions options,
                                                 Instant now);
  ~LogWriter();
  void append(Record record, Done done);
  Result<void> reopen();
  Head head() const;
  std::optional<Instant> written_until() const noexcept { return written_until_; }
  LogStats stats() const;
  void not_before(Instant time) noexcept;
  bool available() const noexcept { return available_.load(std::memory_order_relaxed); }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  struct Waiting {
    std::size_t bytes;
    Standing standing;
    Done done;
    std::string_view members = {};  // of a batch, in batch_texts_
  };
  // One of the log's own, which lives longer.
  static Waiting own(const Record& record) {
    return {record.members.size(), record.standing, {}, record.members};
  }
  // What a new file begins with, beside its first record.
  struct Beginning {
    std::string type, object, detail;
  };

  LogWriter(WritingFile file, const Tail& tail, LogOptions options, Instant now);
  static Result<std::unique_ptr<LogWriter>> open_lost(const std::filesystem::path& path, const Head& noted,
                                                      const std::string& lost, LogOptions options,
                                                      Instant now);
  Result<void> tell_older(const Head& noted, Instant noted_at, const Tail& tail);
  void begin();
  void run();
  bool work();  // one round of the writer; false at the end
  static Result<void> guarded(const std::function<Result<void>()>& write) noexcept;
  Result<void> write_batch(std::vector<Waiting>& batch);
  void answer(std::vector<Waiting>& batch, const Result<void>& outcome) noexcept;
  Result<void> tick();
  void try_again();
  Result<void> tell_left_out(bool at_the_end);
  // The writer's; all of a batch or none.
  Result<void> write(const std::vector<Waiting>& batch);
  Result<void> write_lines(const std::vector<Waiting>& batch);
  Result<void> write_from_reserve(std::vector<Waiting>& stops, Standing standing);
  Result<void> write_own(const Event& event);
  // The file is in its place, or why not.
  Result<void> settle();
  Result<void> rotate();
  Result<void> close_file(std::string_view why);
  // `closing`: what the last record of the file before says; empty: it has none.
  Result<void> begin_file(Beginning beginning, std::string_view closing);
  Result<void> reopen_file();
  Result<void> refill();
  bool reserves_whole() const;
  bool short_of_room() const;
  void note_outcome(const Result<void>& outcome);
  void tell(const std::string& text) const;
  Instant now() const;

  const std::filesystem::path path_;
  const LogOptions options_;
  std::atomic<std::int64_t> not_before_;
  const std::optional<Instant> written_until_;
  const SystemClock clock_;

  // The writer's.
  std::mutex file_mutex_;  // where another file takes its place
  WritingFile file_;
  std::uint64_t file_begins_;  // number of its first record
  std::optional<Beginning> beginning_;
  std::vector<Reserve> reserves_;
  std::string buffer_;
  Head next_head_;  // while what it is the head of is being written
  std::vector<Waiting> batch_;
  std::string batch_texts_;
  std::chrono::steady_clock::time_point next_tick_{}, next_left_out_{};
  Instant left_out_since_;
  std::uint64_t refused_ = 0;  // since it began to fail
  bool leaving_out_ = false, rotation_fails_ = false;

  mutable std::mutex head_mutex_;  // never held across a write
  Head head_;
  Strangers strangers_;
  std::unique_ptr<HeadKeeper> keeper_;  // ends before the file does

  std::mutex queueing_;
  std::condition_variable arrived_;
  std::vector<Waiting> queue_;
  // Of all in the queue, one behind the other: what a request's thread has made, it frees itself.
  std::string queue_texts_;
  std::optional<std::promise<Result<void>>> reopening_;
  bool stopping_ = false;
  std::thread writer_;

  std::atomic<std::uint64_t> records_ = 0, failures_ = 0, syncs_ = 0, files_ = 0, reserved_ = 0;
  std::atomic<bool> available_ = true;
};

}  // namespace writ::audit
