#include "cli/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sstream>

#include "cli/commands.h"
#include "cli/unknown.h"

namespace writ::cli {
namespace {

constexpr std::string_view kMore = "Run with --help for more information.\n";

CLI::Option* add(CLI::App& app, const Option& option) {
  return std::visit(
      [&](const auto& target) -> CLI::Option* {
        using Target = std::decay_t<decltype(target)>;
        if constexpr (std::is_same_v<Target, bool*>) {
          return app.add_flag(option.names, *target, option.help);
        } else if constexpr (std::is_pointer_v<Target>) {
          return app.add_option(option.names, *target, option.help);
        } else {
          return app.add_option_function<std::string>(option.names, target, option.help);
        }
      },
      option.target);
}

bool is_count(const Option& option) {
  return std::holds_alternative<std::uint64_t*>(option.target) ||
         std::holds_alternative<std::optional<std::uint64_t>*>(option.target) ||
         std::holds_alternative<std::optional<unsigned>*>(option.target);
}

bool is_number(const Option& option) {
  return is_count(option) || std::holds_alternative<std::int64_t*>(option.target) ||
         std::holds_alternative<std::optional<std::int64_t>*>(option.target);
}

// The library would take -1 for the largest number there is, and 010 for eight.
void take_plain_numbers(CLI::Option& added, bool below_zero) {
  added.check(CLI::Validator(
      [below_zero](std::string& value) {
        const auto digits = std::string_view(value).substr(below_zero && value.starts_with('-') ? 1 : 0);
        const bool plain = !digits.empty() && digits.size() <= 18 &&
                           (digits == "0" || !digits.starts_with('0')) &&
                           digits.find_first_not_of("0123456789") == digits.npos;
        return plain ? std::string()
                     : fmt::format("must be a whole number{}, found `{}`", below_zero ? "" : " from 0 on",
                                   value);
      },
      ""));
}

void describe(const Option& option, CLI::App& app) {
  auto* added = add(app, option);
  if (option.is_required) added->required();
  if (is_number(option)) take_plain_numbers(*added, !is_count(option));
  if (option.range)
    added->check(CLI::Validator(
        [least = option.range->first, most = option.range->second](std::string& value) {
          const auto number = std::strtoll(value.c_str(), nullptr, 10);
          return number >= least && number <= most
                     ? std::string()
                     : fmt::format("must be between {} and {}, found {}", least, most, value);
        },
        fmt::format("{} to {}", option.range->first, option.range->second)));
  if (!option.choices.empty())
    added->check(CLI::Validator(
        [choices = option.choices](std::string& value) {
          const auto near = nearest(value, choices);
          return std::ranges::find(choices, value) != choices.end()
                     ? std::string()
                     : fmt::format("must be one of {}; found `{}`{}", fmt::join(choices, ", "), value,
                                   near.empty() ? "" : fmt::format(": did you mean `{}`?", near));
        },
        fmt::format("{{{}}}", fmt::join(option.choices, ","))));
  if (option.problem != nullptr)
    added->check(CLI::Validator([problem = option.problem](std::string& value) { return problem(value); },
                                option.form));
  if (option.has_default_shown) added->capture_default_str();
}

void relate(const Option& option, CLI::App& app) {
  auto* added = app.get_option(option.names.substr(option.names.rfind(',') + 1));
  for (const auto& other : option.needed) added->needs(app.get_option(other));
  for (const auto& other : option.excluded) added->excludes(app.get_option(other));
}

void describe(const Command& command, CLI::App& app, const Command*& chosen) {
  for (const Option& option : command.options()) describe(option, app);
  for (const Option& option : command.options()) relate(option, app);
  for (const Command& below : command.commands())
    describe(below, *app.add_subcommand(below.name(), below.help()), chosen);
  if (!command.commands().empty()) {
    app.require_subcommand(1);
    return;
  }
  app.callback([&command, &app, &chosen] {
    for (const Option& option : command.options())
      if (option.given != nullptr) *option.given = app.count(option.names) > 0;
    chosen = &command;
  });
}

Parsed wrong(const std::string& message) {
  return {nullptr, {}, fmt::format("writ: {}\n{}", message, kMore), kBroken};
}

// Two names around the library's verb, "--json excludes --csv", around other words.
std::string of_two(std::string_view said, std::string_view verb, std::string_view between,
                   std::string_view end = {}) {
  const auto at = said.find(verb);
  if (at == said.npos) return std::string(said);
  return fmt::format("`{}` {} `{}`{}", said.substr(0, at), between, said.substr(at + verb.size()), end);
}

// What the library says, in the house's words. Each kind of its errors has a form of its own.
std::string told(const CLI::ParseError& error, std::string_view called) {
  const std::string_view said = error.what();
  const auto is = [&](const auto* kind) { return dynamic_cast<decltype(kind)>(&error) != nullptr; };
  const auto behind = [&](std::string_view mark) {
    const auto at = said.find(mark);
    return at == said.npos ? said : said.substr(at + mark.size());
  };
  const auto name = said.substr(0, said.find_first_of(": "));
  if (is(static_cast<const CLI::RequiredError*>(nullptr)))
    return fmt::format("`{}` is missing; `{} --help` says what it is", name, called);
  if (is(static_cast<const CLI::ExcludesError*>(nullptr)))
    return of_two(said, " excludes ", "and", " do not go together");
  if (is(static_cast<const CLI::RequiresError*>(nullptr))) return of_two(said, " requires ", "needs");
  if (is(static_cast<const CLI::ArgumentMismatch*>(nullptr)))
    return fmt::format("`{}` {}", name,
                       said.ends_with(" missing") ? "needs a value" : "is given more than once");
  if (is(static_cast<const CLI::ConversionError*>(nullptr)))
    return of_two(behind("Could not convert: "), " = ", "takes a whole number, not");
  if (is(static_cast<const CLI::ValidationError*>(nullptr)))
    return fmt::format("`{}`: {}", name, behind(": "));
  return std::string(said);
}

}  // namespace

Parsed parse(const Command& program, const std::string& version, const std::vector<std::string>& words) {
  // First, for the library would rather miss a command, or print the help of what is known.
  if (const auto unknown = unknown_command(program, words)) return wrong(*unknown);
  const Command* chosen = nullptr;
  CLI::App app(program.help(), program.name());
  app.set_version_flag("--version", version);
  describe(program, app, chosen);
  try {
    // The library takes them from the end.
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;
    if (!asked) {
      const auto unknown = unknown_option(program, words);
      const auto called = called_command(program, words);
      if (unknown) return wrong(*unknown);
      // In the order in which they stand, which the library's own message turns round.
      if (const auto extra = app.remaining(true); !extra.empty())
        return wrong(fmt::format("`{}` does not take `{}`", called, fmt::join(extra, " ")));
      return wrong(told(error, called));
    }
    std::ostringstream out, err;
    app.exit(error, out, err);
    return {nullptr, out.str(), {}, kYes};
  }
  return {chosen, {}, {}, kYes};
}

}  // namespace writ::cli
