// Amount: a number that a budget adds up: money, rows, seats. Exact, in ten-thousandths, never floating
// point.
//
// As text it is `1000`, `0.5` or `1000.5025`: digits without leading zeros, at most four after the point; no
// sign, no exponent, no spaces. Two readers take such a text for the same number, which is why nothing else
// is taken for one. Zero to 922337203685477.5807. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace writ::task {

struct Amount {
  std::int64_t ten_thousandths;

  // Messages say what the text is: "`-5`, expected ...".
  static Result<Amount> parse(std::string_view text);
  // A number or such a text. A JSON number with a fraction is exact up to 15 digits; beyond it must be a
  // text.
  static Result<Amount> from_json(const codec::Json& json);

  // Without needless zeros: "1000.5".
  std::string text() const;
  // A number where that is exact, else a text; from_json() gives the same again.
  codec::Json to_json() const;

  friend auto operator<=>(const Amount&, const Amount&) = default;
};

// What a request spends of the budget of that name. A view.
struct NamedAmount {
  std::string_view name;
  Amount amount;
};

// A letter, then letters, digits, `_` and `-`; at most 64.
bool is_amount_name(std::string_view name) noexcept;

}  // namespace writ::task
