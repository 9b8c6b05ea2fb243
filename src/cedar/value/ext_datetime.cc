#include "cedar/ext_datetime.h"

#include <chrono>
#include <fmt/format.h>

namespace writ::cedar {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kFirstShownMs = -62'167'219'200'000;  // 0000-01-01
constexpr std::int64_t kLastShownMs = 253'402'300'799'999;   // 9999-12-31T23:59:59.999

bool take(std::string_view& text, char expected) noexcept {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

// Takes exactly `count` digits off the front.
bool take_digits(std::string_view& text, std::size_t count, int& number) noexcept {
  if (text.size() < count) return false;
  number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return true;
}

std::optional<std::int64_t> take_date(std::string_view& text) noexcept {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) || !take(text, '-') ||
      !take_digits(text, 2, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kDayMs;
}

std::optional<std::int64_t> take_time(std::string_view& text) noexcept {
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;
  if (!take(text, 'T') || !take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute) ||
      !take(text, ':') || !take_digits(text, 2, second)) {
    return std::nullopt;
  }
  if (take(text, '.') && !take_digits(text, 3, ms)) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return ((hour * 60 + minute) * 60 + second) * std::int64_t{1000} + ms;
}

std::optional<std::int64_t> take_zone(std::string_view& text) noexcept {
  if (take(text, 'Z')) return 0;
  const bool west = text.starts_with('-');
  int hour = 0;
  int minute = 0;
  if (!take(text, west ? '-' : '+') || !take_digits(text, 2, hour) || !take_digits(text, 2, minute) ||
      hour > 23 || minute > 59) {
    return std::nullopt;
  }
  const std::int64_t offset_ms = (hour * 60 + minute) * std::int64_t{60'000};
  return west ? -offset_ms : offset_ms;
}

}  // namespace

std::optional<Datetime> Datetime::parse(std::string_view text) noexcept {
  const auto date = take_date(text);
  if (!date) return std::nullopt;
  if (text.empty()) return Datetime{*date};
  const auto time = take_time(text);
  if (!time) return std::nullopt;
  const auto zone = take_zone(text);
  if (!zone || !text.empty()) return std::nullopt;
  return Datetime{*date + *time - *zone};
}

std::optional<Datetime> Datetime::offset(CedarDuration by) const noexcept {
  Datetime result{};
  if (__builtin_add_overflow(epoch_ms, by.ms, &result.epoch_ms)) return std::nullopt;
  return result;
}

std::optional<CedarDuration> Datetime::duration_since(Datetime earlier) const noexcept {
  CedarDuration result{};
  if (__builtin_sub_overflow(epoch_ms, earlier.epoch_ms, &result.ms)) return std::nullopt;
  return result;
}

std::optional<Datetime> Datetime::to_date() const noexcept {
  Datetime result{};
  if (__builtin_sub_overflow(epoch_ms, to_time().ms, &result.epoch_ms)) return std::nullopt;
  return result;
}

CedarDuration Datetime::to_time() const noexcept {
  const std::int64_t rest = epoch_ms % kDayMs;
  return {rest < 0 ? rest + kDayMs : rest};
}

std::string Datetime::to_string() const {
  if (epoch_ms < kFirstShownMs || epoch_ms > kLastShownMs) return fmt::format("{}ms", epoch_ms);
  const std::int64_t time = to_time().ms;
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::days((epoch_ms - time) / kDayMs))};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time / 3'600'000,
                     time / 60'000 % 60, time / 1000 % 60, time % 1000);
}

}  // namespace writ::cedar
