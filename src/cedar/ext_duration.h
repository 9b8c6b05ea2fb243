// duration: a signed 64-bit count of milliseconds (Cedar extension type `duration`).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace writ::cedar {

struct CedarDuration {
  std::int64_t ms;

  // `-?NdNhNmNsNms`: any of the units, in this order, at least one, within int64.
  static std::optional<CedarDuration> parse(std::string_view text) noexcept;
  // `123ms`
  std::string to_string() const;

  std::int64_t to_seconds() const noexcept { return ms / 1000; }
  std::int64_t to_minutes() const noexcept { return ms / 60'000; }
  std::int64_t to_hours() const noexcept { return ms / 3'600'000; }
  std::int64_t to_days() const noexcept { return ms / 86'400'000; }

  friend auto operator<=>(const CedarDuration&, const CedarDuration&) = default;
};

}  // namespace writ::cedar
