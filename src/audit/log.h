// Log: the audit on disk. A record is written before the effect it records, and when it cannot be written
// there is no effect.
//
// One writer thread groups what arrives into one write, and where the log is durable one fdatasync, so many
// requests share the wait and no caller waits for the disk. Buffered: the operating system decides when it
// reaches the disk; that survives `kill -9`, not power loss. A failed write is taken back whole: what was
// acknowledged before stays as it is, and later appends work again when there is room.
//
// Before each write the writer looks whether the file is still where it belongs. One that was renamed is
// closed, and the chain goes on in a new one. One that was removed, or that another process wrote to, stops
// everything until reopen(), which the operator asks for (SIGHUP). How the chain stands is noted in the
// database (heads.h).
//
// When the disk is full ordinary records are refused first: what stops somebody is written from a reserve.
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/chain.h"
#include "audit/heads.h"
#include "audit/strangers.h"
#include "base/clock.h"
#include "base/private_file.h"
#include "base/result.h"

namespace writ::audit {

struct LogOptions {
  bool durable = true;
  // Records that wait to be written; beyond it an append fails, but for some room that stops have.
  std::size_t max_queued = 64 * 1024;
  std::size_t max_queued_bytes = 64 << 20;
  Writers writers = Writers::kOwner;  // who may be able to write the file
  std::uint64_t rotate_bytes = 0;     // a file that has so many is renamed, and a new one begun; 0: never
  StrangerLimits strangers = {};
  // How often what was left out is recorded, the head noted, and a log that fails tried again.
  std::chrono::milliseconds left_out_every{10'000}, tick{1000};
  // Where the head is noted; null: nowhere, and a lost log is not noticed.
  HeadStore* heads = nullptr;
  // Goes on although the log is lost, when the head that was noted is of this record.
  std::optional<std::uint64_t> accept_lost = {};
  // Space that is kept for stops, in files of that size; without a name one beside the log.
  std::uint64_t reserve_bytes = 0;
  std::vector<std::filesystem::path> reserves = {};
  // Called with messages for the operator, one line each. From any thread.
  std::function<void(const std::string&)> tell = {};
  // For tests: runs before each write, on the writer's thread; what it throws fails the write.
  std::function<void()> before_write = {};
};

struct LogStats {
  std::uint64_t records;
  std::uint64_t failures;  // appends that failed
  std::uint64_t syncs;
  std::uint64_t files;           // that were begun
  std::uint64_t left_out;        // refusals to strangers that were counted only
  std::uint64_t reserved_bytes;  // that stops have
  std::uint64_t noted;           // the last record whose head is noted
  bool available;                // the last attempt to write went well
};

class LogWriter;

class Log {
 public:
  using Done = std::move_only_function<void(Result<void>)>;

  // Creates the file, or goes on after its last record. A last line without its end was never acknowledged:
  // it is cut off, and the next record says so. Fails with kCorrupt when the last record is not what Writ
  // wrote, or when the log is not the one whose head was noted.
  static Result<std::unique_ptr<Log>> open(const std::filesystem::path& path, LogOptions options,
                                           Instant now);
  ~Log();  // writes what is queued, and notes the head

  // Calls back when the record is written (and durable), or with why it is not: on the writer's thread, or
  // from inside the call when it is not even queued. kLimit: it is larger than a record may be.
  void append(Record record, Done done);
  // Waits for it. Not on an event loop.
  Result<void> append(Record record);

  // The operator says that the file was rotated: goes on in a new one where it was moved away,
  // with a record of the loss where it was removed, cut or written to. Nothing when it is in its place.
  Result<void> reopen();

  Head head() const;
  // When the last record was written that the file had when it was opened; nothing: it had none.
  std::optional<Instant> written_until() const noexcept;
  LogStats stats() const;
  // Its own records are not earlier.
  void not_before(Instant time) noexcept;
  // Could a record be written? Tried again by itself while not.
  bool available() const noexcept;
  const std::filesystem::path& path() const noexcept;

 private:
  explicit Log(std::unique_ptr<LogWriter> writer);
  std::unique_ptr<LogWriter> writer_;
};

}  // namespace writ::audit
