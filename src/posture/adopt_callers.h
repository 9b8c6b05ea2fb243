// Adopt, beside clients of providers (posture/adopt.h): callers that the audit log saw and that the inventory
// does not have at all. Workloads whose platform vouched for them, certificates that TLS verified, and users
// whom their provider named and who were permitted.
//
// The same two steps: what was seen goes into a file with a blank for each, and what somebody said there
// becomes identities of the configuration. What a caller called itself decides nothing: a workload is known
// by its issuer and subject, a certificate by what stands in it. Pure but for reading the log.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "audit/files.h"
#include "base/result.h"
#include "config/config.h"
#include "files/issue.h"

namespace writ::posture {

struct SeenCaller {
  enum class By : std::uint8_t { kWorkload, kCertificate, kUser };
  By by;
  // The subject of a workload's token; "URI:spiffe://…", "DNS:…" or "sha256:…" of a certificate; a user's id.
  std::string name;
  std::string issuer = {};             // of a workload
  std::set<std::string> claimed = {};  // the client ids that it sent, some of them
  std::uint64_t requests = 0;          // of users: permitted ones; else refused
  Instant first = {}, last = {};
};
std::string_view caller_word(SeenCaller::By by) noexcept;  // "workload", "certificate", "user"

struct SeenCallers {
  std::vector<SeenCaller> callers;
  std::uint64_t left_out = 0;  // for which there was no room
};

inline constexpr std::size_t kMostSeenCallers = 10'000;

// `users`: users too. Most of a provider's need not be listed.
Result<SeenCallers> find_callers(const std::vector<audit::Part>& log, const config::Config& config,
                                 Instant since, Instant until, bool users,
                                 std::size_t most = kMostSeenCallers);

// Comes behind the list of clients in the file that somebody fills in.
std::string callers_review(const SeenCallers& seen);

// What somebody said that a caller is.
struct AdoptedCaller {
  files::Place place;
  std::string as;    // the id of an identity
  std::string kind;  // empty: it is listed
  // What shows that it is the caller, as YAML on one line: an item of `workload` or `certificates`. Empty, of
  // a user: the name does.
  std::string list, rule;
};
struct ReviewedCallers {
  std::vector<AdoptedCaller> adopted;
  std::size_t undecided = 0, left = 0;  // blank; said to be nobody
};
// Of the file's list `callers`; null: it has none. Reports into the source's issues, also what the
// configuration does not fit.
ReviewedCallers read_callers(const std::vector<files::YamlNode>& callers, const config::Config& config,
                             files::Source& source);

}  // namespace writ::posture
