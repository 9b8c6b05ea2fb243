#include "config/calendars.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/ext_datetime.h"

namespace writ::config {
namespace {

using context::Calendar;

constexpr std::array<std::string_view, 7> kWeekdays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr Duration kDay = std::chrono::days(1);
constexpr Duration kWeek = std::chrono::days(7);
constexpr std::size_t kMaxCalendarNameBytes = 64;

bool is_calendar_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxCalendarNameBytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// "09:00", up to and with `max`.
std::optional<Duration> parse_hours(std::string_view text, Duration max) {
  const auto digits = [&](std::size_t at) -> std::optional<int> {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + 2, value);
    if (error != std::errc() || end != text.data() + at + 2) return std::nullopt;
    return value;
  };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hours = digits(0), minutes = digits(3);
  if (!hours || !minutes || *hours < 0 || *minutes < 0 || *minutes > 59) return std::nullopt;
  const Duration time = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return time <= max ? std::optional(time) : std::nullopt;
}

// "+01:00". What offsets there are lies between -12:00 and +14:00.
std::optional<Duration> parse_offset(std::string_view text) {
  const bool west = text.starts_with('-');
  if (!west && !text.starts_with('+')) return std::nullopt;
  const auto offset = parse_hours(text.substr(1), std::chrono::hours(west ? 12 : 14));
  if (!offset) return std::nullopt;
  return west ? -*offset : *offset;
}

// A window, and where it is written.
template <class Window>
struct Placed {
  Window window;
  const files::YamlNode* node;
};

class CalendarReader {
 public:
  explicit CalendarReader(files::Source& source) : source_(source) {}

  Calendar read(const std::string& name, const files::YamlNode& node) {
    Calendar calendar{name, {}, {}};
    const auto wrong = [&](std::string_view what) {
      source_.error(node, fmt::format("calendar `{}` {}", name, what));
    };
    if (node.kind != files::YamlNode::Kind::kList) {
      wrong("must be a list of windows");
    } else if (node.items.empty()) {
      wrong("has no windows: it would never be in force");
    } else if (node.items.size() > kMaxCalendarWindows) {
      wrong(fmt::format("has more than {} windows", kMaxCalendarWindows));
    } else {
      for (const files::YamlNode& window : node.items) read_window(window);
      if (!spans_.empty() && !hours_.empty())
        wrong("has both spans of time and hours of the week; make it two calendars");
      calendar.spans = taken(spans_);
      calendar.hours = taken(hours_);
    }
    return calendar;
  }

 private:
  void read_window(const files::YamlNode& node) {
    const files::Fields fields(&node, source_, "a window of a calendar",
                               {"from", "until", "weekdays", "utc_offset"});
    const auto from = fields.required_text("from"), until = fields.required_text("until");
    if (!from || !until) return;
    if (fields.find("weekdays") != nullptr) return read_hours(fields, *from, *until);
    if (const files::YamlNode* offset = fields.find("utc_offset"))
      source_.error(*offset, "`utc_offset` goes with `weekdays`; an instant has its own");
    const auto begin = instant(fields, "from", *from), end = instant(fields, "until", *until);
    if (!begin || !end) return;
    if (*begin >= *end) return contradicts(fields, *from, *until, {});
    spans_.push_back({{*begin, *end}, &node});
  }

  std::optional<Instant> instant(const files::Fields& fields, std::string_view key, std::string_view text) {
    if (const auto moment = cedar::Datetime::parse(text)) return Instant(Duration(moment->epoch_ms));
    source_.error(*fields.find(key), fmt::format("`{}` is not an instant: `{}`", key, text),
                  "for example 2026-12-18T00:00:00Z or 2026-12-18T00:00:00+0100; with `weekdays` it is a "
                  "time such as \"09:00\"");
    return std::nullopt;
  }

  void contradicts(const files::Fields& fields, std::string_view from, std::string_view until,
                   std::string help) {
    source_.error(*fields.find("until"),
                  fmt::format("the window ends at {}, which is not after its begin at {}", until, from),
                  std::move(help));
  }

  void read_hours(const files::Fields& fields, std::string_view from, std::string_view until) {
    const auto time = [&](std::string_view key, std::string_view text) {
      const auto read = parse_hours(text, kDay);
      if (!read)
        source_.error(*fields.find(key), fmt::format("`{}` is not a time of day: `{}`", key, text),
                      "from \"00:00\" to \"24:00\"");
      return read;
    };
    const auto begin = time("from", from), end = time("until", until);
    const auto offset = read_offset(fields);
    const auto days = read_weekdays(fields);
    if (!begin || !end || !offset) return;
    if (*begin >= *end)
      return contradicts(fields, from, until,
                         "a window over midnight is two: until \"24:00\", and from \"00:00\" the next day");
    for (const auto day : days) add_hours(day * kDay + *begin - *offset, *end - *begin, fields.node());
  }

  std::optional<Duration> read_offset(const files::Fields& fields) {
    const auto text = fields.required_text("utc_offset");
    if (!text) return std::nullopt;
    const auto offset = parse_offset(*text);
    if (!offset)
      source_.error(*fields.find("utc_offset"), fmt::format("`{}` is not an offset from UTC", *text),
                    "from \"-12:00\" to \"+14:00\"; UTC is \"+00:00\"");
    return offset;
  }

  std::vector<int> read_weekdays(const files::Fields& fields) {
    std::vector<int> days;
    const auto& list = fields.list("weekdays");
    for (const files::YamlNode& node : list) {
      const auto found = std::ranges::find(kWeekdays, node.text);
      const auto day = static_cast<int>(found - kWeekdays.begin());
      if (found == kWeekdays.end()) {
        source_.error(node, fmt::format("`{}` is not a weekday, expected one of {}", node.text,
                                        fmt::join(kWeekdays, ", ")));
      } else if (std::ranges::find(days, day) != days.end()) {
        source_.error(node, fmt::format("`{}` is given twice", node.text));
      } else {
        days.push_back(day);
      }
    }
    if (list.empty() && fields.find("weekdays")->kind == files::YamlNode::Kind::kList)
      source_.error(*fields.find("weekdays"), "`weekdays` is empty: the window would never be in force");
    return days;
  }

  // An offset may move it into the week before or after, or over its end.
  void add_hours(Duration from, Duration length, const files::YamlNode& node) {
    from = (from + kWeek) % kWeek;
    const Duration until = from + length;
    hours_.push_back({{from, std::min(until, kWeek)}, &node});
    if (until > kWeek) hours_.push_back({{Duration(0), until - kWeek}, &node});
  }

  // In their order. Where two overlap, what was meant is not what is written.
  template <class Window>
  std::vector<Window> taken(std::vector<Placed<Window>>& placed) {
    std::ranges::stable_sort(placed, {}, [](const auto& each) { return each.window.from; });
    std::vector<Window> windows;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      windows.push_back(placed[i].window);
      if (i == 0 || placed[i - 1].window.until <= placed[i].window.from) continue;
      auto [first, second] =
          std::minmax(placed[i - 1].node, placed[i].node, [](const auto* a, const auto* b) {
            return std::pair(a->line, a->column) < std::pair(b->line, b->column);
          });
      source_.error(*second, fmt::format("the window overlaps the one in line {}", first->line));
    }
    return windows;
  }

  files::Source& source_;
  std::vector<Placed<Calendar::Span>> spans_;
  std::vector<Placed<Calendar::Hours>> hours_;
};

}  // namespace

std::vector<Calendar> read_calendars(const files::YamlNode* node, files::Source& source) {
  std::vector<Calendar> calendars;
  if (node == nullptr) return calendars;
  if (node->kind != files::YamlNode::Kind::kMap) {
    source.error(*node, "`calendars` must be a map from names to lists of windows");
    return calendars;
  }
  if (node->entries.size() > kMaxCalendars)
    source.error(*node, fmt::format("there are more than {} calendars", kMaxCalendars));
  for (const auto& entry : node->entries) {
    if (!is_calendar_name(entry.key))
      source.issues.error({source.file, entry.line, entry.column},
                          fmt::format("`{}` cannot be a calendar's name", entry.key),
                          "letters, digits, - and _, at most 64");
    calendars.push_back(CalendarReader(source).read(entry.key, entry.value));
  }
  return calendars;
}

}  // namespace writ::config
