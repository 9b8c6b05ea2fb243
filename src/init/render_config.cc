#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "init/render.h"
#include "init/text.h"

namespace writ::init {
namespace {

// What its API's own answer says of the resource, or of each in a list; or what it says before.
std::string on_answer(const Draft& draft, const PlannedRoute& route) {
  const auto& answer = *route.on_answer;
  auto text = std::string(answer.read.empty() ? ", decide: on response" : ", decide: on read");
  if (!answer.read.empty() && answer.read != route.path) text += fmt::format(", read: {}", yaml(answer.read));
  if (!answer.id.empty()) text += fmt::format(", id: {}", yaml(answer.id));
  if (answer.elements)
    text += fmt::format(", elements: {}, each: {{action: {}, resource: {}}}", yaml(*answer.elements),
                        yaml(answer.action), yaml(fmt::format("{}::{}", draft.name_space, answer.type)));
  return text;
}

// One line of routes. What else a route says of its request is added here.
std::string route_line(const Draft& draft, const PlannedRoute& route) {
  const auto resource = fmt::format("{}::{}::{}", draft.name_space, route.type, cedar_text(route.id));
  auto line = fmt::format("        - {{method: {}, path: {}, action: {}, resource: {}", route.method,
                          yaml(route.path), yaml(route.action), yaml(resource));
  auto attributes = route.attributes;
  if (route.on_answer) {
    line += on_answer(draft, route);
    attributes.emplace_back("owner", "answer " + route.on_answer->owner);
  }
  if (route.streams) line += ", stream: true";
  if (!attributes.empty() || !route.owner_in_body.empty()) {
    std::vector<std::string> each;
    if (!route.owner_in_body.empty())
      each.push_back(
          fmt::format("owner: {{from: {}, type: Writ::User}}", yaml("body " + route.owner_in_body)));
    for (const auto& [name, text] : attributes) each.push_back(fmt::format("{}: {}", name, yaml(text)));
    line += fmt::format(", attributes: {{{}}}", fmt::join(each, ", "));
  }
  if (route.query) {
    std::vector<std::string> names;
    for (const auto& name : *route.query) names.push_back(yaml(name));
    line += fmt::format(", query: [{}]", fmt::join(names, ", "));
  }
  line += "}";
  if (!route.scopes.empty()) {
    std::vector<std::string> scopes;
    for (const auto& scope : route.scopes) scopes.push_back(shown(scope));
    line += fmt::format(" # scopes: {}", shown(fmt::format("{}", fmt::join(scopes, " ")), 200));
  }
  return line + "\n";
}

constexpr std::string_view kTop = R"(# yaml-language-server: $schema=writ.schema.json
# {title}, guarded by Writ. `writ init` made this file; now it is yours.
# docs/configuration.md describes every key, and `writ check` says what is wrong.
version: 1
issuer: {issuer} # Writ's own name, and where callers reach its token service

listen:
  api: {api_listen} # tokens, tasks, health
  gateway: {gateway_listen} # where callers reach the API

data: data # the database and the audit log

)";

constexpr std::string_view kRest = R"(
policies:
  files: [policies]
  schemas: [schema.cedarschema]
  entities: entities.json
  watch: true # take over what changes, if `writ check` finds nothing wrong with it

inventory:
  identities:
    # Users need not be listed: whom the provider knows is a user.
    - {{id: {user}, kind: user}}

    # An application that serves users who signed in to it. Name yours in its place, with a secret of its own:
    # `writ keys hash --new` makes one.
    - id: {app}
      kind: application
      acts_for: [users]
      purposes: [{purpose}]
      secret_hash: "{hash}"

    # An AI agent that this application may hand work to. It does nothing without a task.
    - id: {agent}
      kind: agent
      acts_for: [{app}]
      purposes: [{purpose}]
      jwks_file: dev/{agent}.jwks.json

  apis:
    - id: {api}
      audience: {audience}
      namespace: {name_space}
      upstream: {upstream}
)";

std::string issuers_of(const Draft& draft) {
  if (!draft.settings.issuer.empty())
    return fmt::format(
        "# Whose tokens say who the users are. Writ fetches the keys.\ntrusted_issuers:\n  - issuer: {}\n",
        yaml(draft.settings.issuer));
  return fmt::format(
      "# Who the users are, a key pair in dev/ says. It is for trying: put your identity provider in its "
      "place,\n"
      "# for example `- issuer: https://login.example.com`. Writ fetches its keys.\n"
      "trusted_issuers:\n  - issuer: {}\n    jwks_file: dev/issuer.jwks.json\n",
      kDevIssuer);
}

}  // namespace

std::string render_config(const Draft& draft, const Credentials& credentials) {
  const Settings& settings = draft.settings;
  auto out = fmt::format(kTop, fmt::arg("title", draft.title.empty() ? draft.api : shown(draft.title)),
                         fmt::arg("issuer", yaml("http://" + settings.api_listen)),
                         fmt::arg("api_listen", yaml(settings.api_listen)),
                         fmt::arg("gateway_listen", yaml(settings.gateway_listen)));
  out += issuers_of(draft);
  out += fmt::format(kRest, fmt::arg("user", yaml(settings.user)), fmt::arg("app", settings.app),
                     fmt::arg("agent", settings.agent), fmt::arg("purpose", settings.purpose),
                     fmt::arg("hash", credentials.app_secret_hash), fmt::arg("api", yaml(draft.api)),
                     fmt::arg("audience", yaml(settings.audience)), fmt::arg("name_space", draft.name_space),
                     fmt::arg("upstream", yaml(settings.upstream)));
  if (!draft.forward_headers.empty()) {
    std::vector<std::string> names;
    for (const auto& name : draft.forward_headers) names.push_back(yaml(name));
    out += fmt::format(
        "      # Header fields that the document names, beside the standard ones.\n"
        "      forward_headers: [{}]\n",
        fmt::join(names, ", "));
  }
  out += "      actions:\n";
  for (const auto& route : draft.routes) out += fmt::format("        - {}\n", yaml(route.action));
  out += "      # What is not here is answered 404, and what a route's `query` does not name is refused.\n";
  if (const auto told = draft.of_numbers(); !told.empty()) out += fmt::format("      # {}.\n", told);
  if (std::ranges::any_of(draft.routes, [](const auto& r) { return r.on_answer && r.on_answer->of_parent; }))
    out +=
        "      # Where `read` is of what a resource stands in, that one's owner is its owner. So the API "
        "must look\n"
        "      # for `/orders/1/items/7` among the items of order 1 alone.\n";
  out += "      routes:\n";
  for (const auto& route : draft.routes) out += route_line(draft, route);
  return out;
}

}  // namespace writ::init
