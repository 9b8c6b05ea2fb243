// Write: what has to be on disk before a call may pass: more of a budget, a label, the use of an approval.
//
// A thread that serves requests never waits for a disk. It hands what a request needs written to a Writer,
// and goes on when that calls back (task/write_thread.h). Many requests wait for one sync together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "task/call.h"

namespace writ::task {

// What the store knows of a budget: how much of it may have been used.
struct Reservation {
  std::string task;
  // "" for all calls, an action's text, "amount:NAME" (of ten-thousandths) or "rate:SECONDS" (an instant).
  std::string budget;
  std::int64_t amount;
};

struct EarnedLabels {
  std::string task;
  std::vector<std::string> labels;
};

struct Write {
  Write() = default;
  Write(const Write&) = delete;
  ~Write() { settle_as(false); }
  // Calls `settle`, once. It may fail for want of memory; that does not end any other write.
  void settle_as(bool done) noexcept;

  std::vector<Reservation> reservations;
  std::vector<EarnedLabels> labels;
  // A new one (kPending), or one that is used up (kUsed).
  std::optional<StoredCall> call;
  // The id of one that makes room; if nobody has decided on it.
  std::string lapsed;
  // Called once, before anybody is told: it is on disk, or it may not be. One that is dropped is not.
  std::function<void(const Write& write, bool done)> settle;
};

// Implemented by store. Thread-safe.
class WriteStore {
 public:
  virtual ~WriteStore() = default;
  // All in one durable step. For each, in their order, whether it is on disk now. One of a task that is not
  // there fails with kNotFound and leaves the others alone.
  virtual std::vector<Result<void>> write(std::span<const Write* const> writes) = 0;
};

// Thread-safe.
class Writer {
 public:
  using Done = std::move_only_function<void(Result<void>)>;
  virtual ~Writer() = default;
  // Calls back once, from any thread or from inside the call. kUnavailable: too many wait, or it took too
  // long; then it may yet be written.
  virtual void write(std::unique_ptr<Write> write, Done done) noexcept = 0;
};

}  // namespace writ::task
