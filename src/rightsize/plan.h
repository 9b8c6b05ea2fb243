// Plan: a log and a configuration become a proposal, its texts, its tests, and what a rehearsal shows of it.
//
// Nothing is written. The texts of the proposal are loaded as `writ check` would, so a plan whose texts do
// not load is an error and not a proposal. Reads the log as often as it has to; waits for the disk.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "audit/files.h"
#include "policy/load.h"
#include "policytest/replay.h"
#include "rightsize/evidence.h"
#include "rightsize/proposal.h"

namespace writ::rightsize {

// What a proposal is made from. Borrows.
struct Source {
  const std::vector<audit::Part>& log;
  const policy::Loaded& loaded;
  std::filesystem::path data;  // where kept revisions are
  Thresholds settings = {};
  digest::IndexUse index = {};
};

struct RightsizingPlan {
  Evidence evidence;
  Proposal proposal;
  policy::Loaded proposed;           // the configuration with the texts of the proposal
  std::vector<std::size_t> changed;  // files of proposed.texts
};

// From the records of the window.
Result<std::unique_ptr<RightsizingPlan>> make_plan(const Source& source, Window window);

// The recorded requests decided again, under today's policies and under the proposal.
struct Rehearsal {
  std::size_t permits = 0, decided = 0;         // of the permits, those that could be decided again
  std::size_t refused_today = 0;                // of these, what today's policies refuse already
  std::vector<policytest::Flip> refused;        // by the proposal, and not today: what it would break
  std::vector<policytest::Flip> widened;        // permitted by the proposal, and not today
  std::map<std::string, std::size_t> left_out;  // not decided again, by why
};

Result<Rehearsal> rehearse(const Source& source, const policy::Loaded& proposed, Window window);

// The instant after the first two thirds of what the log has of a window.
Instant two_thirds(const Evidence& evidence);

}  // namespace writ::rightsize
