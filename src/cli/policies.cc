// writ policies: which policies are in force, which were, and how to go back to one of them, over /v1.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote.h"

namespace writ::cli {
namespace {

using codec::Json;

struct PoliciesOptions : ApiOptions {
  std::string revision;
  bool at_once = false;
};

std::string waiting_text(const Json& answer) {
  const Json* waiting = answer.find("waiting");
  if (waiting == nullptr) return {};
  return fmt::format("policies {} take force at {}", show(*waiting, "policy_revision"),
                     show(*waiting, "in_force_at"));
}

std::string revisions_text(const Json& answer) {
  std::string out;
  for (const Json& kept : *answer.find("revisions")->if_array())
    out += fmt::format("{} since {}{}\n", show(kept, "policy_revision"), show(kept, "since"),
                       show(kept, "in_force") == "true" ? "  in force" : "");
  if (answer.find("instead_of") != nullptr)
    out += fmt::format("chosen instead of {}, until the files change\n", show(answer, "instead_of"));
  if (const auto waiting = waiting_text(answer); !waiting.empty()) out += waiting + "\n";
  return out;
}

std::string files_text(const Json& answer) {
  std::string out;
  for (const Json& file : *answer.find("files")->if_array())
    out += fmt::format("// {}: {}\n{}\n", show(file, "kind"), show(file, "path"), show(file, "text"));
  return out;
}

std::string replaced_text(const Json& answer) {
  const auto revision = show(answer, "policy_revision");
  if (show(answer, "held") == "true")
    return fmt::format("the files are those that were rolled back; policies {} stay in force", revision);
  if (const auto waiting = waiting_text(answer); !waiting.empty())
    return fmt::format("{}; until then {} stay in force", waiting, revision);
  return fmt::format("policies {} in force{}", revision,
                     show(answer, "changed") == "true" ? "" : ", as before");
}

// What is wrong with a set that was not taken, each with its place.
void print_issues(const http::Response& answer) {
  const auto body = codec::parse_json(answer.body);
  const auto* issues = body && body->is_object() ? body->find("issues") : nullptr;
  if (issues == nullptr || issues->if_array() == nullptr) return;
  for (const Json& issue : *issues->if_array()) {
    const auto place = issue.find("line") != nullptr ? fmt::format("{}:{}:{}", show(issue, "file"),
                                                                   show(issue, "line"), show(issue, "column"))
                                                     : show(issue, "file");
    print_error(fmt::format("{}: {}: {}", place, show(issue, "severity"), show(issue, "message")));
  }
}

int call(const PoliciesOptions& options, std::string method, std::string path,
         std::string (*text)(const Json&), const std::optional<Json>& body = std::nullopt) {
  auto remote = Remote::open(options.remote);
  if (!remote) return fail(remote.error());
  const auto answer = remote->call(std::move(method), std::move(path), body);
  if (answer && !options.json) print_issues(*answer);
  return report(answer, options.json, text);
}

}  // namespace

void add_policies(Command& program) {
  auto options = std::make_shared<PoliciesOptions>();
  auto& policies = program.add("policies", "list, show, reload and roll back the policies of a running Writ");
  const auto add = [&](const char* name, const char* help, std::function<int()> run) -> Command& {
    auto& command = add_api_command(policies, name, help, *options);
    command.runs(std::move(run));
    return command;
  };
  const auto with_revision = [&](Command& command) {
    command.option("revision", options->revision, "a kept revision, or its first digits (8 at least)")
        .required();
  };
  add("list", "the kept revisions, the newest first",
      [options] { return call(*options, "GET", "/v1/policies", revisions_text); });
  with_revision(add("show", "the texts of a kept revision", [options] {
    return call(*options, "GET", "/v1/policies/" + options->revision, files_text);
  }));
  auto& reload = add("reload", "read the files again", [options] {
    const auto body = options->at_once ? std::optional(Json::object({{"at_once", true}})) : std::nullopt;
    return call(*options, "POST", "/v1/policies/reload", replaced_text, body);
  });
  reload.flag("--at-once", options->at_once, "do not wait for tokens that lack a claim which policies read");
  with_revision(add("rollback", "go back to a kept revision, until the files change", [options] {
    return call(*options, "POST", "/v1/policies/rollback", replaced_text,
                Json::object({{"revision", options->revision}}));
  }));
}

}  // namespace writ::cli
