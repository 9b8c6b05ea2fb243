// datetime: milliseconds since the Unix epoch, UTC, in a signed 64-bit integer (Cedar extension type
// `datetime`).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cedar/ext_duration.h"

namespace writ::cedar {

struct Datetime {
  std::int64_t epoch_ms;

  // `YYYY-MM-DD`, or with `THH:MM:SS`, optional `.SSS`, and `Z` or `+hhmm` or `-hhmm`.
  static std::optional<Datetime> parse(std::string_view text) noexcept;
  static Datetime from(Instant instant) noexcept { return {unix_millis(instant)}; }

  // Each is empty where the result does not fit.
  std::optional<Datetime> offset(CedarDuration by) const noexcept;
  std::optional<CedarDuration> duration_since(Datetime earlier) const noexcept;
  std::optional<Datetime> to_date() const noexcept;
  CedarDuration to_time() const noexcept;

  // `2024-10-15T11:38:02.101Z` for years 0 to 9999; otherwise `offset(datetime("1970-01-01"),
  // duration("..ms"))`'s milliseconds, e.g. `-62167219200001ms`.
  std::string to_string() const;

  friend auto operator<=>(const Datetime&, const Datetime&) = default;
};

}  // namespace writ::cedar
