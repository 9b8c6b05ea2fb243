#include "cedar/ext_decimal.h"

#include <fmt/format.h>

namespace writ::cedar {
namespace {

constexpr std::size_t kDigits = 4;
constexpr std::int64_t kScale = 10'000;

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::optional<Decimal> Decimal::parse(std::string_view text) noexcept {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos) return std::nullopt;
  const bool negative = text.starts_with('-');
  const std::string_view whole = text.substr(negative ? 1 : 0, point - (negative ? 1 : 0));
  const std::string_view fraction = text.substr(point + 1);
  if (!all_digits(whole) || !all_digits(fraction) || fraction.size() > kDigits) return std::nullopt;

  // Counting towards the sign lets the smallest number in.
  std::int64_t value = 0;
  const auto push = [&](int digit) {
    return !__builtin_mul_overflow(value, std::int64_t{10}, &value) &&
           !__builtin_add_overflow(value, std::int64_t{negative ? -digit : digit}, &value);
  };
  for (const char c : whole) {
    if (!push(c - '0')) return std::nullopt;
  }
  for (std::size_t i = 0; i < kDigits; ++i) {
    if (!push(i < fraction.size() ? fraction[i] - '0' : 0)) return std::nullopt;
  }
  return Decimal{value};
}

std::string Decimal::to_string() const {
  const bool negative = ten_thousandths < 0;
  const auto size = negative ? 0 - static_cast<std::uint64_t>(ten_thousandths)
                             : static_cast<std::uint64_t>(ten_thousandths);
  return fmt::format("{}{}.{:04}", negative ? "-" : "", size / kScale, size % kScale);
}

}  // namespace writ::cedar
