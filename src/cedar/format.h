// The formatter: lays out the text of policies for people.
//
// It moves white space only: every token and every comment is kept, in its order and with its content (white
// space at the end of a comment aside). Its output depends on nothing but these, and on where a comment has a
// line of its own or an empty line before it, so formatting twice changes nothing more.
//
//     @id("view")
//     permit (
//       principal in Group::"staff",
//       action == Action::"view",
//       resource
//     )
//     when {
//       resource.owner == principal ||  // the owner
//       resource.public
//     };
//
// Pure and thread-safe; time and memory grow with the text.
#pragma once

#include <string>
#include <string_view>

#include "cedar/parse.h"

namespace writ::cedar {

struct FormatOptions {
  std::size_t width = 80;  // bytes in a line, as far as tokens allow
  std::size_t indent = 2;
};

// The text has to parse; otherwise its issues come back and nothing is lost.
Parsed<std::string> format_policies(std::string_view text, const FormatOptions& options = {});

}  // namespace writ::cedar
