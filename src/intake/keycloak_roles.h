// KeycloakRoles: which roles come with which in a realm. A composite role has others
// (RoleRepresentation.composites), and a group has roles for its members (GroupRepresentation, with its
// `subGroups`, which have their parents' roles too).
//
// What comes along is told with where it comes from, so that people find it: "realm role auditor, by realm
// role default-roles-acme". One thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "intake/node.h"

namespace writ::intake {

class KeycloakRoles {
 public:
  // The roles and groups of a realm. More than one file may tell of it.
  void read(const ExportNode& realm);
  // What a user, or a group, is given directly: `realmRoles`, `clientRoles` and `groups`, and all that comes
  // with them. In order, each once.
  std::vector<std::string> given_by(const ExportNode& entry) const;

 private:
  using Names = std::vector<std::string>;  // "realm role auditor", "role reader of client billing"

  static Names named_by(const ExportNode& entry);
  void read_role(const ExportNode& role, std::string name);
  void read_group(const ExportNode& group, const std::string& above, const Names& from_above);

  std::map<std::string, Names, std::less<>> composites_;  // by role
  std::map<std::string, Names, std::less<>> groups_;      // by path: "/staff/finance"
};

}  // namespace writ::intake
