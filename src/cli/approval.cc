// writ approval: list, show, approve and deny the single calls that wait for people, over /v1/approvals.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote.h"

namespace writ::cli {
namespace {

struct ApprovalOptions : ApiOptions {
  std::string id;
};

std::string approval_line(const codec::Json& call) {
  return fmt::format("{}  {}  {} on {}  for {} through {}  until {}", show(call, "id"), show(call, "state"),
                     show(call, "action"), show(call, "resource"), show(call, "subject"),
                     show(call, "client"), show(call, "until"));
}

// The API's `arguments` are a digest of header fields and body; for people it is called that.
std::string call_text(const codec::Json& call) {
  auto told = codec::Json::object({});
  for (const auto& [name, value] : *call.if_object())
    told.set(name == "arguments" ? "arguments digest" : name, value);
  return members_text(told, 16);
}

std::string calls_text(const codec::Json& answer) {
  return list_text(answer, "approvals", approval_line, "no approvals");
}

}  // namespace

void add_approval(Command& program) {
  auto& approval = program.add("approval", "list, show, approve and deny single calls");
  auto options = std::make_shared<ApprovalOptions>();
  add_list_command(approval, "list", "the calls that you may approve, newest first", *options)
      .runs([options] { return call_api(*options, "GET", "/v1/approvals", calls_text); });
  const auto add = [&](const char* name, const char* help, const char* method, std::string suffix) {
    auto& command = add_api_command(approval, name, help, *options);
    command.option("id", options->id, "the approval's id").required();
    command.runs([options, method, suffix = std::move(suffix)] {
      return call_api(*options, method, "/v1/approvals/" + options->id + suffix, call_text);
    });
  };
  add("show", "one call, with its body, and the digest of its arguments", "GET", "");
  add("approve", "let this very call pass, once", "POST", "/approve");
  add("deny", "say no to it", "POST", "/deny");
}

}  // namespace writ::cli
