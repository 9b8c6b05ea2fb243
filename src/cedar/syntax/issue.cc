#include "cedar/issue.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "cedar/symbols.h"
#include "codec/utf8.h"

namespace writ::cedar {
namespace {

constexpr std::size_t kMaxExcerptBytes = 160;

bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

bool is_control(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  return code < 0x20 || code == 0x7f;
}

// The controls U+0080 to U+009F in UTF-8.
bool begins_c1_control(std::string_view text) {
  return text.size() > 1 && text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
}

// Input stands in messages and may hold anything, but a message is one line, and not as long as its input.
std::string one_line(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begins_c1_control(text.substr(i))) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<unsigned char>(text[++i]));
    } else if (is_control(text[i])) {
      append_escaped(out, text.substr(i, 1));
    } else {
      out.push_back(text[i]);
    }
  }
  if (out.size() <= kMaxMessageBytes) return out;
  // What was expected stands last.
  constexpr std::string_view kGap = "...";
  std::size_t head = kMaxMessageBytes * 2 / 3, tail = out.size() - (kMaxMessageBytes - head - kGap.size());
  while (!starts_character(out[head])) --head;
  while (tail < out.size() && !starts_character(out[tail])) ++tail;
  return out.replace(head, tail - head, kGap);
}

// As many characters as before, so that what is below them stays there.
std::string without_controls(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto rest = text.substr(i);
    const auto size = codec::utf8_sequence_length(rest);
    if (size == 0) {
      out.push_back('?');
    } else if (begins_c1_control(rest) || is_control(text[i])) {
      out.push_back(' ');
    } else {
      out.append(rest.substr(0, size));
    }
    if (size > 1) i += size - 1;
  }
  return out;
}

int count_characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), starts_character));
}

// Where one is behind these bytes.
LineColumn walk(LineColumn at, std::string_view bytes) noexcept {
  for (const char byte : bytes) {
    if (byte == '\n') {
      at = {at.line + 1, 1};
    } else if (starts_character(byte)) {
      ++at.column;
    }
  }
  return at;
}

constexpr LineColumn kBegin{1, 1};

}  // namespace

LineIndex::LineIndex(std::string_view text) : text_(text) {
  marks_.reserve(text.size() / kStride + 1);
  marks_.push_back(kBegin);
  for (std::size_t done = 0; text.size() - done >= kStride; done += kStride)
    marks_.push_back(walk(marks_.back(), text.substr(done, kStride)));
}

LineColumn LineIndex::at(std::size_t byte) const noexcept {
  byte = std::min(byte, text_.size());
  const std::size_t mark = byte / kStride;
  return walk(marks_[mark], text_.substr(mark * kStride, byte % kStride));
}

LineColumn line_column(std::string_view text, std::size_t at) noexcept {
  return walk(kBegin, text.substr(0, std::min(at, text.size())));
}

Issue make_issue(std::string_view text, Span span, std::string_view message, std::string_view help) {
  const auto [line, column] = line_column(text, span.begin);
  return {span, line, column, one_line(message), one_line(help)};
}

Issue make_issue(const LineIndex& lines, Span span, std::string_view message, std::string_view help) {
  const auto [line, column] = lines.at(span.begin);
  return {span, line, column, one_line(message), one_line(help)};
}

Issue make_placeless_issue(Span span, std::string_view message, std::string_view help) {
  return {span, 0, 0, one_line(message), one_line(help)};
}

std::string excerpt(std::string_view text, Span span) {
  return excerpt(text, span, line_column(text, span.begin).line);
}

std::string excerpt(std::string_view text, Span span, int line_number) {
  const std::size_t at = std::min<std::size_t>(span.begin, text.size());
  // A line may be as long as a file: show, and look at, the part around the place.
  std::size_t from = at - std::min(at, kMaxExcerptBytes / 2);
  if (const auto line_break = text.substr(from, at - from).rfind('\n'); line_break != text.npos)
    from += line_break + 1;
  while (from < at && !starts_character(text[from])) ++from;
  const auto rest = text.substr(at, from + kMaxExcerptBytes - at);
  auto end = at + std::min(rest.find('\n'), rest.size());
  while (end < text.size() && end > at && !starts_character(text[end])) --end;
  const std::string line = without_controls(text.substr(from, end - from));

  const auto number = std::to_string(line_number);
  const auto indent = static_cast<std::size_t>(count_characters(text.substr(from, at - from)));
  const auto last = std::clamp<std::size_t>(span.end, at, end);
  const auto width = std::max(1, count_characters(text.substr(at, last - at)));
  return fmt::format("{} | {}\n{} | {}{}", number, line, std::string(number.size(), ' '),
                     std::string(indent, ' '), std::string(static_cast<std::size_t>(width), '^'));
}

std::string render_issue(std::string_view file, std::string_view text, const Issue& issue) {
  auto out = fmt::format("{}:{}:{}: {}\n{}", file, issue.line, issue.column, issue.message,
                         excerpt(text, issue.span, issue.line));
  if (!issue.help.empty()) out += "\nhelp: " + issue.help;
  return out;
}

}  // namespace writ::cedar
