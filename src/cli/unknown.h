// Words of a command line that nothing has: which they are, and what was probably meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace writ::cli {

// The name that was probably meant: few letters are wrong, missing, too many or swapped. Empty: none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& names);

// What to say of the first word that stands where a command must and is not the name of one, or of the
// command that is missing.
std::optional<std::string> unknown_command(const Command& program, const std::vector<std::string>& words);
// The same of an option, or of a word too many; nothing when all are known. The commands are known.
std::optional<std::string> unknown_option(const Command& program, const std::vector<std::string>& words);

// The command that the words lead to, as it is called: "writ token get".
std::string called_command(const Command& program, const std::vector<std::string>& words);

}  // namespace writ::cli
