#include "policy/base_schema.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "cedar/schema_syntax.h"
#include "context/vocabulary.h"

namespace writ::policy {
namespace {

constexpr std::string_view kName = "Writ";

constexpr std::string_view kBefore =
    R"(// What policies see of Writ itself. An API's own schema adds its resources and actions.
namespace Writ {
  // The parties to a request. Groups of theirs may stand in the entities file.
  entity Group in Group;
  entity User in Group = {
    tenant?: String,
    issuer?: String,
    roles?: Set<String>,
    groups?: Set<String>,
    scopes?: Set<String>,
    amr?: Set<String>
  };
  entity Application, Service in Group = {
    tenant?: String,
    environment?: String,
    owner?: User,
    purposes: Set<String>,
    provider?: String,
    model?: String,
    blueprint?: String,
    reviewedAt?: datetime,
    lastUsed?: datetime,
    workload?: Workload
  };
  entity Agent in Group = {
    tenant?: String,
    environment?: String,
    owner?: User,
    purposes: Set<String>,
    tools: Set<String>,
    provider?: String,
    model?: String,
    blueprint?: String,
    sponsor?: User,
    reviewedAt?: datetime,
    lastUsed?: datetime,
    workload?: Workload
  };
  // What a client's platform says of it, as far as the inventory wants it told.
  type Workload = {
    account?: String,
    email?: String,
    environment?: String,
    event?: String,
    namespace?: String,
    owner?: String,
    pod?: String,
    project?: String,
    ref?: String,
    repository?: String,
    serviceAccount?: String,
    subject?: String,
    workflow?: String
  };

  entity Api;
  // A type of entities that are pushed, by its name.
  entity EntityType = { tenant?: String };
  // A call that waits for somebody to approve it.
  entity Call = {
    api: String,
    action: String,
    resource: String,
    method: String,
    path: String,
    subject?: User,
    client: String,
    agents: Set<String>,
    task?: Task,
    purpose?: String,
    tenant?: String
  };
  entity Task = {
    purpose: String,
    labels: Set<String>,
    subject?: User,
    client?: String,
    agents: Set<String>,
    openedBy?: String,
    parent?: Task,
    approvalsNeeded?: Long,
    tenant?: String,
    environment?: String
  };

  type Context = {
)";

constexpr std::string_view kAfter = R"(  };

  // A token is asked for.
  action issue appliesTo {
    principal: [User, Application, Service, Agent],
    resource: Api,
    context: Context
  };

  // Writ's own API.
  action "manage-tasks", "request-tasks", "approve-tasks", "read-tasks" appliesTo {
    principal: [User, Application, Service, Agent],
    resource: [Task, Api],
    context: Context
  };
  action "approve-calls" appliesTo {
    principal: [User, Application, Service, Agent],
    resource: [Call, Api],
    context: Context
  };
  // Facts are pushed: entities of a type. What a source said of them is asked for anew.
  action "manage-entities", "read-entities", "forget-facts" appliesTo {
    principal: [User, Application, Service, Agent],
    resource: EntityType,
    context: Context
  };
  // Work is handed on to an agent.
  action delegate appliesTo {
    principal: [User, Application, Service, Agent],
    resource: Agent,
    context: Context
  };
  // A template is linked for somebody, or that is taken back.
  action "manage-grants" appliesTo {
    principal: [User, Application, Service, Agent],
    resource: [User, Application, Service, Agent, Api],
    context: Context
  };
  action "manage-inventory", "read-inventory", "manage-policies", "read-policies", "read-audit", "read-access", "read-posture", "manage-keys", "read-keys", "explain-decisions", evaluate appliesTo {
    principal: [User, Application, Service, Agent],
    resource: Api,
    context: Context
  };
}
)";

// Removes from a list what a list of the fragments declares too.
template <class Decl>
void remove_declared(std::vector<Decl>& list, const std::vector<Decl>& declared) {
  std::erase_if(list, [&](const Decl& decl) {
    return std::ranges::any_of(declared, [&](const Decl& other) {
      if constexpr (requires { decl.id; })
        return decl.id == other.id;
      else
        return decl.name == other.name;
    });
  });
}

}  // namespace

std::string_view base_schema_text() {
  static const std::string kText = base_schema_text(context::OwnPaths());
  return kText;
}

std::string base_schema_text(const context::OwnPaths& own) {
  return std::string(kBefore) + context::context_members(own) + std::string(kAfter);
}

cedar::SchemaFragment base_schema_beside(const std::vector<cedar::SchemaFragment>& fragments,
                                         const context::OwnPaths& own) {
  auto base = cedar::parse_schema_text(base_schema_text(own));
  WRIT_CHECK(base.has_value() && base->namespaces.size() == 1);
  cedar::NamespaceDecl& writ = base->namespaces.front();
  for (const cedar::SchemaFragment& fragment : fragments) {
    for (const cedar::NamespaceDecl& space : fragment.namespaces) {
      if (space.name != kName) continue;
      remove_declared(writ.common_types, space.common_types);
      remove_declared(writ.entity_types, space.entity_types);
      remove_declared(writ.actions, space.actions);
    }
  }
  return *std::move(base);
}

}  // namespace writ::policy
