// writ init: from an OpenAPI document to a folder that `writ check`, `writ test` and `writ serve` take.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.h"
#include "cli/loaded.h"
#include "cli/output.h"
#include "cli/questions.h"
#include "init/folder.h"
#include "init/names.h"
#include "init/types.h"
#include "policy/load.h"

namespace writ::cli {
namespace {

using codec::Json;

struct InitOptions {
  std::string document, folder;
  init::Settings settings;
  bool force = false, json = false;
};

Json init_report(const init::Draft& draft, const std::vector<init::NewFile>& files) {
  auto names = Json::array(), notes = Json::array();
  for (const auto& file : files) names.push(file.name);
  for (const auto& note : draft.notes)
    notes.push(Json::object({{"place", note.place}, {"text", note.text}, {"not_routed", note.not_routed}}));
  return Json::object({{"api", draft.api},
                       {"namespace", draft.name_space},
                       {"operations", static_cast<std::int64_t>(draft.operations)},
                       {"routes", static_cast<std::int64_t>(draft.routes.size())},
                       {"types", static_cast<std::int64_t>(draft.types.size())},
                       {"files", std::move(names)},
                       {"notes", std::move(notes)}});
}

// Whether some answer of the API says whose a resource is.
bool tells_owners(const init::Draft& draft) {
  return std::ranges::any_of(draft.routes, [](const auto& route) { return route.on_answer.has_value(); });
}

// Beside resources that are decided by their owner, those that are not.
void warn_of_types_without_owner(const init::Draft& draft) {
  constexpr std::size_t kNamed = 5;
  std::vector<std::string> names;
  for (const auto& type : draft.types)
    if (type != init::kCollection && !draft.tells_owner(type)) names.push_back(type);
  if (names.empty()) return;
  const auto more =
      names.size() > kNamed ? fmt::format(", and {} more", names.size() - kNamed) : std::string();
  names.resize(std::min(names.size(), kNamed));
  print_error(fmt::format(
      "warning: whose these are, nothing in the document says, so every user gets all of them: {}{}",
      fmt::join(names, ", "), more));
}

void print(const init::Draft& draft, const InitOptions& options) {
  for (const auto& note : draft.notes)
    print_error(fmt::format("warning: {}{}{}", note.place, note.place.empty() ? "" : ": ", note.text));
  if (!tells_owners(draft))
    print_error(
        fmt::format("warning: no resource is decided by whose it is, so every user gets all of them; if the "
                    "API's JSON says it, name the member with --owner, as in --owner {}",
                    draft.likely_owners.empty() ? "customer_id" : draft.likely_owners.front()));
  else
    warn_of_types_without_owner(draft);
  const bool here = options.folder == ".";
  print_text(
      fmt::format("wrote {}: {} routes of {} operations, {} types of resources\n"
                  "next: {}writ check, writ test, writ {}; README.md there says more",
                  options.folder, draft.routes.size(), draft.operations, draft.types.size(),
                  here ? "" : fmt::format("cd {}, then ", options.folder),
                  options.settings.issuer.empty() ? "dev" : "serve"));
}

// The first of the names that documents have, if it is here.
std::string usual_document() {
  for (const char* name : {"openapi.yaml", "openapi.yml", "openapi.json"})
    if (std::filesystem::is_regular_file(name)) return name;
  return {};
}

// What would be made of the document, to propose it. Nothing: it cannot be read, which is said later.
std::optional<init::Document> usual(const std::string& file) {
  files::Issues issues;
  return init::Document::read(file, issues);
}

Result<init::Draft> draft_with(const init::Document& document, const std::string& owner) {
  init::Settings settings;
  settings.owner = owner;
  return init::make_draft(init::read_operations(document, owner), settings);
}

// Where document or folder is missing, a person is asked for all that no flag says. False: there is no
// answer.
bool ask_for_rest(InitOptions& options) {
  auto& settings = options.settings;
  const auto take = [](std::string& place, const Prompt& question) {
    if (!place.empty()) return true;
    auto answer = ask(question);
    if (answer) place = *std::move(answer);
    return answer.has_value();
  };
  const auto there = [](const std::string& file) {
    return std::filesystem::is_regular_file(file) ? std::optional<std::string>()
                                                  : std::optional(fmt::format("there is no file `{}`", file));
  };
  const auto is_name = [](const std::string& name) -> std::optional<std::string> {
    if (init::slug(name) == name) return std::nullopt;
    return fmt::format("`{}` is not an API's id; use small letters, digits and `-`, as in `orders`", name);
  };
  const auto is_url = [](const std::string& url) -> std::optional<std::string> {
    if (url.starts_with("https://") || url.starts_with("http://")) return std::nullopt;
    return fmt::format("`{}` is not a URL; an issuer looks like https://login.example.com/realms/shop", url);
  };
  if (!take(options.document,
            {.what = "The OpenAPI document", .otherwise = usual_document(), .wrong = there}))
    return false;
  const auto document = usual(options.document);
  const auto draft = document ? draft_with(*document, settings.owner) : failure(ErrorCode::kInvalid, "");
  const auto tells_it = [&](const std::string& owner) -> std::optional<std::string> {
    const auto with = draft_with(*document, owner);
    return with ? std::nullopt : std::optional(with.error().message);
  };
  // Otherwise the document says it.
  if (draft && !tells_owners(*draft) && settings.owner.empty() &&
      !take(settings.owner, {.what = "What names the owner of a resource in the API's answers",
                             .otherwise = {},
                             .about = "none: nothing is decided by it",
                             .needed = false,
                             .wrong = tells_it}))
    return false;
  const auto name = draft ? draft->api : std::string();
  return take(settings.name, {.what = "The API's id", .otherwise = name, .wrong = is_name}) &&
         take(settings.issuer, {.what = "Your identity provider, as its issuer's URL",
                                .otherwise = {},
                                .about = "none: a key pair for trying",
                                .needed = false,
                                .wrong = is_url}) &&
         take(options.folder, {.what = "The folder to write", .otherwise = settings.name});
}

int make(InitOptions& options) {
  if (options.document.empty() || options.folder.empty()) {
    if (!may_ask())
      return fail("`writ init` needs a document and a folder, for example: writ init openapi.yaml orders");
    if (!ask_for_rest(options)) return kBroken;
  }
  files::Issues issues;
  const auto document = init::Document::read(options.document, issues);
  if (!document) return broken(issues);
  const auto draft =
      init::make_draft(init::read_operations(*document, options.settings.owner), options.settings);
  if (!draft) return fail(draft.error());
  const auto credentials = init::make_credentials(draft->settings.issuer.empty());
  if (!credentials) return fail(credentials.error());
  const auto files = init::render(*draft, *credentials);
  const auto written = init::write_folder(
      options.folder, files, options.force ? init::Overwrite::kWhatInitWrites : init::Overwrite::kNever);
  if (!written) return fail(written.error());
  // Whatever the document was, what was written must be good. A setting can be at fault: a listener, an
  // issuer.
  const auto loaded = policy::load(std::filesystem::path(options.folder) / "writ.yaml", issues);
  if (!loaded) {
    broken(issues);
    return fail(
        fmt::format("`{}` was written, and is not right yet: correct it there, or run this again with "
                    "--force and other options",
                    options.folder));
  }
  if (options.json) {
    print_json(init_report(*draft, files));
  } else {
    print(*draft, options);
  }
  return kYes;
}

}  // namespace

void add_init(Command& program) {
  auto options = std::make_shared<InitOptions>();
  auto& settings = options->settings;
  auto& command = program.add("init", "make a first configuration of an OpenAPI document");
  command.option("document", options->document,
                 "the OpenAPI document, 3.0 or 3.1, JSON or YAML; asked for on a terminal");
  command.option("folder", options->folder, "where to write; made if it is not there");
  command.option(
      "--issuer", settings.issuer,
      "your identity provider, whose tokens say who the users are; without it, a key pair for trying");
  command.option("--name", settings.name, "the API's id; without it, the document's title");
  command.option("--audience", settings.audience,
                 "what tokens for the API are for; without it, its first server");
  command.option("--upstream", settings.upstream, "where the API is; without it, its first server");
  command.option("--owner", settings.owner,
                 "what names the owner of a resource in the API's JSON, for example customer_id; without it, "
                 "owner, user and the like are looked for");
  command.option("--user", settings.user, "an example user").shows_default();
  command.option("--app", settings.app, "the application that serves users").shows_default();
  command.option("--agent", settings.agent, "an agent that it hands work to").shows_default();
  command.option("--purpose", settings.purpose, "what they act for").shows_default();
  command.option("--listen", settings.api_listen, "where Writ listens").shows_default();
  command.option("--listen-gateway", settings.gateway_listen, "where the gateway listens").shows_default();
  command.flag("--force", options->force, "write over files that an earlier `writ init` wrote");
  command.flag("--json", options->json, "print JSON");
  command.runs([options] { return make(*options); });
}

}  // namespace writ::cli
