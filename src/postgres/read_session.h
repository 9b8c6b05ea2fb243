// ReadSession: one session with a PostgreSQL server, over libpq, that reads and does nothing else.
//
//   who       its name is in the certificate (verify-full), unless it is on this machine or the operator says
//             otherwise; libpq's environment (PGHOST, ~/.pgpass) does not count
//   what      every transaction is read-only, and a role that may write, or is a superuser, is refused
//   how long  each step has an end, here and in the server (statement_timeout); whoever stops ends it at once
//   how much  an answer of more than `max_answer_bytes` ends the session
//
// Waits, so it is never used on a loop; only the resolution of the server's name is bounded by the resolver
// alone. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

struct pg_conn;
struct pg_result;

namespace writ::postgres {

struct ServerSettings {
  std::string host;  // a name, an address, or the folder of a socket: "/run/postgresql"
  std::uint16_t port = 5432;
  std::string database;
  std::string user;
  // One for good, or what a file holds when it connects.
  std::shared_ptr<const Secret> password = nullptr;
  std::filesystem::path password_file = {};
  bool tls = true;  // with the CAs of `ca`; and what Writ shows
  std::filesystem::path ca = {}, chain = {}, key = {};
  std::chrono::milliseconds timeout{2'000};  // of one statement
  std::size_t max_answer_bytes = 64 * 1024;
};

// Its connections need no TLS: a socket's folder, `localhost`, a loopback address.
bool is_this_machine(std::string_view host);

// Ends all waiting, from any thread.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  void stop() noexcept;
  bool stopped() const noexcept;
  int descriptor() const noexcept { return event_; }

 private:
  int event_;
};

using Deadline = std::chrono::steady_clock::time_point;

struct ResultFree {
  void operator()(pg_result* result) const noexcept;
};
using ResultPtr = std::unique_ptr<pg_result, ResultFree>;

class ReadSession {
 public:
  // Fails with kUnavailable; with kConflict where the role may do more than read. All is borrowed but
  // `password`, which is used and not kept.
  static Result<std::unique_ptr<ReadSession>> open(const ServerSettings& server, std::string_view password,
                                                   const StopSignal& stop, Deadline deadline);
  ~ReadSession();
  ReadSession(const ReadSession&) = delete;
  ReadSession& operator=(const ReadSession&) = delete;

  // The statement of this session; its columns are described in what comes back. kInvalid: it is not one.
  Result<ResultPtr> prepare(const std::string& text, Deadline deadline);
  // Asks the prepared statement: the row, or null for none. kInvalid: it gives more than one.
  Result<ResultPtr> ask(std::span<const std::string> parameters, Deadline deadline);
  // Rows of a statement of Writ's own, at most `most`.
  Result<std::vector<ResultPtr>> rows(const char* text, std::span<const std::string> parameters,
                                      std::size_t most, Deadline deadline);

  // After a failure: it can be used again, because the server only refused a value.
  bool usable() const noexcept { return usable_; }
  // The last failure was of the session, and not of what was asked: a new one may do.
  bool lost() const noexcept { return lost_; }

 private:
  ReadSession(const ServerSettings& server, const StopSignal& stop) : server_(server), stop_(stop) {}

  Result<void> connect(std::string_view password, Deadline deadline);
  Result<void> check_role(Deadline deadline);
  Result<void> wait(bool for_writing, Deadline deadline);
  Result<void> send(int sent, Deadline deadline);
  Result<ResultPtr> next(Deadline deadline);
  Result<std::vector<ResultPtr>> collect(std::size_t most, Deadline deadline);
  std::unexpected<Error> failed(const pg_result* result);
  std::unexpected<Error> down(std::string why);
  std::string message() const;

  const ServerSettings& server_;
  const StopSignal& stop_;
  pg_conn* session_ = nullptr;
  std::size_t received_ = 0;  // of the answer that is coming
  bool usable_ = true;
  bool lost_ = false;
};

}  // namespace writ::postgres
