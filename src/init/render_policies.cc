#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "init/render.h"
#include "init/text.h"

namespace writ::init {
namespace {

std::string group_list(const Draft& draft) {
  std::vector<std::string> groups;
  for (const Deed deed : kDeeds)
    if (draft.has(deed))
      groups.push_back(fmt::format("{}::Action::\"{}\"", draft.name_space, group_of(deed)));
  return fmt::format("[{}]", fmt::join(groups, ", "));
}

// What an agent may do for a start: reads, or what there is.
std::string_view agents_group(const Draft& draft) {
  for (const Deed deed : kDeeds)
    if (draft.has(deed)) return group_of(deed);
  return {};
}

constexpr std::string_view kPolicies =
    R"(// Who may do what at {title}. A request passes when EVERY party to it is permitted: the user it is for, the
// application that sends it, and each agent in between. So each kind of party has its own rules here.
// `Action::"any-read"` is every action of the kind; `Action::"{action}"` is one of them.

// Users: what the application asks for them. {whose}
//   && resource has owner && resource.owner == principal
@id("users-use-{api}")
permit (
  principal is Writ::User,
  action in {groups},
  resource
)
when {{ context has application }}{unless};
{own}
// The application serves users, for this purpose and for no other.
@id("{app}-serves-users")
permit (
  principal == Writ::Application::"{app}",
  action in {groups},
  resource
)
when {{ context has user && context has purpose && context.purpose == "{purpose}" }};

// The agent reads for a user, inside a task. Name single actions to let it do more.
@id("{agent}-works-inside-a-task")
permit (
  principal == Writ::Agent::"{agent}",
  action in [{name_space}::Action::"{agents}"],
  resource
)
when {{ context has user && context has task }};
)";

constexpr std::string_view kOwn =
    R"(// Writ itself: who gets tokens, who may hand work to the agent, and who opens tasks. These are decisions like any
// other: every party to the request is asked.

@id("users-are-served")
permit (principal is Writ::User, action == Writ::Action::"issue", resource is Writ::Api);

@id("{app}-gets-tokens")
permit (
  principal == Writ::Application::"{app}",
  action == Writ::Action::"issue",
  resource is Writ::Api
)
when {{ [Writ::Api::"{api}", Writ::Api::"writ"].contains(resource) }};

@id("{agent}-gets-tokens")
permit (
  principal == Writ::Agent::"{agent}",
  action == Writ::Action::"issue",
  resource == Writ::Api::"{api}"
)
when {{ context has user }};

@id("work-goes-to-{agent}")
permit (principal, action == Writ::Action::"delegate", resource == Writ::Agent::"{agent}")
when {{
  (principal is Writ::User || principal == Writ::Agent::"{agent}" || principal == Writ::Application::"{app}") &&
  context has user
}};

// A user and the application together open, see and end tasks of that user.
@id("users-manage-tasks-for-themselves")
permit (
  principal is Writ::User,
  action in [Writ::Action::"manage-tasks", Writ::Action::"read-tasks"],
  resource is Writ::Task
)
when {{ resource has subject && resource.subject == principal }};

@id("{app}-manages-its-tasks")
permit (
  principal == Writ::Application::"{app}",
  action in [Writ::Action::"manage-tasks", Writ::Action::"read-tasks"],
  resource is Writ::Task
)
when {{ context has user && resource has client && resource.client == "{app}" }};
)";

constexpr std::string_view kOwnResources = R"(
// Users: whose it is, the API says itself: in its answer, or when Writ reads the resource, or what it stands in,
// before (`decide` in writ.yaml). Nobody else gets it, and nobody else changes it. Where a request creates something, its body says
// for whom: nobody creates for somebody else.
@id("users-use-their-own-in-{api}")
permit (
  principal is Writ::User,
  action in [{actions}],
  resource
)
when {{ context has application && resource has owner && resource.owner == principal }};
)";

// The actions of which an answer says whose the resource is.
std::string owned_actions(const Draft& draft) {
  std::vector<std::string> actions;
  for (const auto& route : draft.routes)
    if (route.says_whose())
      actions.push_back(fmt::format("{}::Action::{}", draft.name_space, cedar_text(route.action)));
  return fmt::format("{}", fmt::join(actions, ", "));
}

}  // namespace

std::string render_policies(const Draft& draft) {
  const Settings& settings = draft.settings;
  const auto owned = owned_actions(draft);
  const std::string_view whose =
      owned.empty()
          ? "Nothing here says whose a resource is. When Writ knows it\n"
            "// (resources with `owner`, in entities.json for example), add to the `when`:"
          : "The next policy is about what has an owner; here is the rest.\n"
            "// Where Writ knows the owner of that too (entities that are pushed), add to the `when`:";
  return fmt::format(
      kPolicies, fmt::arg("whose", whose),
      fmt::arg("unless", owned.empty() ? "" : fmt::format("\nunless {{ [{}].contains(action) }}", owned)),
      fmt::arg("own", owned.empty() ? ""
                                    : fmt::format(kOwnResources, fmt::arg("api", draft.api),
                                                  fmt::arg("actions", owned))),
      fmt::arg("title", draft.title.empty() ? draft.api : shown(draft.title, 60)),
      fmt::arg("action", first_example(draft).route->action), fmt::arg("api", draft.api),
      fmt::arg("groups", group_list(draft)), fmt::arg("app", settings.app),
      fmt::arg("purpose", settings.purpose), fmt::arg("agent", settings.agent),
      fmt::arg("name_space", draft.name_space), fmt::arg("agents", agents_group(draft)));
}

std::string render_own_policies(const Draft& draft) {
  return fmt::format(kOwn, fmt::arg("app", draft.settings.app), fmt::arg("agent", draft.settings.agent),
                     fmt::arg("api", draft.api));
}

std::string render_schema(const Draft& draft) {
  auto out = fmt::format(
      "// What {} has, and what can be done with it. Writ's own types are in its base schema: `writ "
      "schema`.\n"
      "namespace {} {{\n",
      draft.title.empty() ? draft.api : shown(draft.title, 60), draft.name_space);
  for (const auto& type : draft.types)
    out += fmt::format("  entity {} = {{ tenant?: String, owner?: Writ::User }};\n", type);
  out += "\n";
  for (const Deed deed : kDeeds)
    if (draft.has(deed)) out += fmt::format("  action \"{}\";\n", group_of(deed));
  // Together what applies to one type in one way.
  std::map<std::pair<std::string, Deed>, std::vector<std::string>> actions;
  for (const auto& route : draft.routes)
    actions[{route.type, route.deed}].push_back(cedar_text(route.action));
  for (const auto& [kind, names] : actions)
    out += fmt::format(
        "\n  action {} in [\"{}\"] appliesTo {{\n"
        "    principal: [Writ::User, Writ::Application, Writ::Service, Writ::Agent],\n"
        "    resource: {},\n    context: Writ::Context\n  }};\n",
        fmt::join(names, ", "), group_of(kind.second), kind.first);
  return out + "}\n";
}

std::string render_entities(const Draft& draft) {
  const auto example = first_example(draft);
  const auto id = example.resource.substr(example.resource.find("::\"") + 2);
  using codec::Json;
  auto owner =
      Json::object({{"__entity", Json::object({{"type", "Writ::User"}, {"id", draft.settings.user}})}});
  const auto told = codec::parse_json(id);
  auto entity = Json::object(
      {{"uid", Json::object({{"type", draft.name_space + "::" + example.route->type},
                             {"id", told && told->if_string() != nullptr ? *told->if_string() : ""}})},
       {"attrs", Json::object({{"owner", std::move(owner)}})},
       {"parents", Json::array()}});
  auto all = Json::array();
  // What an answer says would not count beside it.
  if (told && !example.route->parameters.empty() && !draft.tells_owner(example.route->type))
    all.push(std::move(entity));
  return all.pretty() + "\n";
}

}  // namespace writ::init
