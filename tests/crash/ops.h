// One of each kind of durable write, with what must be true of it afterwards.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/log.h"
#include "policy/revisions.h"
#include "store/data_folder.h"
#include "store/proof_journal.h"
#include "store/sqlite_store.h"

#include "disk.h"

namespace writ::crash {

inline const Instant kNow = instant_from_unix_seconds(1'750'000'000);
inline constexpr std::size_t kRevisionsKept = 3;

// Everything that Writ keeps, opened as the server does it (server/app.cc). In the order of its making.
struct Ground {
  static Result<std::unique_ptr<Ground>> open(const std::filesystem::path& data, bool durable_audit);

  const ManualClock clock{kNow};
  bool durable_audit = true;
  std::optional<store::DataFolder> folder;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<audit::Log> log;
  std::unique_ptr<store::ProofJournal> proofs;
  std::optional<policy::Revisions> revisions;
};

// What was taken away, and must stay away: kept apart from any store, by what was acknowledged. What is in
// doubt, because it failed or was cut short, is in neither direction.
struct Ledger {
  std::map<std::string, inventory::Status> stopped;
  std::map<std::string, task::State> over;  // tasks
  std::map<std::string, std::int64_t> reserved;
  std::set<std::pair<std::string, std::string>> labels;
  std::set<std::string> revoked, used_calls, used_identifiers;
  std::vector<std::array<std::uint8_t, 16>> proofs;  // used since the machine started
  std::string revision;                              // the one that was kept last
  std::set<std::string> choices = {""};              // of one of these; "": of none
  std::set<std::string> keys = {""};                 // one of these: the kids with their states

  // Nothing, or what is wrong.
  std::string problem_with(Ground& ground) const;
};

struct Op {
  std::string_view kind;
  audit::Standing standing = audit::Standing::kOrdinary;
  // In the database; null: elsewhere. Refuses the same in any store that holds the same.
  std::function<Result<void>(store::SqliteStore&)> store = nullptr;
  std::function<Result<void>(Ground&)> elsewhere = nullptr;
  std::function<void(Ledger&)> done = nullptr, doubt = nullptr;
  std::string object = {};  // of its record
};

// Makes random operations; one for each world.
class Ops {
 public:
  explicit Ops(std::uint64_t seed) : random_(seed) {}
  Op any();

 private:
  std::string some(std::string_view what, int among);
  std::string of_task();
  std::string of_call();
  Op of_identities(), of_tasks(), of_calls(), of_tokens(), of_keys(), of_files();
  Op task_state(std::string_view kind, task::State state);
  Op call_state(std::string_view kind, task::CallState state);
  Op several();
  std::size_t pick(std::size_t below) { return random_() % below; }

  Random random_;
  std::vector<token::StoredKey> own_keys_;  // as they were saved last
  int tasks_ = 0, calls_ = 0, revisions_ = 0, proofs_ = 0, keys_ = 0;
  std::int64_t amount_ = 0;
};

}  // namespace writ::crash
