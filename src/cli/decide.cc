// writ decide, writ explain: what would come of a request, and why?
//
// Decided here, by the configuration's policies or a kept revision of them, in a world that the request file
// describes, on the way that requests take; or asked of a running Writ. Nothing is used up.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iostream>
#include <iterator>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "cli/replay.h"
#include "files/files.h"
#include "gateway/routes.h"
#include "http/target.h"
#include "policy/revisions.h"
#include "policytest/reader.h"
#include "policytest/run.h"

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
constexpr Flag kClaims[] = {{"--sub", "sub", "the user that the request is for"},
                            {"--client", "client_id", "the application, service or agent that sends it"},
                            {"--task", "task", "the task of the token"},
                            {"--purpose", "purpose", "the purpose of the token"},
                            {"--tenant", "tenant", "the tenant of the token"},
                            {"--environment", "environment", "the environment of the token"},
                            {"--acr", "acr", "how the user was authenticated"}};

struct DecideOptions {
  bool explain = false;
  RemoteOptions remote;
  bool running = false;  // a server is asked
  std::string data, revision;
  std::string config = "writ.yaml";
  std::string file;
  std::map<std::string, std::string> keys, claims;
  std::vector<std::string> act;
  std::vector<std::string> headers;  // names
  bool json = false;
  std::string replay;  // an audit log
  std::vector<std::string> policies;
};

Result<std::string> read_text(const std::string& file) {
  if (file.empty()) return "{}";
  if (file != "-") return files::read_file(file, files::kMaxYamlBytes);
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  if (text.size() <= files::kMaxYamlBytes) return text;
  return failure(ErrorCode::kLimit, fmt::format("the request is larger than {} bytes", files::kMaxYamlBytes));
}

// The flags as the keys of a request; JSON is YAML.
std::string from_flags(const DecideOptions& options) {
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

std::string left_out_text(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  return fmt::format("\nthe API does not get {}: `forward_headers` names what it reads",
                     fmt::join(names, ", "));
}

void print(const DecideOptions& options, const policytest::Answer& answer,
           const std::optional<decision::Explanation>& explanation, const std::vector<std::string>& left_out,
           const std::string& revision) {
  if (options.json) {
    Json json = to_json(answer, revision);
    if (!options.headers.empty()) json.set("left_out", codec::json_texts(left_out));
    if (options.explain) json.set("explanation", explanation ? decision::to_json(*explanation) : Json());
    return print_json(json);
  }
  const auto behind = left_out_text(left_out);
  if (explanation) return print_text(decision::to_text(*explanation) + behind);
  print_text(answer.permitted() ? fmt::format("permit, by {}{}", fmt::join(answer.policies, ", "), behind)
                                : fmt::format("{} {}: {}{}", decision::effect_name(answer.effect),
                                              answer.code, answer.message, behind));
}

// Of the header fields that the flags name, those that the API would not get.
std::vector<std::string> left_out_of(const DecideOptions& options, const policytest::Target& target,
                                     const gateway::Routes& routes) {
  std::vector<std::string> names;
  const auto parsed = http::parse_target(target.path);
  if (!parsed || !target.routed()) return names;
  http::Request request;
  request.method = target.method;
  request.path = parsed->path;
  request.encoded_path = parsed->encoded_path;
  std::vector<std::string_view> values;
  const auto* route = routes.match_anywhere(request, values).route;
  if (route == nullptr) return names;
  std::ranges::copy_if(options.headers, std::back_inserter(names), [&](const std::string& name) {
    return route->forwarded().fate(name) == gateway::ForwardedHeaders::Fate::kLeftOut;
  });
  return names;
}

bool is_one_of(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::ranges::find(keys, key) != keys.end();
}

bool is_about(std::string_view key) {
  return is_one_of(key, {"request", "api", "action", "resource", "attributes", "issue"});
}

// The flags laid over the file. What a request is about goes together: flags that say it replace all that the
// file says of it.
Json laid_over(const Json::Object& file, const Json::Object& flags) {
  const bool about = std::ranges::any_of(flags, [](const auto& flag) { return is_about(flag.first); });
  Json question = Json::object();
  for (const auto& [key, value] : file) {
    if (!is_one_of(key, {"version", "about", "name", "expect"}) && !(about && is_about(key)))
      question.set(key, value);
  }
  for (const auto& [key, value] : flags) {
    const Json* below = key == "token" ? question.find(key) : nullptr;
    Json whole = below != nullptr && below->is_object() ? *below : Json::object();
    if (key != "token") {
      whole = value;
    } else {
      for (const auto& [claim, said] : *value.if_object()) whole.set(claim, said);
    }
    question.set(key, std::move(whole));
  }
  return question;
}

// The file and the flags as one question to a server, whose world is its own.
Result<Json> question_of(const DecideOptions& options) {
  files::Issues issues;
  const auto text = TRY(read_text(options.file));
  const auto file = files::parse_yaml(text, options.file.empty() ? "the request" : options.file, issues);
  if (!file) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  const Json said = files::to_json(*file), flags = TRY(codec::parse_json(from_flags(options)));
  if (!said.is_object()) return failure(ErrorCode::kInvalid, "the request must be a map");
  for (const auto* of_a_world : {"now", "fixtures"})
    if (said.find(of_a_world) != nullptr)
      return failure(ErrorCode::kInvalid,
                     fmt::format("`{}` is of a world of its own, and a running Writ has another: "
                                 "leave it out, or decide without --server",
                                 of_a_world));
  Json question = laid_over(*said.if_object(), *flags.if_object());
  if (options.explain) question.set("explain", true);
  if (!options.headers.empty()) question.set("headers", codec::json_texts(options.headers));
  return question;
}

std::vector<std::string> texts_of(const Json& answer, std::string_view name) {
  std::vector<std::string> texts;
  const auto* list = answer.find(name);
  if (list == nullptr || !list->is_array()) return texts;
  for (const Json& each : *list->if_array()) texts.push_back(*each.if_string());
  return texts;
}

std::string answer_text(const Json& answer) {
  const auto left_out = left_out_text(texts_of(answer, "left_out"));
  if (answer.find("text") != nullptr) return show(answer, "text") + left_out;
  if (show(answer, "decision") != "permit")
    return fmt::format("{} {}: {}{}", show(answer, "decision"), show(answer, "reason"),
                       show(answer, "message"), left_out);
  return fmt::format("permit, by {}{}", fmt::join(texts_of(answer, "policies"), ", "), left_out);
}

int ask_server(const DecideOptions& options) {
  const auto question = question_of(options);
  if (!question) return fail(question.error());
  auto remote = Remote::open(options.remote);
  if (!remote) return fail(remote.error());
  const auto answer = remote->call("POST", "/v1/decide", *question);
  // A caller who may not ask has no answer either.
  if (const int reported = report(answer, options.json, answer_text); reported != kYes) return kBroken;
  const auto json = codec::parse_json(answer->body);
  return json && show(*json, "decision") == "permit" ? kYes : kNo;
}

// The configuration with the policies of a kept revision.
bool take_revision(const DecideOptions& options, policy::Loaded& loaded, files::Issues& issues) {
  const policy::Revisions revisions(
      options.data.empty() ? loaded.config.data : std::filesystem::path(options.data),
      loaded.config.policies.keep);
  const auto kept = revisions.find(options.revision);
  const auto texts = kept ? revisions.read(*kept) : std::unexpected(kept.error());
  if (!texts) return issues.error({}, texts.error().message), false;
  auto policies = policy::load_policies(*texts, loaded.world, issues);
  if (policies) loaded.policies = *std::move(policies);
  return policies.has_value();
}

// What is missing where options alone say what is asked.
std::optional<std::string> missing(const DecideOptions& options) {
  if (!options.file.empty() || !options.replay.empty()) return std::nullopt;
  if (options.keys.empty())
    return "what is asked is missing: give `--request \"GET /invoices/inv-1001\"`, or --api, --action and "
           "--resource, or --issue, or a request file";
  const bool has_client =
      std::ranges::any_of(options.claims, [](const auto& claim) { return claim.first == "client_id"; });
  if (!has_client) return "`--client` is missing: the application, service or agent that sends the request";
  return std::nullopt;
}

int decide(const DecideOptions& options) {
  if (const auto problem = missing(options)) return fail(*problem);
  if (options.running) return ask_server(options);
  if (!options.replay.empty()) {
    if (!options.keys.empty() || !options.claims.empty() || !options.act.empty())
      return fail("--replay decides recorded requests, and takes none beside them");
    return replay({options.replay, options.config, options.policies, options.data, options.json});
  }
  if (const auto problem = no_configuration(options.config)) return fail(*problem);
  files::Issues issues;
  auto loaded = policy::load(options.config, issues);
  if (!loaded) return broken(issues, "nothing was decided");
  if (!options.revision.empty() && !take_revision(options, *loaded, issues))
    return broken(issues, "nothing was decided");
  issues = {};
  const auto text = read_text(options.file);
  if (!text) return fail(text.error());
  const auto question =
      policytest::parse_request_file(*text, options.file.empty() ? "the request" : options.file,
                                     from_flags(options), SystemClock().now(), *loaded, issues);
  if (!question) return broken(issues, "nothing was decided");
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
  print(options, *answer, explanation, left_out_of(options, question->request.target, *loaded->routes),
        loaded->policies.snapshot->revision);
  return answer->permitted() ? kYes : kNo;
}

void add(Command& program, const char* name, const char* about, bool explain) {
  auto options = std::make_shared<DecideOptions>();
  options->explain = explain;
  auto& command = program.add(name, about);
  command.option("file", options->file, "a request file (docs/testing.md), or - for standard input");
  command.option("--config", options->config, "the configuration file").shows_default();
  // What options write into lives as long as the command, and so as long as what it runs.
  auto& kept = *options;
  for (const Flag& flag : kKeys) {
    command.option(
        flag.option, [&kept, flag](const std::string& text) { kept.keys[flag.key] = text; }, flag.about);
  }
  for (const Flag& flag : kClaims) {
    command.option(
        flag.option, [&kept, flag](const std::string& text) { kept.claims[flag.key] = text; }, flag.about);
  }
  command.option("--act", options->act, "an actor, nearest first; repeat it for a chain");
  command.option("--header", options->headers,
                 "the name of a header field: does the API get it? Repeat it for more");
  command.flag("--json", options->json, "print JSON");
  command
      .option("--revision", options->revision,
              "decide under a kept revision of the policies (its first digits are enough)")
      .excludes("--server");
  command.option("--data", options->data, "the data folder, instead of the configuration's");
  // --client is a claim of the request here.
  add_remote_options(command, options->remote, "--as").tells(options->running);
  if (!explain) {
    command.option("--replay", options->replay, "decide the requests of this audit log again")
        .excludes("--server")
        .excludes("--revision")
        .excludes("file");
    command
        .option("--policies", options->policies,
                "policy files or folders, instead of the configuration's; repeat it for more")
        .needs("--replay");
  }
  command.runs([options] { return decide(*options); });
}

}  // namespace

void add_decide(Command& program) {
  add(program, "decide", "what would come of a request?", false);
  add(program, "explain", "why would a request be permitted or refused?", true);
}

}  // namespace writ::cli
