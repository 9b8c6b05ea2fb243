#include "postgres/value.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "codec/utf8.h"

namespace writ::postgres {
namespace {

using codec::Json;

constexpr std::size_t kMaxElements = 64;

Json call(std::string_view function, std::string_view argument) {
  return Json::object({{"__extn", Json::object({{"fn", Json(function)}, {"arg", Json(argument)}})}});
}

Result<Json> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return invalid("is not an integer");
  return Json(value);
}

// "12.500000" is 12.5; Cedar wants a place behind the point, and has four.
Result<Json> decimal(std::string_view text) {
  std::string digits(text);
  const bool good = !digits.empty() && std::ranges::all_of(digits, [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
  if (!good) return invalid("is not a finite number");
  const auto point = digits.find('.');
  if (point == digits.npos) return call("decimal", digits + ".0");
  while (digits.back() == '0' && digits.size() > point + 2) digits.pop_back();
  if (digits.size() > point + 5) return invalid("has more than four places behind the point");
  return call("decimal", digits);
}

bool has_form(std::string_view text, std::string_view form) {
  return std::ranges::equal(text, form,
                            [](char c, char of) { return of == '0' ? c >= '0' && c <= '9' : c == of; });
}

Result<Json> date(std::string_view text) {
  if (!has_form(text, "0000-00-00")) return invalid("is not a day of the years 0 to 9999");
  return call("datetime", text);
}

// "2026-11-28 09:43:10.123456+00". What is finer than a millisecond is cut off.
Result<Json> instant(std::string_view text) {
  constexpr std::string_view kZone = "+00";
  constexpr std::size_t kSeconds = 19;
  if (!text.ends_with(kZone) || !has_form(text.substr(0, kSeconds), "0000-00-00 00:00:00"))
    return invalid("is not a moment of the years 0 to 9999, in UTC");
  std::string made(text.substr(0, kSeconds));
  made[10] = 'T';
  const auto behind = text.substr(kSeconds, text.size() - kSeconds - kZone.size());
  if (!behind.empty()) {
    if (behind.size() > 7 || !has_form(behind, std::string_view(".000000").substr(0, behind.size())))
      return invalid("is not a moment of the years 0 to 9999, in UTC");
    std::string milliseconds(behind.substr(0, 4));
    milliseconds.resize(4, '0');
    made += milliseconds;
  }
  return call("datetime", made + "Z");
}

Result<Json> single(ColumnKind kind, std::string_view text) {
  switch (kind) {
    case ColumnKind::kBool:
      if (text == "t") return Json(true);
      if (text == "f") return Json(false);
      return invalid("is not a boolean");
    case ColumnKind::kInteger:
      return integer(text);
    case ColumnKind::kText:
      if (!codec::valid_utf8(text)) return invalid("is not UTF-8");
      return Json(text);
    case ColumnKind::kDecimal:
      return decimal(text);
    case ColumnKind::kDate:
      return date(text);
    case ColumnKind::kInstant:
      return instant(text);
    case ColumnKind::kAddress:
      return call("ip", text);
  }
  return invalid("is of no type that is read");
}

// PostgreSQL 15, §8.15.6: `{a,"b \"c\"",NULL}`.
class ArrayReader {
 public:
  ArrayReader(ColumnKind kind, std::string_view text) : kind_(kind), text_(text) {}

  Result<Json> read() {
    auto list = Json::array();
    if (text_ == "{}") return list;
    if (!take('{')) return invalid("is an array whose first element is not the first");
    do {
      if (++elements_ > kMaxElements) return invalid(fmt::format("has more than {} elements", kMaxElements));
      if (peek() == '{') return invalid("is an array of more than one dimension");
      if (peek() == '"') {
        const auto element = TRY(quoted());
        list.push(TRY(single(kind_, element)));
        continue;
      }
      const auto element = plain();
      if (element == "NULL") return invalid("has an element that is NULL");
      list.push(TRY(single(kind_, element)));
    } while (take(','));
    if (!take('}') || at_ != text_.size()) return invalid("is not an array");
    return list;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  std::string_view plain() {
    const auto end = std::min(text_.find_first_of(",}", at_), text_.size());
    const auto element = text_.substr(at_, end - at_);
    at_ = end;
    return element;
  }
  Result<std::string> quoted() {
    std::string element;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && ++at_ == text_.size()) break;
      element += text_[at_];
    }
    if (!take('"')) return invalid("is not an array");
    return element;
  }

  const ColumnKind kind_;
  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t elements_ = 0;
};

}  // namespace

std::optional<ColumnType> builtin_type(std::uint32_t oid) noexcept {
  using enum ColumnKind;
  switch (oid) {  // pg_type.dat
    case 16:
      return ColumnType{kBool};
    case 20:
    case 21:
    case 23:
      return ColumnType{kInteger};
    case 19:  // name
    case 25:
    case 1043:
    case 2950:
      return ColumnType{kText};
    case 1700:
      return ColumnType{kDecimal};
    case 1082:
      return ColumnType{kDate};
    case 1184:
      return ColumnType{kInstant};
    case 650:
    case 869:
      return ColumnType{kAddress};
    case 1000:
      return ColumnType{kBool, true};
    case 1005:
    case 1007:
    case 1016:
      return ColumnType{kInteger, true};
    case 1009:
    case 1015:
    case 2951:
      return ColumnType{kText, true};
    default:
      return std::nullopt;
  }
}

Result<Json> value_of(ColumnType type, std::string_view text) {
  return type.is_array ? ArrayReader(type.kind, text).read() : single(type.kind, text);
}

}  // namespace writ::postgres
