// The functions of the extension types, by which policies and entity JSON make and ask ipaddr, decimal,
// datetime and duration values. Private to the cedar module; construct_extension (cedar/value.h) makes a
// value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "cedar/eval_error.h"
#include "cedar/symbols.h"
#include "cedar/value.h"

namespace writ::cedar {

enum class ExtFunction : std::uint8_t {
  kIp,
  kIsIpv4,
  kIsIpv6,
  kIsLoopback,
  kIsMulticast,
  kIsInRange,
  kDecimal,
  kLessThan,
  kLessThanOrEqual,
  kGreaterThan,
  kGreaterThanOrEqual,
  kDatetime,
  kOffset,
  kDurationSince,
  kToDate,
  kToTime,
  kDuration,
  kToMilliseconds,
  kToSeconds,
  kToMinutes,
  kToHours,
  kToDays,
};

std::optional<ExtFunction> find_extension_function(std::string_view name) noexcept;
std::string_view extension_function_name(ExtFunction function) noexcept;
// Whether the function is called by its name, `ip("10.0.0.1")`; the others are methods of a value.
bool is_constructor(ExtFunction function) noexcept;
bool is_constructor(std::string_view name) noexcept;

// Puts the result in `out`; or fills `failure` and answers false.
bool call_extension(ExtFunction function, std::span<const Value> arguments, Arena& arena, Value& out,
                    EvalFailure& failure);

}  // namespace writ::cedar
