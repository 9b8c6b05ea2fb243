// A command as plain data: its name, what it takes, what it does. The files of the commands are written in
// these words alone; cli/parse.cc is the one place that knows the library that reads a command line.
//
//   Command& fmt = program.add("fmt", "lay out policy files");
//   fmt.option("--width", options->width, "bytes in a line").between(20, 1000).shows_default();
//   fmt.runs([options] { return format(*options); });
//
// An option's value is written into the variable it names, which must live as long as the command: what
// `runs` is given usually holds it. A command either has commands below it or does something. Made once, on
// one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace writ::cli {

struct Option {
  using Text = std::function<void(const std::string&)>;
  using Target = std::variant<bool*, std::string*, std::vector<std::string>*, std::int64_t*, std::uint64_t*,
                              std::optional<std::int64_t>*, std::optional<std::uint64_t>*,
                              std::optional<unsigned>*, Text>;
  // Says what is wrong with a value; empty: nothing.
  using Problem = std::string (*)(const std::string& value);

  std::string names;  // "--config", "-v,--verbose"; without dashes it is told by its place
  std::string help;
  Target target;
  bool is_required = false;
  bool has_default_shown = false;
  std::optional<std::pair<int, int>> range = {};
  std::vector<std::string> choices = {};
  Problem problem = nullptr;
  std::string form = {};  // of a value that `problem` takes: "CALLS/SECONDS"
  std::vector<std::string> needed = {}, excluded = {};
  bool* given = nullptr;

  Option& required() { return is_required = true, *this; }
  // What the variable holds before is in --help.
  Option& shows_default() { return has_default_shown = true, *this; }
  Option& between(int least, int most) { return range = {least, most}, *this; }
  Option& one_of(std::vector<std::string> all) { return choices = std::move(all), *this; }
  Option& checked(Problem by, std::string with_form) {
    return problem = by, form = std::move(with_form), *this;
  }
  // Other options of the command, by name.
  Option& needs(std::string name) { return needed.push_back(std::move(name)), *this; }
  Option& excludes(std::string name) { return excluded.push_back(std::move(name)), *this; }
  // Tells whether it was there.
  Option& tells(bool& whether) { return given = &whether, *this; }

  bool is_flag() const { return std::holds_alternative<bool*>(target); }
  bool is_positional() const { return !names.starts_with('-'); }
};

class Command {
 public:
  Command(std::string name, std::string help) : name_(std::move(name)), help_(std::move(help)) {}
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  Command& add(std::string name, std::string help) {
    return commands_.emplace_back(std::move(name), std::move(help));
  }
  // `target` is the variable, or a function that takes the text.
  template <class Value>
  Option& option(std::string names, Value&& target, std::string help) {
    if constexpr (std::is_lvalue_reference_v<Value>) {
      return options_.emplace_back(Option{std::move(names), std::move(help), &target});
    } else {
      return options_.emplace_back(
          Option{std::move(names), std::move(help), Option::Text(std::move(target))});
    }
  }
  Option& flag(std::string names, bool& value, std::string help) { return option(names, value, help); }
  // Returns the exit status.
  void runs(std::function<int()> action) { action_ = std::move(action); }

  const std::string& name() const noexcept { return name_; }
  const std::string& help() const noexcept { return help_; }
  const std::list<Option>& options() const noexcept { return options_; }
  const std::list<Command>& commands() const noexcept { return commands_; }
  int run() const { return action_(); }

 private:
  std::string name_, help_;
  std::list<Option> options_;
  std::list<Command> commands_;
  std::function<int()> action_;
};

}  // namespace writ::cli
