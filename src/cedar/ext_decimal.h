// decimal: a signed 64-bit count of ten-thousandths (Cedar extension type `decimal`).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace writ::cedar {

struct Decimal {
  std::int64_t ten_thousandths;

  // `-?digits.digits`, one to four digits after the point, within int64.
  static std::optional<Decimal> parse(std::string_view text) noexcept;
  // With all four digits after the point.
  std::string to_string() const;

  friend auto operator<=>(const Decimal&, const Decimal&) = default;
};

}  // namespace writ::cedar
