#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ranges>
#include <set>

#include "codec/json_pointer.h"
#include "init/render.h"
#include "init/text.h"

namespace writ::init {
namespace {

constexpr std::size_t kMostRows = 20;

std::string request_of(const Example& example) {
  return fmt::format("{} {}", example.route->method, example.path);
}

std::string party(const char* type, std::string_view id) {
  return yaml(cedar_entity(type, id));
}

constexpr std::string_view kHead =
    R"(# Tests of the policies: `writ test` runs them. They say what must be permitted and, more important, what must not.
version: 1
now: 2026-03-02T09:00:00Z

fixtures:
  identities:
    # No policy names it.
    - {{id: other-app, kind: application, acts_for: [users], purposes: [{purpose}]}}{entities}
  tasks:
    work:
      purpose: {purpose}
      subject: {user}
      client: {app}
      agents: [{agent}]
      actions: [{action}]
      resources: [{resource}]
      expires_in_seconds: 600{tenant_of_task}

defaults:
  token: {{sub: {user}, client_id: {app}, purpose: {purpose}{tenant}}}
  request: {request}

tests:
  - name: the application serves its user
    expect: permit
)";

constexpr std::string_view kAbnormal = R"(
  # Authenticated, and wrong.
  - name: no token
    token: none
    expect: token_missing
  - name: the right user through another application
    token: {{client_id: other-app}}
    expect: {{outcome: policy_no_permit, party: {other}}}
  - name: for another purpose
    token: {{purpose: marketing}}
    expect: {{outcome: purpose_mismatch, refused: [{the_app}]}}
  - name: for no purpose
    token: {{purpose: null}}
    expect: {{outcome: policy_no_permit, party: {the_app}}}
  - name: the application for itself
    token: {{sub: {app}}}
    expect: {{outcome: policy_no_permit, party: {the_app}}}
  - name: where no route leads
    request: GET /no/such/path/of/this/api
    expect: not_found

  - name: the agent inside its task
    token: {{client_id: {agent}, act: [{agent}, {app}], task: work}}
    expect: permit
  - name: the agent without a task
    token: {{client_id: {agent}, act: [{agent}, {app}]}}
    expect: task_missing
  - name: the agent after the task's end
    token: {{client_id: {agent}, act: [{agent}, {app}], task: work}}
    steps:
      - {{expect: permit}}
      - {{at: +11m, expect: task_expired}}
      - {{end_task: work}}
      - {{expect: task_ended}}
)";

// One action for each type and kind of deed of which an answer says whose the resource is: on a resource of
// the user, and on one of somebody else.
struct Owned {
  Example own, other;
};

std::vector<Owned> owned(const Draft& draft) {
  std::vector<Owned> all;
  std::set<std::pair<std::string, Deed>> seen;
  for (const auto& route : draft.routes) {
    if (all.size() == kMostRows) break;
    if (!route.on_answer || route.on_answer->elements) continue;
    if (!seen.emplace(route.type, route.deed).second) continue;
    Owned pair{example_of(draft, route, "1"), example_of(draft, route, "2")};
    if (pair.own.resource != pair.other.resource) all.push_back(std::move(pair));
  }
  return all;
}

// What the API would answer.
std::string answers(const Draft& draft) {
  std::string out;
  std::set<std::string> seen;
  const auto add = [&](const Example& example, std::string_view owner) {
    if (!seen.insert(example.resource).second) return;
    out += fmt::format(
        "    - {{uid: {}, attrs: {{owner: {{__entity: {{type: Writ::User, id: {}}}}}}}, parents: []}}\n",
        yaml(example.resource), yaml(owner));
  };
  for (const auto& [own, other] : owned(draft)) {
    add(own, draft.settings.user);
    add(other, "somebody-else");
  }
  return out.empty() ? out
                     : "\n  # Whose they are, as the API would answer.\n  entities:\n" +
                           out.substr(0, out.size() - 1);
}

// One request for each type and kind of deed.
std::vector<Example> samples(const Draft& draft, const Example& first) {
  std::vector<Example> rows;
  std::set<std::pair<std::string, Deed>> seen{{first.route->type, first.route->deed}};
  for (const auto& route : draft.routes) {
    if (rows.size() == kMostRows) break;
    if (!route.owner_in_body.empty()) continue;
    if (seen.emplace(route.type, route.deed).second) rows.push_back(example_of(draft, route, "1"));
  }
  return rows;
}

// What is created for the user, for somebody else, and for nobody that is named.
std::string created(const Draft& draft) {
  std::string out;
  std::size_t count = 0;
  for (const auto& route : draft.routes) {
    if (route.owner_in_body.empty()) continue;
    if (++count > kMostRows) break;
    const auto request = yaml(request_of(example_of(draft, route, "1")));
    const auto names = codec::pointer_names(route.owner_in_body);
    const auto row = [&](std::string body, std::string_view expect) {
      for (const auto& name : names | std::views::reverse)
        if (!body.empty()) body = fmt::format("{{{}: {}}}", yaml(name), body);
      out += fmt::format("      - [{}, {}, {}]\n", request, body.empty() ? "{}" : body, expect);
    };
    row(yaml(draft.settings.user), "permit");
    row("somebody-else", "policy_no_permit");
    row("", "policy_no_permit");
  }
  return out.empty() ? out
                     : "  - name: what is created is the user's own\n    columns: [request, body, expect]\n"
                       "    rows:\n" +
                           out;
}

}  // namespace

std::string render_tests(const Draft& draft) {
  const Settings& settings = draft.settings;
  const auto first = first_example(draft);
  const auto tenant = example_tenant(draft);
  const auto user = yaml(settings.user);
  const auto action = yaml(cedar_entity(draft.name_space + "::Action", first.route->action));
  auto out = fmt::format(
      kHead, fmt::arg("purpose", settings.purpose), fmt::arg("user", user), fmt::arg("app", settings.app),
      fmt::arg("agent", settings.agent), fmt::arg("entities", answers(draft)), fmt::arg("action", action),
      fmt::arg("resource", yaml(first.resource)),
      fmt::arg("tenant_of_task", tenant.empty() ? "" : fmt::format("\n      tenant: {}", tenant)),
      fmt::arg("tenant", tenant.empty() ? "" : fmt::format(", tenant: {}", tenant)),
      fmt::arg("request", yaml(request_of(first))));
  if (const auto rows = samples(draft, first); !rows.empty()) {
    out += "  - name: each kind of resource\n    columns: [request, expect]\n    rows:\n";
    for (const auto& row : rows) out += fmt::format("      - [{}, permit]\n", yaml(request_of(row)));
  }
  out += created(draft);
  out += fmt::format(kAbnormal, fmt::arg("app", settings.app), fmt::arg("agent", settings.agent),
                     fmt::arg("other", party("Writ::Application", "other-app")),
                     fmt::arg("the_app", party("Writ::Application", settings.app)));
  if (const auto all = owned(draft); !all.empty()) {
    out += "  - name: what is somebody else's\n    columns: [request, expect]\n    rows:\n";
    for (const auto& each : all)
      out += fmt::format("      - [{}, policy_no_permit]\n", yaml(request_of(each.other)));
  }
  if (const auto other = other_example(draft, first))
    out += fmt::format(
        "  - name: the agent outside its task\n"
        "    token: {{client_id: {}, act: [{}, {}], task: work}}\n    request: {}\n    expect: {}\n",
        settings.agent, settings.agent, settings.app, yaml(request_of(*other)),
        other->route == first.route ? "resource_not_in_task" : "action_not_in_task");
  return out;
}

}  // namespace writ::init
