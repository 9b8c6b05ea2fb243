// The words of a command line, read as the commands describe them (cli/command.h).
//
// A word that nothing has is named, with the nearest one that there is. Pure but for the variables that the
// options write into.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace writ::cli {

struct Parsed {
  const Command* command;  // to run; null: there is nothing to run, but to print
  std::string out, error;  // for standard output and standard error
  int status = 0;          // where there is nothing to run
};

// `words` are those after the program's name.
Parsed parse(const Command& program, const std::string& version, const std::vector<std::string>& words);

}  // namespace writ::cli
