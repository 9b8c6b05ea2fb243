// Evidence: what an audit log says was used, by distinct shape.
//
// A shape is a kind of permitted request: point, API, action, type of the resource, parties, and the permits
// that held for each party. Users are one shape together; what works for itself (applications, services,
// agents) stays apart. A log of ten million records has some hundreds of shapes, so the log is read as a
// stream and only the shapes are kept. A record of an earlier Writ does not say which permit held for which
// party; then all that it names may have.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/files.h"
#include "base/clock.h"
#include "base/result.h"
#include "cedar/ast.h"
#include "codec/json.h"
#include "digest/reading.h"
#include "inventory/snapshot.h"
#include "rightsize/bursts.h"

namespace writ::rightsize {

// What was only seen by chance, and is told apart only if somebody asks for it.
struct ByChance {
  bool ids = false, addresses = false, hours = false;
};

// Records from `since` on, before `until`.
struct Window {
  Instant since = Instant::min();
  Instant until = Instant::max();
};

// Days, counted from the first one that was seen.
class Days {
 public:
  void add(std::int64_t day);
  void add(const Days& other);
  std::size_t count() const noexcept;

 private:
  std::int64_t first_ = 0;
  std::vector<bool> seen_;
};

struct Uses {
  std::uint64_t count = 0;
  Instant first{}, last{};
  Days days = {};

  void add(Instant time);
  void add(const Uses& other);
};

struct PartyUse {
  std::string type;                  // as Cedar calls it: "Writ::Agent"; empty: nobody can say
  std::string id;                    // empty: a user
  std::vector<std::string> permits;  // ids of policies
  bool exact = false;                // each of them held for this party; else it is not known which
};

struct Shape {
  std::string point, api;
  cedar::EntityUid action;
  std::string resource_type;  // empty: several, or nobody can say
  std::string revision;       // of the policies
  std::vector<PartyUse> parties;
  std::string purpose, environment;  // as the decision saw them; empty: there was none
  // By chance, where it was asked for.
  std::string resource_id, address;
  int hour = -1;  // UTC
  // What was listed was decided one by one, and is not in the log.
  bool lists = false;
  Uses uses;
  std::string example;  // the first record
};

struct Evidence {
  std::vector<StandingBursts> bursts;  // of standing use
  std::vector<Shape> shapes;           // in the order in which they were first seen
  std::uint64_t records = 0;           // of the window, of every type
  std::uint64_t permits = 0;           // decisions
  std::uint64_t unreadable = 0;        // lines that are no records
  std::uint64_t not_enforced = 0;  // refused where the API only observes, and passed: nothing permitted them
  Instant first{}, last{};         // record of the window
  // By policy: when it was first named by a record.
  std::map<std::string, Instant, std::less<>> named;
  std::map<std::string, Instant, std::less<>> revisions;  // by revision: its first record

  std::int64_t span_days() const noexcept;
};

// More shapes than these, and the log is not one of kinds of requests any more.
inline constexpr std::size_t kMaxShapes = 200'000;

class EvidenceReader {
 public:
  // The inventory says what kind an identity is of, and the log what was added while Writ ran.
  EvidenceReader(std::shared_ptr<const inventory::Snapshot> inventory, Window window,
                 ByChance by_chance = {});
  // A record of the log, in order. Fails with kLimit beyond kMaxShapes.
  Result<void> see(const digest::LogReading& reading, const digest::Entry& entry);
  // The same, of its line.
  Result<void> see(std::string_view line);
  Evidence finish() &&;

 private:
  struct Item {
    const digest::RecordKind& kind;
    std::uint32_t kind_number, name_number;
    const std::string& name;
    Instant time;
    const std::function<Result<std::string>()>& line;
  };
  Result<void> see(const Item& item);
  Result<void> see_event(const Item& item);
  Result<void> see_permit(const Item& item);
  Result<std::size_t> shape_of(const Item& item);
  std::string_view type_of(const std::string& id, bool subject) const;
  void add_parties(const Item& item, Shape& shape) const;

  std::shared_ptr<const inventory::Snapshot> inventory_;
  const Window window_;
  const ByChance by_chance_;
  std::map<std::string, std::string, std::less<>> added_;  // types, by the id of an identity
  std::unordered_map<std::string, std::size_t> known_;     // shapes, by all that tells them apart
  // The same by the numbers of kind and name; a user's name is none. Good as long as nobody is added.
  std::unordered_map<std::uint64_t, std::size_t> by_number_;
  std::vector<std::uint8_t> users_;   // by the number of a name: 1, a user; 2, not; 0, not looked up
  digest::Dictionary kinds_, names_;  // of lines
  std::vector<digest::RecordKind> read_kinds_;
  BurstReader bursts_;
  std::string key_;
  Evidence evidence_;
};

Result<Evidence> read_evidence(const std::vector<audit::Part>& log,
                               std::shared_ptr<const inventory::Snapshot> inventory, Window window,
                               ByChance by_chance = {}, digest::IndexUse index = {});

}  // namespace writ::rightsize
