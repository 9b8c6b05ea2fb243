// Microsoft Entra ID, as Microsoft Graph answers (https://learn.microsoft.com/graph/api/overview): lists of
// applications, servicePrincipals (agent identities among them, resources/agentidentity), appRoleAssignments,
// oauth2PermissionGrants and servicePrincipalSignInActivities. Each file is an answer with `value`, a bare
// list, or one object with those lists by their names. `$expand=owners` and `sponsors` bring people along.
#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "intake/node.h"

namespace writ::intake {
namespace {

using codec::Json;
using inventory::Credential;
using inventory::CredentialType;
using inventory::Kind;

enum class List { kApplications, kPrincipals, kRoles, kScopes, kSignIns };
struct Named {
  std::string_view name;
  List list;
};
constexpr Named kLists[] = {
    {"applications", List::kApplications},     {"servicePrincipals", List::kPrincipals},
    {"appRoleAssignments", List::kRoles},      {"appRoleAssignedTo", List::kRoles},
    {"oauth2PermissionGrants", List::kScopes}, {"servicePrincipalSignInActivities", List::kSignIns}};

constexpr const char* kExpected =
    "expected applications, servicePrincipals, appRoleAssignments, oauth2PermissionGrants or "
    "servicePrincipalSignInActivities, as Graph writes them";

// By the answer's own context: ".../$metadata#servicePrincipals(id,appId)/microsoft.graph.agentIdentity".
std::optional<List> list_of_context(std::string_view context) {
  const auto hash = context.find('#');
  if (hash == context.npos) return std::nullopt;
  const auto path = context.substr(hash + 1);
  std::optional<List> found;
  std::size_t at = 0;
  for (const Named& each : kLists) {
    const auto place = path.rfind(each.name);
    if (place != path.npos && (!found || place >= at)) {
      found = each.list;
      at = place;
    }
  }
  return found;
}

// By what it says that it is, or else by the members that only such entries have.
std::optional<List> list_of_entry(const Json& entry) {
  constexpr std::string_view kPrincipals[] = {"#microsoft.graph.servicePrincipal",
                                              "#microsoft.graph.agentIdentity",
                                              "#microsoft.graph.agentIdentityBlueprintPrincipal"};
  const auto* type = entry.find_string("@odata.type");
  if (type != nullptr && std::ranges::find(kPrincipals, *type) != std::end(kPrincipals))
    return List::kPrincipals;
  const auto has = [&](std::string_view name) { return entry.find(name) != nullptr; };
  if (has("appRoleId") && has("principalId")) return List::kRoles;
  if (has("consentType") && has("clientId")) return List::kScopes;
  for (const auto* activity :
       {"lastSignInActivity", "delegatedClientSignInActivity", "delegatedResourceSignInActivity",
        "applicationAuthenticationClientSignInActivity", "applicationAuthenticationResourceSignInActivity"})
    if (has(activity)) return List::kSignIns;
  if (has("servicePrincipalType") || has("agentIdentityBlueprintId")) return List::kPrincipals;
  if (has("appId")) return List::kApplications;
  return std::nullopt;
}

class EntraReader {
 public:
  explicit EntraReader(Findings& findings) : findings_(findings) {}

  void read(const std::vector<File>& files) {
    std::vector<Json> trees;
    trees.reserve(files.size());
    Lists lists;
    for (const File& file : files) {
      auto json = parse_export(file, findings_.issues());
      if (!json) continue;
      trees.push_back(*std::move(json));
      find_lists(ExportNode(trees.back(), file, findings_.issues()), trees.back(), file, lists);
    }
    check_pages();
    for (const auto& [node, is] : lists) {
      if (is) continue;
      node.each_item([&](const ExportNode& entry) {
        if (list_of_entry(entry.json())) return;
        const auto type = entry.text("@odata.type");
        if (!type) return entry.wrong("does not tell of which list it is", kExpected);
        findings_.leave_out("entries of type " + *type);
      });
    }
    if (findings_.issues().has_errors()) return;
    // Whatever the order of the files: what others refer to comes first.
    const auto each = [&](List list, auto visit) {
      for (const auto& [node, is] : lists) {
        if (is && *is != list) continue;
        node.each_item([&](const ExportNode& entry) {
          if (is || list_of_entry(entry.json()) == list) (this->*visit)(entry);
        });
      }
    };
    each(List::kPrincipals, &EntraReader::read_principal);
    each(List::kApplications, &EntraReader::read_application);
    each(List::kRoles, &EntraReader::read_role);
    each(List::kScopes, &EntraReader::read_scope);
    each(List::kSignIns, &EntraReader::read_sign_in);
  }

 private:
  // Without a list: each entry tells by itself.
  using Lists = std::vector<std::pair<ExportNode, std::optional<List>>>;

  void find_lists(const ExportNode& root, const Json& json, const File& file, Lists& lists) {
    const Json* value = json.is_array() ? &json : json.find("value");
    bool any = false;
    if (value == nullptr) {
      for (const Named& each : kLists) {
        const Json* list = json.find(each.name);
        if (list == nullptr) continue;
        any = true;
        lists.emplace_back(ExportNode(*list, file, findings_.issues()), each.list);
      }
      if (!any) return not_entra(root);
      return;
    }
    const auto* context = json.find_string("@odata.context");
    if (const auto* next = json.find_string("@odata.nextLink")) {
      goes_on_.push_back({root, context != nullptr ? *context : "", *next});
    } else if (context != nullptr) {
      last_pages_.insert(*context);
    }
    const auto* items = value->if_array();
    if (items == nullptr) return not_entra(root);
    auto list = context != nullptr ? list_of_context(*context) : std::nullopt;
    if (!list && items->empty()) return;
    if (!list &&
        std::ranges::none_of(*items, [](const Json& each) { return list_of_entry(each).has_value(); }))
      return not_entra(root);
    lists.emplace_back(ExportNode(*value, file, findings_.issues()), list);
  }

  // All pages of a list say what they are in the same words, and the last one has no other behind it.
  void check_pages() const {
    for (const Page& page : goes_on_) {
      if (!page.context.empty() && last_pages_.contains(page.context)) continue;
      page.root.wrong(
          fmt::format("is one page of several, the last page is not there, and the rest is at `{}`",
                      page.next),
          "follow `@odata.nextLink` to the end, and give all pages");
    }
  }

  static void not_entra(const ExportNode& root) {
    root.wrong("is not of Microsoft Graph: it has neither `value` nor one of the lists by its name",
               kExpected);
  }

  void read_principal(const ExportNode& entry) {
    const auto id = entry.required("id");
    if (!id) return;
    const auto odata = entry.text("@odata.type").value_or("");
    const auto type = entry.text("servicePrincipalType").value_or("");
    std::optional<Kind> kind;
    std::string by = fmt::format("servicePrincipalType is {}", type);
    if (odata == "#microsoft.graph.agentIdentity") {
      kind = Kind::kAgent;
      by = "@odata.type is agentIdentity";
    } else if (odata == "#microsoft.graph.agentIdentityBlueprintPrincipal") {
      kind = Kind::kApplication;
      by = "@odata.type is agentIdentityBlueprintPrincipal";
    } else if (type == "ServiceIdentity") {
      kind = Kind::kAgent;
    } else if (type == "ManagedIdentity") {
      kind = Kind::kService;
    } else if (type == "Application" || type == "Legacy") {
      kind = Kind::kApplication;
    } else if (type == "SocialIdp") {
      return findings_.leave_out("service principals of type SocialIdp");
    }
    if (!kind)
      return entry.wrong(fmt::format("has the `servicePrincipalType` `{}`, which tells no kind", type),
                         "ask for `id,appId,displayName,servicePrincipalType` and `@odata.type`");
    const auto app = entry.text("appId");
    const bool by_app = *kind == Kind::kApplication && app;
    Found found{.native = by_app ? *app : *id, .kind = *kind, .kind_by = by, .file = entry.file().name};
    found.name = entry.text("displayName").value_or("");
    found.enabled = entry.flag("accountEnabled", true);
    found.description = entry.text("description");
    found.created_at = entry.date("createdDateTime");
    found.blueprint = entry.text("agentIdentityBlueprintId");
    if (const auto lifecycle = entry.object("lifecycle"))
      found.expires_at = lifecycle->date("expirationDateTime");
    read_people(entry, found);
    read_credentials(entry, found);
    found.aliases.push_back("object:" + *id);
    if (app) found.aliases.push_back("client:" + *app);
    by_object_[*id] = found.native;
    // Of an agent it may be that of its blueprint.
    if (app && *kind == Kind::kAgent) {
      by_agents_app_.try_emplace(*app, found.native);
    } else if (app) {
      by_app_[*app] = found.native;
    }
    entry.each("appRoles", [&](const ExportNode& role) {
      const auto role_id = role.text("id");
      const auto value = role.text("value");
      if (role_id && value) role_names_[*role_id] = *value;
    });
    if (!found.name.empty()) names_[*id] = found.name;
    findings_.add(std::move(found));
  }

  void read_application(const ExportNode& entry) {
    const auto app = entry.required("appId");
    if (!app) return;
    Found* found = nullptr;
    if (const auto known = by_app_.find(*app); known != by_app_.end()) found = findings_.find(known->second);
    if (found == nullptr) {
      const bool blueprint = entry.text("@odata.type") == "#microsoft.graph.agentIdentityBlueprint";
      found =
          findings_.add({.native = *app,
                         .kind = Kind::kApplication,
                         .kind_by = blueprint ? "@odata.type is agentIdentityBlueprint" : "an application",
                         .file = entry.file().name});
      if (found == nullptr) return;
      found->name = entry.text("displayName").value_or("");
      found->aliases.push_back("client:" + *app);
      by_app_[*app] = *app;
    }
    if (!found->created_at) found->created_at = entry.date("createdDateTime");
    if (!found->description) found->description = entry.text("description");
    read_people(entry, *found);
    read_credentials(entry, *found);
  }

  static std::optional<std::string> person(const ExportNode& node) {
    if (auto name = node.text("userPrincipalName")) return name;
    return node.text("id");
  }

  static void read_people(const ExportNode& entry, Found& found) {
    entry.each("owners", [&](const ExportNode& owner) {
      if (!found.owner) found.owner = person(owner);
    });
    entry.each("sponsors", [&](const ExportNode& sponsor) {
      if (!found.sponsor && found.kind == Kind::kAgent) found.sponsor = person(sponsor);
    });
  }

  static void read_credentials(const ExportNode& entry, Found& found) {
    const auto add = [&](std::string_view list, CredentialType type, std::string_view strength) {
      entry.each(list, [&](const ExportNode& node) {
        Credential credential{.type = type, .id = node.text("keyId").value_or(node.text("id").value_or(""))};
        if (!strength.empty()) credential.strength = strength;
        credential.created_at = node.date("startDateTime");
        credential.expires_at = node.date("endDateTime");
        found.credentials.push_back(std::move(credential));
      });
    };
    add("passwordCredentials", CredentialType::kSecret, "shared secret");
    add("keyCredentials", CredentialType::kCertificate, "");
    add("federatedIdentityCredentials", CredentialType::kFederation, "");
    entry.each("federatedIdentityCredentials", [&](const ExportNode& node) {
      constexpr std::string_view kAccount = "system:serviceaccount:";
      const auto subject = node.text("subject").value_or("");
      found.grants.push_back(fmt::format("tokens of `{}` by {} are its credential", subject,
                                         node.text("issuer").value_or("nobody")));
      if (!subject.starts_with(kAccount)) return;
      auto account = subject.substr(kAccount.size());
      std::ranges::replace(account, ':', '/');
      found.aliases.push_back("serviceaccount:" + account);
    });
  }

  Found* principal(const ExportNode& entry, std::string_view member) {
    const auto id = entry.required(member);
    if (!id) return nullptr;
    const auto native = by_object_.find(*id);
    if (native != by_object_.end()) return findings_.find(native->second);
    findings_.leave_out("grants of principals that are not in the export");
    return nullptr;
  }

  std::string resource_of(const ExportNode& entry) {
    if (auto name = entry.text("resourceDisplayName")) return *name;
    const auto id = entry.text("resourceId").value_or("an unknown resource");
    const auto known = names_.find(id);
    return known != names_.end() ? known->second : id;
  }

  void read_role(const ExportNode& entry) {
    Found* found = principal(entry, "principalId");
    const auto role = entry.text("appRoleId").value_or("");
    if (found == nullptr) return;
    // Assigned to the resource, with none of its roles.
    if (role == "00000000-0000-0000-0000-000000000000") {
      found->grants.push_back(fmt::format("access to {} without a role", resource_of(entry)));
      return;
    }
    const auto name = role_names_.find(role);
    found->grants.push_back(fmt::format("application role {} of {}",
                                        name != role_names_.end() ? name->second : role, resource_of(entry)));
  }

  void read_scope(const ExportNode& entry) {
    Found* found = principal(entry, "clientId");
    if (found == nullptr) return;
    std::istringstream scopes(entry.text("scope").value_or(""));
    const auto whom = entry.text("consentType") == "AllPrincipals" ? "every user" : "a user";
    for (std::string scope; scopes >> scope;)
      found->grants.push_back(fmt::format("scope {} of {} for {}", scope, resource_of(entry), whom));
  }

  // reports/servicePrincipalSignInActivities: the last of what it did for itself and for users. That others
  // used it, as a resource, is no use by it.
  void read_sign_in(const ExportNode& entry) {
    const auto app = entry.required("appId");
    if (!app) return;
    Found* found = nullptr;
    for (const auto* known : {&by_app_, &by_agents_app_}) {
      const auto native = known->find(*app);
      if (found == nullptr && native != known->end()) found = findings_.find(native->second);
    }
    if (found == nullptr) return findings_.leave_out("sign-ins of applications that are not in the export");
    const auto last = [&](std::initializer_list<const char*> members) {
      std::optional<Instant> latest;
      for (const auto* member : members) {
        const auto activity = entry.object(member);
        const auto at = activity ? activity->date("lastSignInDateTime") : std::nullopt;
        if (at && (!latest || *at > *latest)) latest = at;
      }
      return latest;
    };
    auto used = last({"applicationAuthenticationClientSignInActivity", "delegatedClientSignInActivity"});
    const auto by_others =
        last({"applicationAuthenticationResourceSignInActivity", "delegatedResourceSignInActivity"});
    // All of them together, where it is not said of which.
    const auto any = last({"lastSignInActivity"});
    if (any && (!used || *any > *used) && (!by_others || *any > *by_others)) used = any;
    if (used && (!found->last_used_at || *used > *found->last_used_at)) found->last_used_at = used;
  }

  struct Page {
    ExportNode root;
    std::string context, next;
  };
  Findings& findings_;
  std::vector<Page> goes_on_;
  std::set<std::string, std::less<>> last_pages_;
  std::map<std::string, std::string, std::less<>> by_object_, by_app_, by_agents_app_, role_names_, names_;
};

}  // namespace

void read_entra(const std::vector<File>& files, Findings& findings) {
  EntraReader(findings).read(files);
}

}  // namespace writ::intake
