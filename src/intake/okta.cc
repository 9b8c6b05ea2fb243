// Okta's management API (https://developer.okta.com/docs/api/): lists of applications (/api/v1/apps), API
// tokens
// (/api/v1/api-tokens) and AI agents (/workload-principals/api/v1/ai-agents). Each file is such a list, or an
// object with `data`.
#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <map>

#include "intake/node.h"

namespace writ::intake {
namespace {

using inventory::Credential;
using inventory::CredentialType;
using inventory::Kind;

using AppsByClient = std::map<std::string, std::string, std::less<>>;  // of a client id, the application

void read_app(const ExportNode& app, AppsByClient& clients, Findings& findings) {
  const auto id = app.required("id");
  if (!id) return;
  const auto settings = app.object("settings");
  const auto client = settings ? settings->object("oauthClient") : std::nullopt;
  const auto type = client ? client->text("application_type").value_or("") : "";
  const bool service = type == "service";
  Found found{.native = "apps/" + *id,
              .kind = service ? Kind::kService : Kind::kApplication,
              .kind_by = client ? fmt::format("application_type is {}", type)
                                : fmt::format("signOnMode is {}", app.text("signOnMode").value_or("unknown")),
              .file = app.file().name};
  found.name = app.text("label").value_or(app.text("name").value_or(*id));
  found.enabled = app.text("status").value_or("ACTIVE") == "ACTIVE";
  found.created_at = app.date("created");
  const auto credentials = app.object("credentials");
  const auto oauth = credentials ? credentials->object("oauthClient") : std::nullopt;
  if (oauth) {
    if (const auto client_id = oauth->text("client_id")) {
      found.aliases.push_back("client:" + *client_id);
      if (!clients.try_emplace(*client_id, found.native).second)
        app.wrong(fmt::format("has the client id `{}`, which another application has too", *client_id),
                  "export the applications again");
    }
    const auto how = oauth->text("token_endpoint_auth_method").value_or("");
    if (how == "private_key_jwt") {
      found.credentials.push_back({.type = CredentialType::kKey});
    } else if (how.starts_with("client_secret")) {
      found.credentials.push_back({.type = CredentialType::kSecret, .strength = "shared secret"});
    }
  }
  if (client) {
    for (const auto& grant : client->texts("grant_types")) found.grants.push_back("grant type " + grant);
  }
  findings.add(std::move(found));
}

// Of /api/v1/apps/{appId}/grants: a scope of Okta's own API that people gave it.
void read_grant(const ExportNode& grant, const AppsByClient& clients, Findings& findings) {
  const auto client = grant.required("clientId"), scope = grant.required("scopeId");
  if (!client || !scope) return;
  if (grant.text("status").value_or("ACTIVE") != "ACTIVE")
    return findings.leave_out("grants that were revoked");
  const auto native = clients.find(*client);
  Found* found = native != clients.end() ? findings.find(native->second) : nullptr;
  if (found == nullptr) return findings.leave_out("grants of applications that are not in the export");
  found->grants.push_back(fmt::format("scope {} of {}", *scope, grant.text("issuer").value_or("Okta")));
}

// A token acts with all the rights of the administrator that made it.
void read_token(const ExportNode& token, Findings& findings) {
  const auto id = token.required("id");
  if (!id) return;
  Found found{.native = "api-tokens/" + *id,
              .kind = Kind::kService,
              .kind_by = "an API token",
              .file = token.file().name};
  found.name = token.text("name").value_or(*id);
  found.owner = token.text("userId");
  found.created_at = token.date("created");
  Credential credential{.type = CredentialType::kToken, .id = *id, .strength = "bearer token"};
  credential.created_at = found.created_at;
  credential.expires_at = token.date("expiresAt");
  credential.bound = false;
  found.credentials.push_back(std::move(credential));
  found.last_used_at = token.date("lastUpdated");
  if (found.owner) found.grants.push_back("everything that user " + *found.owner + " may");
  findings.add(std::move(found));
}

void read_agent(const ExportNode& agent, Findings& findings) {
  const auto id = agent.required("id");
  if (!id) return;
  Found found{.native = "ai-agents/" + *id,
              .kind = Kind::kAgent,
              .kind_by = "an AI agent",
              .file = agent.file().name};
  const auto profile = agent.object("profile");
  found.name = profile ? profile->text("name").value_or(*id) : *id;
  if (profile) found.description = profile->text("description");
  found.enabled = agent.text("status").value_or("ACTIVE") == "ACTIVE";
  found.created_at = agent.date("created");
  agent.each("owners", [&](const ExportNode& owner) {
    if (!found.owner) found.owner = owner.text("id");
  });
  if (const auto app = agent.text("appId")) found.parent = "apps/" + *app;
  if (const auto orn = agent.text("orn")) found.aliases.push_back("orn:" + *orn);
  findings.add(std::move(found));
}

}  // namespace

void read_okta(const std::vector<File>& files, Findings& findings) {
  std::deque<codec::Json> trees;
  std::vector<ExportNode> roots;
  for (const File& file : files) {
    auto json = parse_export(file, findings.issues());
    if (json) roots.emplace_back(trees.emplace_back(*std::move(json)), file, findings.issues());
  }
  const auto each = [&](auto visit) {
    for (const ExportNode& root : roots) {
      if (root.json().is_array()) {
        root.each_item(visit);
      } else {
        root.each("data", visit);
      }
    }
  };
  for (const ExportNode& root : roots) {
    if (root.json().is_array()) continue;
    const auto links = root.object("_links");
    if (!root.has("data")) root.wrong("is not a list of Okta's", "expected a list, or an object with `data`");
    if (links && links->has("next"))
      root.wrong("is one page of several: `_links` has `next`", "follow it to the end, and give all pages");
  }
  const auto is_grant = [](const ExportNode& entry) { return entry.has("scopeId") && entry.has("clientId"); };
  AppsByClient clients;
  each([&](const ExportNode& entry) {
    const auto orn = entry.text("orn").value_or("");
    if (orn.find(":ai-agents:") != orn.npos || entry.text("type") == "AI_AGENT")
      return read_agent(entry, findings);
    if (entry.has("signOnMode")) return read_app(entry, clients, findings);
    if (entry.has("userId") && (entry.has("clientName") || entry.has("tokenWindow")))
      return read_token(entry, findings);
    if (is_grant(entry)) return;  // when all applications are known
    entry.wrong(
        "is neither an application (`signOnMode`), a grant of one (`scopeId`), an API token (`userId`, "
        "`clientName`) nor an agent",
        "export /api/v1/apps, /api/v1/apps/ID/grants, /api/v1/api-tokens or "
        "/workload-principals/api/v1/ai-agents");
  });
  if (findings.issues().has_errors()) return;
  each([&](const ExportNode& entry) {
    if (is_grant(entry)) read_grant(entry, clients, findings);
  });
}

}  // namespace writ::intake
