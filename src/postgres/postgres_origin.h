// PostgresOrigin: a PostgreSQL database that is asked for a resource's facts, by one SELECT with the
// parameters `:id` and `:tenant`.
//
// What is asked about is bound, never written into the statement. It gives one row, with the id that was
// asked for, or none; two are an error. Each column has a type that is read in one way (postgres/value.h).
// Each thread that asks has a session of its own (postgres/read_session.h says what bounds it), which is
// made anew after some minutes, with another password, and once where the server has ended it.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "postgres/read_session.h"
#include "postgres/select.h"
#include "sources/origin.h"

namespace writ::postgres {

struct PostgresOriginSettings {
  ServerSettings server;
  Select statement;
  std::string id;                                               // the column of the id
  std::vector<std::pair<std::string, std::string>> attributes;  // and the column of each
};

class PostgresOrigin final : public sources::Origin {
 public:
  explicit PostgresOrigin(PostgresOriginSettings settings);
  ~PostgresOrigin() override;

  // Whether it can be asked, for `writ check`. kUnavailable: nobody can be asked now. kConflict: the role may
  // do more than read.
  Result<void> check();

  Result<std::optional<codec::Json>> ask(const sources::SourceQuery& asked) override;
  std::uint64_t generation() const noexcept override { return generation_.load(std::memory_order_acquire); }
  void stop() override { stop_.stop(); }

 private:
  class Session;
  using SessionPtr = std::unique_ptr<Session>;

  SessionPtr take_idle();
  Result<SessionPtr> open(Deadline deadline);
  void give_back(SessionPtr session);
  Result<std::shared_ptr<const Secret>> password();

  const PostgresOriginSettings settings_;
  StopSignal stop_;
  std::atomic<std::uint64_t> generation_{0};
  std::mutex turn_;
  std::vector<SessionPtr> idle_;
  std::string digest_;  // of the password that was used last
};

}  // namespace writ::postgres
