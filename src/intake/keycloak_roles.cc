#include "intake/keycloak_roles.h"

#include <fmt/format.h>
#include <set>

namespace writ::intake {
namespace {

std::string realm_role(std::string_view role) {
  return fmt::format("realm role {}", role);
}

std::string client_role(std::string_view role, std::string_view client) {
  return fmt::format("role {} of client {}", role, client);
}

// The roles of clients under a member: {"billing": ["reader"]}.
void add_client_roles(const ExportNode& entry, std::string_view member, std::vector<std::string>& names) {
  entry.each_member(member, [&](std::string_view client, const ExportNode& roles) {
    const auto* list = roles.json().if_array();
    if (list == nullptr) return roles.wrong("must be a list");
    for (const auto& role : *list) {
      if (const auto* name = role.if_string()) names.push_back(client_role(*name, client));
    }
  });
}

}  // namespace

KeycloakRoles::Names KeycloakRoles::named_by(const ExportNode& entry) {
  Names names;
  for (const auto& role : entry.texts("realmRoles")) names.push_back(realm_role(role));
  add_client_roles(entry, "clientRoles", names);
  return names;
}

void KeycloakRoles::read_role(const ExportNode& role, std::string name) {
  const auto composites = role.object("composites");
  if (!composites) return;
  Names& with = composites_[std::move(name)];
  for (const auto& each : composites->texts("realm")) with.push_back(realm_role(each));
  add_client_roles(*composites, "client", with);
}

void KeycloakRoles::read_group(const ExportNode& group, const std::string& above, const Names& from_above) {
  const auto name = group.required("name");
  if (!name) return;
  const auto path = group.text("path").value_or(fmt::format("{}/{}", above, *name));
  Names names = named_by(group);
  names.insert(names.end(), from_above.begin(), from_above.end());
  group.each("subGroups", [&](const ExportNode& sub) { read_group(sub, path, names); });
  groups_[path] = std::move(names);
}

void KeycloakRoles::read(const ExportNode& realm) {
  if (const auto roles = realm.object("roles")) {
    roles->each("realm", [&](const ExportNode& role) {
      if (const auto name = role.required("name")) read_role(role, realm_role(*name));
    });
    roles->each_member("client", [&](std::string_view client, const ExportNode& list) {
      list.each_item([&](const ExportNode& role) {
        if (const auto name = role.required("name")) read_role(role, client_role(*name, client));
      });
    });
  }
  realm.each("groups", [&](const ExportNode& group) { read_group(group, {}, {}); });
}

std::vector<std::string> KeycloakRoles::given_by(const ExportNode& entry) const {
  std::vector<std::string> given;
  std::set<std::string> seen;
  struct Step {
    std::string role, by;
  };
  std::vector<Step> ahead;
  const auto add = [&](const std::string& role, const std::string& by) {
    if (!seen.insert(role).second) return;
    given.push_back(by.empty() ? role : fmt::format("{}, by {}", role, by));
    ahead.push_back({role, by});
  };
  // What it has itself goes first, so that nothing is told of it as if it came from elsewhere.
  for (const auto& role : named_by(entry)) add(role, {});
  for (const auto& group : entry.texts("groups")) {
    given.push_back("member of group " + group);
    const auto found = groups_.find(group);
    if (found == groups_.end()) continue;
    for (const auto& role : found->second) add(role, "group " + group);
  }
  for (std::size_t at = 0; at < ahead.size(); ++at) {
    const Step step = ahead[at];
    const auto found = composites_.find(step.role);
    if (found == composites_.end()) continue;
    for (const auto& role : found->second) add(role, step.role);
  }
  return given;
}

}  // namespace writ::intake
