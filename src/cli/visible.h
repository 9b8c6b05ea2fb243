// Text of strangers on an operator's terminal. A name may hold what moves the cursor, hides a line or turns
// the direction of text; it is shown as an escape instead, so that what is on the screen is what was said.
//
// Pure, safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace writ::cli {

// Control characters (C0, C1, DEL) and those that turn the direction of text (Unicode's bidirectional
// embeddings, overrides and isolates) become `\u{1b}`. Line breaks and tabs stay.
std::string visible(std::string_view text);
// The same, and a line break becomes one too: what is one line stays one.
std::string visible_line(std::string_view text);

}  // namespace writ::cli
