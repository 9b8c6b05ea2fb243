// What a command asks a person for, where its flags leave something open. Only on a terminal: a script or a
// pipe is never asked, and never waits. Questions go to standard error, so that data on standard output stays
// whole. Used on one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace writ::cli {

// Standard input and standard error are a terminal.
bool may_ask();

struct Prompt {
  std::string_view what;        // "The OpenAPI document"
  std::string_view otherwise;   // what an empty line means; empty: nothing
  std::string_view about = {};  // what that is, in its place
  bool needed = true;           // an empty line is no answer where nothing stands for it
  // Why an answer is none; it is asked again.
  std::function<std::optional<std::string>(const std::string&)> wrong = {};
};

// Nothing: the input has ended (Ctrl-D), or there was no good answer after some tries.
std::optional<std::string> ask(const Prompt& question);

}  // namespace writ::cli
