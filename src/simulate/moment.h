// How people write an instant in a request that is asked about or tested. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace writ::simulate {

// The last second of the year 9999, since the epoch.
inline constexpr std::int64_t kLastSecond = 253'402'300'799;

// `2026-03-02T09:00:00Z`, or a distance from `base` on: `+10m`, `-1h30m`.
std::optional<Instant> parse_moment(std::string_view text, Instant base);

}  // namespace writ::simulate
