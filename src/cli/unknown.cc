#include "cli/unknown.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "codec/nearest.h"

namespace writ::cli {
namespace {

bool is_option(std::string_view word) {
  return word.size() > 1 && word.starts_with('-');
}

std::vector<std::string> names_of(const std::list<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name());
  return names;
}

// "-v,--verbose" are two.
std::vector<std::string> names_of(const Option& option) {
  std::vector<std::string> names;
  for (std::string_view rest = option.names; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    names.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names;
}

bool is_for_all(std::string_view word) {
  return word == "--help" || word == "-h" || word == "--version";
}

// A command, the words that lead to it, and those that are left.
struct Reached {
  const Command* command;
  std::string called;
  std::vector<std::string> rest;
};

// Goes down as long as words name commands. What has commands below it has no options of its own.
Reached reach(const Command& program, const std::vector<std::string>& words) {
  Reached at{&program, program.name(), {}};
  auto word = words.begin();
  for (; word != words.end() && !at.command->commands().empty(); ++word) {
    if (is_for_all(*word)) continue;
    const auto& below = at.command->commands();
    const auto found = std::ranges::find(below, *word, &Command::name);
    if (found == below.end()) break;
    at = {&*found, at.called + " " + found->name(), {}};
  }
  at.rest.assign(word, words.end());
  return at;
}

std::string with_nearest(std::string message, const std::string& near) {
  return near.empty() ? message : fmt::format("{}: did you mean `{}`?", message, near);
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  return std::string(codec::nearest(word, views));
}

std::optional<std::string> unknown_command(const Command& program, const std::vector<std::string>& words) {
  const auto [command, called, rest] = reach(program, words);
  if (command->commands().empty()) return std::nullopt;
  const auto names = names_of(command->commands());
  const auto list = fmt::format("the commands of `{}` are {}", called, fmt::join(names, ", "));
  if (rest.empty()) {
    if (std::ranges::any_of(words, is_for_all)) return std::nullopt;
    return "a command is missing; " + list;
  }
  const auto& word = rest.front();
  if (is_option(word))
    return fmt::format("unknown option `{}` of `{}`; the options of a command stand behind it", word, called);
  const auto whole = command == &program ? word : called.substr(program.name().size() + 1) + " " + word;
  const auto message = fmt::format("unknown command `{}`", whole);
  const auto near = nearest(word, names);
  return near.empty() ? fmt::format("{}; {}", message, list) : with_nearest(message, near);
}

std::string called_command(const Command& program, const std::vector<std::string>& words) {
  return reach(program, words).called;
}

std::optional<std::string> unknown_option(const Command& program, const std::vector<std::string>& words) {
  const auto [command, called, rest] = reach(program, words);
  std::vector<std::string> known{"--help"};
  for (const Option& option : command->options())
    if (!option.is_positional()) std::ranges::copy(names_of(option), std::back_inserter(known));
  for (auto word = rest.begin(); word != rest.end() && *word != "--"; ++word) {
    if (!is_option(*word) || *word == "-h") continue;
    const auto name = word->substr(0, word->find('='));
    if (std::ranges::find(known, name) == known.end()) {
      const auto message = fmt::format("unknown option `{}` of `{}`", name, called);
      const auto near = nearest(name, known);
      const bool may_be_a_name =
          near.empty() && std::ranges::any_of(command->options(), &Option::is_positional);
      return may_be_a_name ? message + "; put `--` before a name that begins with `-`"
                           : with_nearest(message, near);
    }
    // The next word is its value, whatever it looks like.
    const auto takes = std::ranges::find_if(command->options(), [&](const Option& option) {
      const auto names = names_of(option);
      return std::ranges::find(names, name) != names.end();
    });
    const bool has_value =
        takes != command->options().end() && !takes->is_flag() && name.size() == word->size();
    if (has_value && std::next(word) != rest.end()) ++word;
  }
  return std::nullopt;
}

}  // namespace writ::cli
