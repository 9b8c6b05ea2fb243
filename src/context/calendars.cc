#include "context/calendars.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::context {
namespace {

constexpr Duration kWeek = std::chrono::days(7);
// 1970-01-01 was a Thursday.
constexpr Duration kFirstMonday = std::chrono::days(4);

Duration of_week(Instant time) noexcept {
  const auto since = (time.time_since_epoch() - kFirstMonday) % kWeek;
  return since < Duration(0) ? since + kWeek : since;
}

template <class Windows, class Time>
bool within(const Windows& windows, Time time) noexcept {
  return std::ranges::any_of(windows,
                             [&](const auto& each) { return each.from <= time && time < each.until; });
}

}  // namespace

bool Calendar::in_force(Instant time) const noexcept {
  return within(spans, time) || within(hours, of_week(time));
}

std::string Calendar::text() const {
  std::string text = name + ':';
  for (const Span& each : spans)
    text += fmt::format(" {}-{}", unix_millis(each.from), unix_millis(each.until));
  for (const Hours& each : hours) text += fmt::format(" w{}-{}", each.from.count(), each.until.count());
  return text;
}

Calendars::Calendars(std::vector<Calendar> calendars) : calendars_(std::move(calendars)) {
  for (const Calendar& each : calendars_) names_.push_back(make_string(texts_, each.name));
}

const std::shared_ptr<const Calendars>& Calendars::none() {
  static const auto kNone = std::make_shared<const Calendars>(std::vector<Calendar>());
  return kNone;
}

cedar::Value Calendars::in_force(Instant time, cedar::Arena& arena) const {
  auto* names = arena.allocate_array<cedar::Value>(names_.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (calendars_[i].in_force(time)) new (&names[count++]) cedar::Value(names_[i]);
  }
  return make_set(arena, std::span<const cedar::Value>(names, count));
}

}  // namespace writ::context
