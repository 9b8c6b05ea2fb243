// Assess: all checks, less the exceptions that somebody answers for, as one value that every output shows.
//
// Pure over its scene, but for the files of the configuration's folder that one check looks into.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "posture/checks.h"
#include "posture/exceptions.h"
#include "posture/scene.h"

namespace writ::posture {

// Every check, in the order of checks(); of those that are not asked for nobody can tell.
std::vector<Checked> look_at(const Scene& scene, const Check* only = nullptr);

// A finding that counts, or that an exception covers.
struct Judged {
  Weakness weakness;
  const Exemption* covered_by = nullptr;  // it does not count
  const Exemption* ended = nullptr;       // it was covered, and counts again
};

struct Assessment {
  Instant at;
  std::string revision;               // of the policies
  std::size_t identities = 0;         // that were looked at
  std::string log;                    // what the log covers, in words
  std::vector<Checked> checked;       // without their findings, which are in `judged`
  std::vector<std::size_t> found_by;  // findings of each check, also the covered ones
  std::vector<Judged> judged;         // the weightiest first, then by check and subject
  std::vector<Exemption> exemptions;
  std::vector<const Exemption*> idle;  // they match nothing

  // Those that count, by weight.
  std::array<std::size_t, 4> counts() const;
  std::size_t covered() const;
  bool any_at_least(Weight weight) const;
  std::string_view state(std::size_t check) const {
    return found_by[check] > 0 ? "found" : checked[check].state();
  }
};

// `exemptions`: beside those of the configuration; `only`: one check instead of all.
Assessment assess(const Scene& scene, std::vector<Exemption> exemptions, const Check* only = nullptr);

}  // namespace writ::posture
