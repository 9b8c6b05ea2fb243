// Exceptions: findings of `writ posture` that somebody answers for, until a day (docs/posture.md).
//
//   posture:
//     exceptions:
//       - finding: bearer-secret
//         subject: nightly-export
//         owner: niklas
//         reason: the mainframe cannot sign; it is replaced in spring
//         until: 2027-03-31
//
// From that day on the finding counts again. All of them are needed; `finding` may have the subject behind a
// colon, as the report writes it. Plain values; reports into the issues of the fields' source.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "files/fields.h"

namespace writ::config {

inline constexpr std::size_t kMaxExceptions = 10'000;

struct Exception {
  std::string finding;  // the id of a finding: "check:subject"
  std::string owner, reason;
  Instant until;
  files::Place place;
};

// The checks that an exception may name. posture/checks.h has what each of them is; a test holds the two
// against each other.
std::span<const std::string_view> posture_checks() noexcept;

// The list under the key `exceptions`.
std::vector<Exception> read_exceptions(const files::Fields& fields);

}  // namespace writ::config
