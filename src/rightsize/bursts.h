// Bursts: standing use, by whom and what for, in runs with pauses between them.
//
// Standing use is what a machine did for itself and without a task: it was permitted at any time, and used at
// some. Uses of one identity for one purpose that follow each other within kPause are one burst. What a task
// for such work would have to allow is what the largest of them needed. Pure; memory for each identity,
// purpose and action.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "cedar/ast.h"
#include "digest/kind.h"

namespace writ::rightsize {

inline constexpr Duration kPause = std::chrono::minutes(15);

struct StandingBursts {
  std::string client, purpose;  // purpose may be empty: there was none
  std::string environment;      // of the last use
  struct OfAction {
    std::set<std::string> resource_types;  // empty text: nobody can say
    std::uint64_t most = 0;                // calls in a burst
    std::string example;                   // the first record
  };
  std::map<cedar::EntityUid, OfAction> actions;
  std::set<std::string> policies;  // that determined it
  std::uint64_t uses = 0, bursts = 0, most = 0;
  Duration longest{}, together{};  // of bursts, from their first use to their last
  Instant first{}, last{};
};

class BurstReader {
 public:
  // A permit; `line` is asked for the first of each action. A record whose action cannot be read is left out.
  template <class Line>
  Result<void> see(const digest::RecordKind& kind, std::uint32_t kind_number, const std::string& subject,
                   Instant time, Line line) {
    Run* run = nullptr;
    std::size_t action = 0;
    if (!find(kind, kind_number, subject, run, action)) return {};
    auto& place = run->actions[action];
    if (place.second->example.empty()) place.second->example = TRY(line());
    add(*run, action, time);
    return {};
  }
  // In the order of their names.
  std::vector<StandingBursts> finish() &&;

 private:
  struct Run {
    StandingBursts so_far;
    std::vector<std::pair<cedar::EntityUid, StandingBursts::OfAction*>> actions;
    std::vector<std::uint64_t> calls;  // of the burst at hand, by action
    std::uint64_t all = 0;
    Instant begin{}, end{};
  };
  struct Place {
    Run* run = nullptr;  // null: it is no standing use
    std::size_t action = 0;
    bool known = false;
  };
  bool find(const digest::RecordKind& kind, std::uint32_t kind_number, const std::string& subject, Run*& run,
            std::size_t& action);
  static void add(Run& run, std::size_t action, Instant time);
  static void close(Run& run);

  std::map<std::pair<std::string, std::string>, Run> runs_;
  std::vector<Place> places_;  // by the number of the kind
};

}  // namespace writ::rightsize
