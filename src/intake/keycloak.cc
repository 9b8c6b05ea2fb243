// A realm as Keycloak exports it (`kc.sh export`, or "Partial export" with clients): RealmRepresentation of
// its Admin REST API, https://www.keycloak.org/docs-api/latest/rest-api/#RealmRepresentation. Either one
// realm, or a list of them. Roles of a client's service account stand at the user with
// `serviceAccountClientId`, which may be in a file of users of its own.
#include <deque>
#include <fmt/format.h>
#include <map>
#include <set>

#include "intake/keycloak_roles.h"
#include "intake/node.h"

namespace writ::intake {
namespace {

using inventory::Credential;
using inventory::CredentialType;
using inventory::Kind;

std::string native_of(std::string_view realm, std::string_view name) {
  return fmt::format("{}/{}", realm, name);
}

// Anybody who may register a client chooses its name, and must not take a user's.
std::string native_of_client(std::string_view realm, std::string_view client) {
  const bool looks_like_another = client.starts_with("users/") || client.starts_with("clients/");
  return native_of(realm, (looks_like_another ? "clients/" : "") + std::string(client));
}

void read_credentials(const ExportNode& client, Found& found) {
  if (client.flag("publicClient", false)) return;
  const auto how = client.text("clientAuthenticatorType").value_or("");
  Credential credential{.type = CredentialType::kUnknown};
  if (how == "client-secret" || how == "client-secret-jwt") {
    credential.type = CredentialType::kSecret;
    credential.strength = "shared secret";
    if (const auto attributes = client.object("attributes")) {
      credential.created_at = attributes->seconds("client.secret.creation.time");
      credential.expires_at = attributes->seconds("client.secret.expiration.time");
    }
  } else if (how == "client-jwt") {
    credential.type = CredentialType::kKey;
  } else if (how == "client-x509") {
    credential.type = CredentialType::kCertificate;
  } else if (how == "federated-jwt") {
    credential.type = CredentialType::kFederation;
  }
  if (!how.empty()) found.credentials.push_back(std::move(credential));
}

// What the clients of all files are, before users are read.
struct RealmClients {
  std::set<std::string> calling_nothing;
};

void read_client(const ExportNode& client, const std::string& realm, RealmClients& clients,
                 Findings& findings) {
  const auto id = client.required("clientId");
  if (!id) return;
  // It only checks tokens, and never gets one.
  if (client.flag("bearerOnly", false)) {
    clients.calling_nothing.insert(native_of_client(realm, *id));
    return findings.leave_out("clients with `bearerOnly`, which call nothing");
  }
  const bool service = client.flag("serviceAccountsEnabled", false);
  const bool logs_in = client.flag("standardFlowEnabled", true) ||
                       client.flag("implicitFlowEnabled", false) ||
                       client.flag("directAccessGrantsEnabled", false);
  Found found{.native = native_of_client(realm, *id),
              .kind = service && !logs_in ? Kind::kService : Kind::kApplication,
              .kind_by = service && !logs_in ? "serviceAccountsEnabled, and no flow of users"
                                             : "a client that users log in with",
              .file = client.file().name};
  found.name = client.text("name").value_or(*id);
  found.description = client.text("description");
  found.enabled = client.flag("enabled", true);
  found.tenant = realm;
  read_credentials(client, found);
  for (const auto& scope : client.texts("defaultClientScopes")) found.grants.push_back("scope " + scope);
  for (const auto& scope : client.texts("optionalClientScopes"))
    found.grants.push_back("scope " + scope + " (optional)");
  if (client.flag("fullScopeAllowed", false)) found.grants.emplace_back("all roles of its users");
  found.aliases.push_back("client:" + *id);
  findings.add(std::move(found));
}

void add_roles(const ExportNode& user, const KeycloakRoles& roles, Found& found) {
  for (auto& given : roles.given_by(user)) found.grants.push_back(std::move(given));
}

// Which roles of its users a client's tokens may carry, where that is not all of them.
void read_scope_mappings(const ExportNode& realm, const std::string& name, Findings& findings) {
  const auto read = [&](const ExportNode& mapping, std::string_view of) {
    const auto client = mapping.text("client");
    Found* found = client ? findings.find(native_of_client(name, *client)) : nullptr;
    if (found == nullptr) return;
    for (const auto& role : mapping.texts("roles"))
      found->grants.push_back(fmt::format("role {}{} of its users", role, of));
  };
  realm.each("scopeMappings", [&](const ExportNode& mapping) { read(mapping, ""); });
  realm.each_member("clientScopeMappings", [&](std::string_view client, const ExportNode& mappings) {
    mappings.each_item(
        [&](const ExportNode& mapping) { read(mapping, fmt::format(" of client {}", client)); });
  });
}

void read_user(const ExportNode& user, const std::string& realm, const KeycloakRoles& roles,
               const RealmClients& clients, Findings& findings) {
  const auto name = user.required("username");
  if (!name) return;
  if (const auto client = user.text("serviceAccountClientId")) {
    if (Found* found = findings.find(native_of_client(realm, *client))) {
      add_roles(user, roles, *found);
      if (!found->created_at) found->created_at = user.milliseconds("createdTimestamp");
      return;
    }
    if (clients.calling_nothing.contains(native_of_client(realm, *client)))
      return findings.leave_out("service accounts of clients with `bearerOnly`");
    return user.wrong(
        fmt::format("is the service account of client `{}`, which is not in the export", *client),
        "export the realm with its clients");
  }
  Found found{.native = native_of(realm, "users/" + user.text("id").value_or(*name)),
              .kind = Kind::kUser,
              .kind_by = "a user of the realm",
              .file = user.file().name};
  found.name = *name;
  found.enabled = user.flag("enabled", true);
  found.tenant = realm;
  found.created_at = user.milliseconds("createdTimestamp");
  add_roles(user, roles, found);
  found.aliases.push_back("user:" + *name);
  if (const auto email = user.text("email")) found.aliases.push_back("user:" + *email);
  findings.add(std::move(found));
}

std::optional<std::string> realm_name(const ExportNode& realm) {
  auto name = realm.text("realm");
  if (name && (realm.has("clients") || realm.has("users") || realm.has("federatedUsers"))) return name;
  realm.wrong("is not a realm of Keycloak: it has no `realm` with `clients` or `users`",
              "export it with `kc.sh export --realm NAME`");
  return std::nullopt;
}

}  // namespace

void read_keycloak(const std::vector<File>& files, Findings& findings) {
  std::deque<codec::Json> trees;
  std::vector<ExportNode> roots;
  for (const File& file : files) {
    auto json = parse_export(file, findings.issues());
    if (json) roots.emplace_back(trees.emplace_back(*std::move(json)), file, findings.issues());
  }
  const auto each_realm = [&](auto visit) {
    for (const ExportNode& root : roots) {
      if (root.json().is_array()) {
        root.each_item(visit);
      } else {
        visit(root);
      }
    }
  };
  // Users refer to clients, and their file may be the first one.
  RealmClients clients;
  std::map<std::string, KeycloakRoles> roles;  // by realm
  each_realm([&](const ExportNode& realm) {
    const auto name = realm_name(realm);
    if (!name) return;
    roles[*name].read(realm);
    realm.each("clients", [&](const ExportNode& client) { read_client(client, *name, clients, findings); });
  });
  if (findings.issues().has_errors()) return;
  each_realm([&](const ExportNode& realm) {
    const auto name = *realm_name(realm);
    read_scope_mappings(realm, name, findings);
    realm.each("users",
               [&](const ExportNode& user) { read_user(user, name, roles[name], clients, findings); });
    realm.each("federatedUsers", [&](const ExportNode&) {
      findings.leave_out("users of other stores, of whom it knows the roles alone");
    });
  });
}

}  // namespace writ::intake
