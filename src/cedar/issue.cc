#include "cedar/issue.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::cedar {
namespace {

constexpr std::size_t kMaxExcerptBytes = 160;

bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

int count_characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), starts_character));
}

}  // namespace

LineColumn line_column(std::string_view text, std::size_t at) noexcept {
  const auto before = text.substr(0, std::min(at, text.size()));
  const auto start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          count_characters(before.substr(start)) + 1};
}

Issue make_issue(std::string_view text, Span span, std::string message, std::string help) {
  const auto [line, column] = line_column(text, span.begin);
  return {span, line, column, std::move(message), std::move(help)};
}

std::string excerpt(std::string_view text, Span span) {
  const std::size_t at = std::min<std::size_t>(span.begin, text.size());
  const auto start = text.substr(0, at).rfind('\n') + 1;
  auto end = std::min(text.find('\n', at), text.size());
  // A line may be as long as a file: show the part around the place.
  std::size_t from = start;
  if (at - start > kMaxExcerptBytes / 2) from = at - kMaxExcerptBytes / 2;
  while (from < at && !starts_character(text[from])) ++from;
  end = std::min(end, from + kMaxExcerptBytes);
  while (end < text.size() && end > at && !starts_character(text[end])) --end;
  std::string line(text.substr(from, end - from));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');

  const auto number = std::to_string(line_column(text, at).line);
  const auto indent = static_cast<std::size_t>(count_characters(text.substr(from, at - from)));
  const auto last = std::clamp<std::size_t>(span.end, at, end);
  const auto width = std::max(1, count_characters(text.substr(at, last - at)));
  return fmt::format("{} | {}\n{} | {}{}", number, line, std::string(number.size(), ' '),
                     std::string(indent, ' '), std::string(static_cast<std::size_t>(width), '^'));
}

std::string render_issue(std::string_view file, std::string_view text, const Issue& issue) {
  auto out = fmt::format("{}:{}:{}: {}\n{}", file, issue.line, issue.column, issue.message,
                         excerpt(text, issue.span));
  if (!issue.help.empty()) out += "\nhelp: " + issue.help;
  return out;
}

}  // namespace writ::cedar
