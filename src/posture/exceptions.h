// Exceptions: findings that somebody answers for, until a day (docs/posture.md).
//
//   exceptions:
//     - finding: bearer-secret:nightly-export
//       owner: niklas
//       reason: the mainframe cannot sign; it is replaced in spring
//       until: 2027-03-31
//
// From that day on the finding counts again. All four are needed. Plain values; reports into `issues`.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "files/fields.h"

namespace writ::posture {

inline constexpr std::size_t kMaxExemptions = 10'000;
inline constexpr std::size_t kMaxExemptionBytes = 4 << 20;  // of the file

struct Exemption {
  std::string finding;  // the id of a finding: "check:subject"
  std::string owner, reason;
  Instant until;
  files::Place place;
};

// A file with the key `exceptions`.
std::vector<Exemption> parse_exceptions(std::string_view text, const std::string& file,
                                        files::Issues& issues);
// The list under a key of that name.
std::vector<Exemption> read_exceptions(const files::Fields& fields);

}  // namespace writ::posture
