// writ approval: list, show, approve and deny the single calls that wait for people, over /v1/approvals.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote.h"

namespace writ::cli {
namespace {

struct Options {
  RemoteOptions remote;
  bool json = false;
  std::string id;
};

std::string line(const codec::Json& call) {
  return fmt::format("{}  {}  {} on {}  for {} through {}  until {}", show(call, "id"), show(call, "state"),
                     show(call, "action"), show(call, "resource"), show(call, "subject"),
                     show(call, "client"), show(call, "until"));
}

std::string call_text(const codec::Json& call) {
  std::string out;
  for (const auto& [name, value] : *call.if_object())
    out += fmt::format("{:<15} {}\n", name, show(call, name));
  return out;
}

std::string list_text(const codec::Json& answer) {
  std::string out;
  const auto* calls = answer.find("approvals");
  if (calls == nullptr || calls->if_array() == nullptr) return out;
  for (const auto& call : *calls->if_array()) out += line(call) + "\n";
  return out.empty() ? "no approvals" : out;
}

int call(const Options& options, std::string method, std::string path,
         std::string (*text)(const codec::Json&)) {
  auto remote = Remote::open(options.remote);
  if (!remote) return fail(remote.error());
  return report(remote->call(std::move(method), std::move(path)), options.json, text);
}

CLI::App* add_command(CLI::App& approval, const char* name, const char* help, Options& options) {
  auto* command = approval.add_subcommand(name, help);
  add_remote_options(*command, options.remote);
  command->add_flag("--json", options.json, "print JSON");
  return command;
}

}  // namespace

void add_approval(CLI::App& program, Action& action) {
  auto* approval = program.add_subcommand("approval", "list, show, approve and deny single calls");
  approval->require_subcommand(1);
  auto options = std::make_shared<Options>();
  add_command(*approval, "list", "the calls that you may approve, newest first", *options)
      ->callback([options, &action] {
        action = [options] { return call(*options, "GET", "/v1/approvals", list_text); };
      });
  const auto add = [&](const char* name, const char* help, const char* method, std::string suffix) {
    auto* command = add_command(*approval, name, help, *options);
    command->add_option("id", options->id, "the approval's id")->required();
    command->callback([options, &action, method, suffix = std::move(suffix)] {
      action = [options, method, suffix] {
        return call(*options, method, "/v1/approvals/" + options->id + suffix, call_text);
      };
    });
  };
  add("show", "one call, with its arguments", "GET", "");
  add("approve", "let this very call pass, once", "POST", "/approve");
  add("deny", "say no to it", "POST", "/deny");
}

}  // namespace writ::cli
