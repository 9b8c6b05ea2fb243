#include "cli/parse.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
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

void describe(const Option& option, CLI::App& app) {
  auto* added = add(app, option);
  if (option.is_required) added->required();
  if (option.range) added->check(CLI::Range(option.range->first, option.range->second));
  if (!option.choices.empty()) added->check(CLI::IsMember(option.choices));
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
    const auto unknown = asked ? std::nullopt : unknown_option(program, words);
    if (unknown) return wrong(*unknown);
    std::ostringstream out, err;
    app.exit(error, out, err);
    return {nullptr, out.str(), err.str(), asked ? kYes : kBroken};
  }
  return {chosen, {}, {}, kYes};
}

}  // namespace writ::cli
