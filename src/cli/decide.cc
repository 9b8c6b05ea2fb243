// writ decide, writ explain: what would come of a request, and why?
//
// Decided here, by the configuration's policies in a world that the request file describes, on the way that
// requests take. Nothing is sent, used up or recorded.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iostream>
#include <iterator>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "policytest/reader.h"
#include "policytest/run.h"
#include "server/files.h"

namespace writ::cli {
namespace {

using codec::Json;

// A flag that is a key of a request, or a claim of its token.
struct Flag {
  const char* option;
  const char* key;
  const char* about;
};
constexpr Flag kKeys[] = {
    {"--request", "request", "method and path, as sent to the gateway: \"GET /invoices/inv-1001\""},
    {"--api", "api", "the id of an API, with --action and --resource in place of a request"},
    {"--action", "action", "an action of the API"},
    {"--resource", "resource", "as Cedar writes it: 'Billing::Invoice::\"inv-1001\"'"},
    {"--issue", "issue", "the id of an API: may a token for it be issued?"},
    {"--ip", "ip", "where the request comes from"},
    {"--at", "at", "when: 2026-03-02T09:00:00Z, or +10m from now"}};
constexpr Flag kClaims[] = {{"--sub", "sub", "whom the request is for"},
                            {"--client", "client_id", "the application, service or agent that sends it"},
                            {"--task", "task", "the task of the token"},
                            {"--purpose", "purpose", "the purpose of the token"},
                            {"--tenant", "tenant", "the tenant of the token"},
                            {"--environment", "environment", "the environment of the token"},
                            {"--acr", "acr", "how the user was authenticated"}};

struct Options {
  bool explain = false;
  std::string config = "writ.yaml";
  std::string file;
  std::map<std::string, std::string> keys, claims;
  std::vector<std::string> act;
  bool json = false;
};

Result<std::string> read_text(const std::string& file) {
  if (file.empty()) return "{}";
  if (file != "-") return server::read_file(file, server::kMaxYamlBytes);
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  if (text.size() <= server::kMaxYamlBytes) return text;
  return failure(ErrorCode::kLimit,
                 fmt::format("the request is larger than {} bytes", server::kMaxYamlBytes));
}

// The flags as the keys of a request; JSON is YAML.
std::string from_flags(const Options& options) {
  Json keys = Json::object(), claims = Json::object();
  for (const auto& [key, value] : options.keys) keys.set(key, value);
  for (const auto& [claim, value] : options.claims) claims.set(claim, value);
  if (!options.act.empty()) {
    Json actors = Json::array();
    for (const auto& actor : options.act) actors.push(actor);
    claims.set("act", std::move(actors));
  }
  if (!options.claims.empty() || !options.act.empty()) keys.set("token", std::move(claims));
  return keys.dump();
}

Json to_json(const policytest::Answer& answer, const std::string& revision) {
  Json json = Json::object({{"decision", decision::effect_name(answer.effect)},
                            {"code", answer.code},
                            {"api", answer.api},
                            {"action", answer.action},
                            {"resource", answer.resource},
                            {"policy_revision", revision}});
  const auto set = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) json.set(name, text);
  };
  set("message", answer.message);
  set("party", answer.party);
  set("path", answer.path);
  set("guard", answer.guard);
  json.set("policies", codec::json_texts(answer.policies));
  json.set("reasons", codec::json_texts(answer.reasons));
  return json;
}

void print(const Options& options, const policytest::Answer& answer,
           const std::optional<decision::Explanation>& explanation, const std::string& revision) {
  if (options.json) {
    Json json = to_json(answer, revision);
    if (options.explain) json.set("explanation", explanation ? decision::to_json(*explanation) : Json());
    return print_json(json);
  }
  if (explanation) return print_text(decision::to_text(*explanation));
  print_text(answer.permitted() ? fmt::format("permit, by {}", fmt::join(answer.policies, ", "))
                                : fmt::format("{} {}: {}", decision::effect_name(answer.effect), answer.code,
                                              answer.message));
}

int broken(const server::Issues& issues) {
  for (const auto& issue : issues.all()) print_error(render(issue));
  return fail(fmt::format("nothing was decided: {} errors", issues.errors()));
}

int decide(const Options& options) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(options.config, error))
    return fail(fmt::format("there is no configuration file `{}`; name one with --config", options.config));
  server::Issues issues;
  const auto loaded = server::load(options.config, issues);
  if (!loaded) return broken(issues);
  issues = {};
  const auto text = read_text(options.file);
  if (!text) return fail(text.error());
  const auto question = policytest::parse_question(*text, options.file.empty() ? "the request" : options.file,
                                                   from_flags(options), SystemClock().now(), *loaded, issues);
  if (!question) return broken(issues);
  auto shared = policytest::Shared::make(*loaded);
  if (!shared) return fail(shared.error());
  auto world = policytest::World::make(*shared, question->suite, loaded->policies.snapshot);
  if (!world) return fail(world.error());
  // Explained first: the question is about the world before the request.
  auto explanation = options.explain ? (*world)->explain(question->request) : std::nullopt;
  const auto answer = (*world)->ask(question->request);
  if (!answer) return fail(answer.error());
  // A token that is no good is refused before the decision that the explanation is of.
  if (explanation && (answer->guard == "token" || explanation->effect != answer->effect)) explanation.reset();
  print(options, *answer, explanation, loaded->policies.snapshot->revision);
  return answer->permitted() ? kYes : kNo;
}

void add(CLI::App& program, Action& action, const char* name, const char* about, bool explain) {
  auto options = std::make_shared<Options>();
  options->explain = explain;
  auto* command = program.add_subcommand(name, about);
  command->add_option("file", options->file, "a request file (docs/testing.md), or - for standard input");
  command->add_option("--config", options->config, "the configuration file")->capture_default_str();
  for (const Flag& flag : kKeys) {
    command->add_option_function<std::string>(
        flag.option, [options, flag](const std::string& text) { options->keys[flag.key] = text; },
        flag.about);
  }
  for (const Flag& flag : kClaims) {
    command->add_option_function<std::string>(
        flag.option, [options, flag](const std::string& text) { options->claims[flag.key] = text; },
        flag.about);
  }
  command->add_option("--act", options->act, "an actor, nearest first; repeat it for a chain");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options, &action] { action = [options] { return decide(*options); }; });
}

}  // namespace

void add_decide(CLI::App& program, Action& action) {
  add(program, action, "decide", "what would come of a request?", false);
  add(program, action, "explain", "why would a request be permitted or refused?", true);
}

}  // namespace writ::cli
