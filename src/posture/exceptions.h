// Exceptions in a file of their own, beside those of the configuration (config/exceptions.h,
// docs/posture.md):
//
//   exceptions:
//     - finding: bearer-secret:nightly-export
//       owner: niklas
//       reason: the mainframe cannot sign; it is replaced in spring
//       until: 2027-03-31
//
// Plain values; reports into `issues`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/exceptions.h"

namespace writ::posture {

inline constexpr std::size_t kMaxExemptionBytes = 4 << 20;  // of the file

using Exemption = config::Exception;

// A file with the key `exceptions`.
std::vector<Exemption> parse_exceptions(std::string_view text, const std::string& file,
                                        files::Issues& issues);

}  // namespace writ::posture
