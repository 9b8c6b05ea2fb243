// The command line: one file per command, each adding itself to the program.
//
// Exit status of every command: 0 yes, 1 no (refused, invalid, broken chain), 2 usage or broken input. A
// command that prints data has --json. What a command does on the network it does with `Server`
// (cli/remote.h).
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace writ::cli {

inline constexpr int kYes = 0;
inline constexpr int kNo = 1;
inline constexpr int kBroken = 2;

// What the chosen command will do; set while the arguments are parsed, called afterwards.
using Action = std::function<int()>;

void add_serve(CLI::App& program, Action& action);
void add_check(CLI::App& program, Action& action);
void add_schema(CLI::App& program, Action& action);
void add_fmt(CLI::App& program, Action& action);
void add_test(CLI::App& program, Action& action);
void add_decide(CLI::App& program, Action& action);
void add_token(CLI::App& program, Action& action);
void add_task(CLI::App& program, Action& action);
void add_approval(CLI::App& program, Action& action);
void add_inventory(CLI::App& program, Action& action);
void add_audit(CLI::App& program, Action& action);
void add_policies(CLI::App& program, Action& action);
void add_keys(CLI::App& program, Action& action);

// The whole program; returns its exit status.
int run(int argc, char** argv);

}  // namespace writ::cli
