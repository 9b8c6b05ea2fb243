// Adopt: clients of identity providers that the audit log saw, and that no `clients` map has, become entries
// of the configuration, once somebody has said for each what it is (docs/inventory.md). So do callers that
// the inventory does not have at all (posture/adopt_callers.h).
//
// Two steps, with a file between them. find_seen() reads the log; review_file() writes what was seen, with a
// blank for each; read_review() takes the file back, and adoption() makes a patch of what was decided.
// Nothing is adopted by its name, and nothing is written but the file and the patch. Pure but for reading the
// log.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audit/files.h"
#include "base/result.h"
#include "config/config.h"
#include "files/issue.h"
#include "posture/adopt_callers.h"

namespace writ::posture {

// A client by the provider's name for it, at one API.
struct SeenClient {
  std::string client, api;
  std::vector<std::string> issuers;  // that the API accepts tokens of, and that do not map it
  std::uint64_t requests = 0;        // all of them refused
  Instant first, last;
};

// `until`: later records are left out. In the order of APIs and clients.
Result<std::vector<SeenClient>> find_seen(const std::vector<audit::Part>& log, const config::Config& config,
                                          Instant since, Instant until);

inline constexpr std::size_t kMaxReviewBytes = 4 << 20;
std::string review_file(const std::vector<SeenClient>& seen, const SeenCallers& callers = {});

// What somebody said that a client is.
struct Adopted {
  files::Place place;
  std::string client, api, issuer;
  std::string as;    // the id of an identity
  std::string kind;  // "application", "service", "agent": the identity is new. Empty: it is listed.
};
struct Reviewed {
  std::vector<Adopted> adopted;
  std::size_t undecided = 0, left = 0;  // blank; said to be nobody
  ReviewedCallers callers = {};

  bool is_empty() const noexcept { return adopted.empty() && callers.adopted.empty(); }
};
// Reports into `issues`, also what the configuration does not fit.
Reviewed read_review(std::string_view text, const std::string& file, const config::Config& config,
                     files::Issues& issues);

// A patch of the configuration, whose text this is. Fails where that is written in a way that is not changed
// by itself; the message says what to write.
Result<std::string> adoption(const Reviewed& reviewed, const config::Config& config, std::string_view text);

}  // namespace writ::posture
