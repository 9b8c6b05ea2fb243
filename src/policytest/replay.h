// Replay: recorded requests decided again under other policies, to see what a change of policies would do
// before it is in force.
//
// The audit log is read from its beginning. Tasks live again as they were opened, used, narrowed and ended;
// identities are the configuration's, with what the log tells of them. A record is decided again only when
// what it lacks cannot matter, and is first decided under its own policies where these are kept: when that
// does not come out as recorded, not all facts of that time are known, and the record is not counted. Nothing
// is used up or written.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "audit/files.h"
#include "base/clock.h"
#include "codec/json.h"
#include "policy/load.h"

namespace writ::policytest {

// A decision that comes out otherwise.
struct Flip {
  codec::Json record;
  std::string effect;  // now
  std::string reason;  // now; empty for a permit
  std::string message;
  std::vector<std::string> policies;  // that decide it now
};

struct Replay {
  std::size_t decisions = 0;
  std::size_t permits = 0;                      // of these
  std::size_t permits_decided = 0;              // of the permits, again
  std::size_t decided = 0;                      // again
  std::size_t unchecked = 0;                    // of these, whose own policies are not kept
  std::size_t before_policies = 0;              // refused before any policy was asked: no policy changes that
  std::map<std::string, std::size_t> left_out;  // not decided again, by why
  std::size_t unreadable = 0;                   // lines that are no records
  std::vector<Flip> flips;
};

// What is decided again; the rest is only followed.
struct ReplayWindow {
  Instant since = Instant::min();
  Instant until = Instant::max();  // before it
};

// `loaded` has the policies to decide under, `before` those of the configuration, or null. Kept revisions are
// looked for in the data folder. Fails with kNotFound and kIo when the log cannot be read.
Result<Replay> replay(const std::filesystem::path& log, const policy::Loaded& loaded,
                      const std::shared_ptr<const decision::PolicySnapshot>& before,
                      const std::filesystem::path& data);
// The same of all the files of a log, and of a part of it.
Result<Replay> replay(const std::vector<audit::Part>& log, const policy::Loaded& loaded,
                      const std::shared_ptr<const decision::PolicySnapshot>& before,
                      const std::filesystem::path& data, const ReplayWindow& window);

}  // namespace writ::policytest
