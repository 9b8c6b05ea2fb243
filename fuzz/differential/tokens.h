// A text as a list of its tokens, each with the white space before it, so that joined they are the text
// again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace writ::differential {

// By Cedar's tokens, which come close enough for JSON.
std::vector<std::string> tokens_of(std::string_view text);
std::string joined(const std::vector<std::string>& tokens);

}  // namespace writ::differential
