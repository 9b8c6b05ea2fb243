// writ posture: what is wrong, how badly, and what to do (docs/posture.md). And what it shares with the
// report.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "posture/exceptions.h"
#include "posture/render.h"

namespace writ::cli {

void add_posture(Command& program);

// Nothing: the file has mistakes, which are printed. None are named by an empty name.
std::optional<std::vector<posture::Exemption>> read_exemptions(const std::string& named);
// A line for this run is added to the file; returns all runs.
Result<std::vector<posture::Run>> add_to_history(const std::string& file,
                                                 const posture::Assessment& assessment);

}  // namespace writ::cli
