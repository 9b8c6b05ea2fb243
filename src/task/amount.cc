#include "task/amount.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

#include "base/characters.h"
#include "cedar/ext_decimal.h"

namespace writ::task {
namespace {

constexpr std::int64_t kUnit = 10'000;
constexpr std::size_t kMaxAmountText = 32;
// A decimal of so many digits is the shortest text of its nearest double, and no other such decimal's.
constexpr int kExactDigits = 15;
constexpr std::int64_t kExactInDouble = 1'000'000'000'000'000;

std::unexpected<Error> no_amount(std::string_view text) {
  return failure(
      ErrorCode::kInvalid,
      fmt::format("`{}`, expected a number such as 20 or 1000.50, from 0 on, of at most four decimals",
                  text.substr(0, kMaxAmountText)));
}

}  // namespace

Result<Amount> Amount::parse(std::string_view text) {
  const auto point = std::min(text.find('.'), text.size());
  const auto whole = text.substr(0, point);
  const bool leading_zero = whole.size() > 1 && whole.front() == '0';
  if (whole.empty() || leading_zero || text.size() > kMaxAmountText || !std::ranges::all_of(whole, is_digit))
    return no_amount(text);
  const auto decimal =
      cedar::Decimal::parse(point == text.size() ? std::string(text) + ".0" : std::string(text));
  if (!decimal) return no_amount(text);
  return Amount{decimal->ten_thousandths};
}

Result<Amount> Amount::from_json(const codec::Json& json) {
  if (const auto* text = json.if_string()) return parse(*text);
  if (const auto* integer = json.if_int()) return parse(std::to_string(*integer));
  const auto* number = json.if_double();
  if (number == nullptr) return no_amount(json.kind());
  std::array<char, 400> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), *number, std::chars_format::fixed).ptr;
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  const auto first = text.find_first_of("123456789");
  const auto significant = first == text.npos ? 0 : std::ranges::count_if(text.substr(first), is_digit);
  if (significant > kExactDigits)
    return failure(ErrorCode::kInvalid,
                   fmt::format("`{}`, a number of more than {} digits; give it as a text", text.substr(0, 32),
                               kExactDigits));
  return parse(text);
}

std::string Amount::text() const {
  auto text = cedar::Decimal{ten_thousandths}.to_string();
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

codec::Json Amount::to_json() const {
  if (ten_thousandths % kUnit == 0) return ten_thousandths / kUnit;
  if (ten_thousandths >= kExactInDouble) return text();
  return static_cast<double>(ten_thousandths) / static_cast<double>(kUnit);
}

bool is_amount_name(std::string_view name) noexcept {
  const auto allowed = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= 64 && is_letter(name.front()) && std::ranges::all_of(name, allowed);
}

}  // namespace writ::task
