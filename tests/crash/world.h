// A world of Writ's durable state, which lives, is struck, and lives again.
//
// Each life is a process of its own, forked for it: it starts as the server does, makes random durable
// writes, each recorded in the audit first, and is struck once or twice (disk.h). Then the folder is copied,
// opened without faults, and compared with a store that did the same in peace: it has everything that was
// acknowledged, and nothing more but what was in doubt. The next life goes on with what the last one left, so
// that faults meet what earlier ones left, also during the start.
//
// The same seed makes the same world.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "disk.h"
#include "ops.h"

namespace writ::crash {

// How often what was struck, and where.
struct Counts {
  using ByFault = std::array<std::uint64_t, kFaults>;
  std::map<std::string, ByFault> by_write, by_call;
  std::uint64_t faults = 0, lives = 0, worlds = 0, acknowledged = 0, in_doubt = 0, stops_on_full_disk = 0;
};

struct Report;  // what a life tells, in memory that it shares

class World {
 public:
  World(std::uint64_t seed, const std::filesystem::path& folder, Counts& counts);
  ~World();
  // One life. Empty, or what is different from what it should be.
  std::string live();

 private:
  struct Strike {
    Fault fault;
    std::size_t at_op, after, lasting;
  };
  struct Tried {
    Op op;
    std::string object;
  };

  void plan();
  [[noreturn]] void be();  // in the process of a life
  void strike(std::size_t op);
  std::string what_happened();
  void settle(std::size_t op);
  std::string difference();
  std::string difference_of_audit(const std::filesystem::path& data);
  void assume(const Op& op);

  Random random_;
  Ops ops_;
  const std::filesystem::path folder_, calm_, copy_;
  const bool durable_audit_;
  Counts& counts_;
  Report* report_;

  // Of the life at hand.
  std::vector<Op> work_;
  std::vector<Strike> strikes_;
  bool power_lost_ = false;

  // Of all lives.
  Ledger ledger_;
  std::vector<Op> doubtful_;                // of the database: one of them may have happened
  std::size_t found_ = 0;                   // what was seen of it: 0: none, else the so many'th
  std::set<std::string> recorded_, begun_;  // in the audit: acknowledged, and begun
  int records_ = 0;
};

}  // namespace writ::crash
