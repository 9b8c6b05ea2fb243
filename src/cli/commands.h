// The command line: one file per command, each adding itself to the program.
//
// Exit status of every command: 0 yes, 1 no (refused, invalid, broken chain), 2 usage or broken input. A
// command that prints data has --json. What a command does on the network it does with `Remote`
// (cli/remote.h).
#pragma once

#include "cli/command.h"

namespace writ::cli {

inline constexpr int kYes = 0;
inline constexpr int kNo = 1;
inline constexpr int kBroken = 2;

void add_init(Command& program);
void add_serve(Command& program);
void add_dev(Command& program);
void add_dev_certificate(Command& program);
void add_check(Command& program);
void add_schema(Command& program);
void add_fmt(Command& program);
void add_test(Command& program);
void add_decide(Command& program);
void add_token(Command& program);
void add_task(Command& program);
void add_approval(Command& program);
void add_inventory(Command& program);
void add_entities(Command& program);
void add_audit(Command& program);
void add_policies(Command& program);
void add_keys(Command& program);
void add_gateway(Command& program);
void add_config(Command& program);
// All of them.
void add_all(Command& program);

// The whole program; returns its exit status.
int run(int argc, char** argv);

}  // namespace writ::cli
