// An issue: something wrong in a Cedar text, with the place, so that a list of them shows an author
// everything at once. A plain value.
#pragma once

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

// The line and column of a byte of the text.
struct LineColumn {
  int line;
  int column;
};
LineColumn line_column(std::string_view text, std::size_t at) noexcept;
Issue make_issue(std::string_view text, Span span, std::string_view message, std::string_view help = {});
// Of something that has no text, such as a schema in JSON: line and column are 0.
Issue make_placeless_issue(Span span, std::string_view message, std::string_view help = {});

// The line of the text with the place underlined:
//
//     3 | when { principal.tenant = resource.tenant };
//       |                         ^
std::string excerpt(std::string_view text, Span span);
// "policies.cedar:3:25: MESSAGE", the excerpt, and the help.
std::string render_issue(std::string_view file, std::string_view text, const Issue& issue);

}  // namespace writ::cedar
