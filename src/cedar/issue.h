// An issue: something wrong in a Cedar text, with the place, so that a list of them shows an author
// everything at once. A plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/ast.h"

namespace writ::cedar {

struct Issue {
  Span span;
  int line = 0;  // from 1; counted in characters, not bytes
  int column = 0;
  // Lowercase, the user's input in backquotes; one line of at most kMaxMessageBytes, whatever the input was.
  std::string message;
  std::string help;  // what to do about it; may be empty
};

inline constexpr std::size_t kMaxMessageBytes = 400;

struct LineColumn {
  int line;
  int column;
  bool operator==(const LineColumn&) const = default;
};

// The line and column of every byte of a text. It is made by one walk over the text; each look-up then reads
// less than kStride bytes, however long the text and its lines are. The text must outlive it. Immutable and
// thread-safe.
class LineIndex {
 public:
  static constexpr std::size_t kStride = 256;

  explicit LineIndex(std::string_view text);
  // What is beyond the end is at the end.
  LineColumn at(std::size_t byte) const noexcept;
  std::string_view text() const noexcept { return text_; }

 private:
  std::string_view text_;
  std::vector<LineColumn> marks_;  // of each byte whose number is a multiple of kStride
};

// The line and column of one byte. It reads the text up to there; for many places make a LineIndex.
LineColumn line_column(std::string_view text, std::size_t at) noexcept;

Issue make_issue(std::string_view text, Span span, std::string_view message, std::string_view help = {});
Issue make_issue(const LineIndex& lines, Span span, std::string_view message, std::string_view help = {});
// Of something that has no text, such as a schema in JSON: line and column are 0.
Issue make_placeless_issue(Span span, std::string_view message, std::string_view help = {});

// The line of the text with the place underlined:
//
//     3 | when { principal.tenant = resource.tenant };
//       |                         ^
std::string excerpt(std::string_view text, Span span);
// The same, where the line is known. It reads only what is shown.
std::string excerpt(std::string_view text, Span span, int line);
// "policies.cedar:3:25: MESSAGE", the excerpt, and the help.
std::string render_issue(std::string_view file, std::string_view text, const Issue& issue);

}  // namespace writ::cedar
