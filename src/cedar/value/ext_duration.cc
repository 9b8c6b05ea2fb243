#include "cedar/ext_duration.h"

#include <array>
#include <fmt/format.h>
#include <utility>

namespace writ::cedar {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

// Takes digits off the front, as a number of the given sign.
std::optional<std::int64_t> take_signed(std::string_view& text, bool negative) noexcept {
  std::size_t count = 0;
  std::int64_t number = 0;
  for (; count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count) {
    const int digit = text[count] - '0';
    if (__builtin_mul_overflow(number, std::int64_t{10}, &number) ||
        __builtin_add_overflow(number, std::int64_t{negative ? -digit : digit}, &number)) {
      return std::nullopt;
    }
  }
  if (count == 0) return std::nullopt;
  text.remove_prefix(count);
  return number;
}

std::string_view take_unit(std::string_view& text) noexcept {
  const std::size_t end = text.find_first_of("0123456789");
  const std::string_view unit = text.substr(0, end);
  text.remove_prefix(unit.size());
  return unit;
}

}  // namespace

std::optional<CedarDuration> CedarDuration::parse(std::string_view text) noexcept {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  while (!text.empty()) {
    auto number = take_signed(text, negative);
    if (!number) return std::nullopt;
    const std::string_view unit = take_unit(text);
    while (next_unit < kUnits.size() && kUnits[next_unit].first != unit) ++next_unit;
    if (next_unit == kUnits.size()) return std::nullopt;
    const std::int64_t scale = kUnits[next_unit++].second;
    if (__builtin_mul_overflow(*number, scale, &*number) || __builtin_add_overflow(total, *number, &total)) {
      return std::nullopt;
    }
  }
  return CedarDuration{total};
}

std::string CedarDuration::to_string() const {
  return fmt::format("{}ms", ms);
}

}  // namespace writ::cedar
