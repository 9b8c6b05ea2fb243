// SCIM 2.0 (RFC 7643, RFC 7644 §3.4.2: a ListResponse, or one resource) with the drafts' agents:
// draft-abbey-scim-agent-extension (Agent, AgenticApplication) and draft-wahl-scim-agent-schema
// (AgenticIdentity). The kind comes from `schemas`.
#include <algorithm>
#include <fmt/format.h>

#include "intake/node.h"

namespace writ::intake {
namespace {

using inventory::Kind;

struct Resource {
  std::string_view ending;  // of the schema's URN
  std::optional<Kind> kind;
};
constexpr Resource kResources[] = {
    {":AgenticIdentity", Kind::kAgent}, {":AgenticApplication", Kind::kApplication},
    {":Agent", Kind::kAgent},           {":Application", Kind::kApplication},
    {":core:2.0:User", Kind::kUser},    {":Group", std::nullopt}};

void read_people(const ExportNode& entry, Found& found) {
  const auto person = [](const ExportNode& node) {
    auto name = node.text("value");
    return name ? name : node.text("display");
  };
  entry.each("owners", [&](const ExportNode& node) {
    if (!found.owner) found.owner = person(node);
  });
  if (const auto owner = entry.object("owner"); owner && !found.owner) found.owner = person(*owner);
  if (found.kind != Kind::kAgent) return;
  entry.each("sponsors", [&](const ExportNode& node) {
    if (!found.sponsor) found.sponsor = person(node);
  });
}

void read_resource(const ExportNode& entry, Findings& findings) {
  const auto schemas = entry.texts("schemas");
  const Resource* resource = nullptr;
  std::string by;
  for (const Resource& each : kResources) {
    const auto found =
        std::ranges::find_if(schemas, [&](const auto& urn) { return urn.ends_with(each.ending); });
    if (found == schemas.end()) continue;
    resource = &each;
    by = "schema " + *found;
    break;
  }
  if (resource == nullptr)
    return entry.wrong("has no `schemas` that tell its kind",
                       "expected a User, an Agent or an AgenticApplication");
  if (!resource->kind) return findings.leave_out("groups");
  const auto id = entry.required("id");
  if (!id) return;
  Found found{.native = *id, .kind = *resource->kind, .kind_by = by, .file = entry.file().name};
  found.name =
      entry.text("displayName").value_or(entry.text("userName").value_or(entry.text("name").value_or(*id)));
  found.enabled = entry.flag("active", true);
  found.description = entry.text("description");
  if (const auto meta = entry.object("meta")) found.created_at = meta->date("created");
  read_people(entry, found);
  if (const auto parent = entry.object("parent")) found.parent = parent->text("value");
  if (const auto user = entry.text("userName")) found.aliases.push_back("user:" + *user);
  if (const auto external = entry.text("externalId")) found.aliases.push_back("external:" + *external);
  entry.each("oAuthClientIdentifiers", [&](const ExportNode& client) {
    if (const auto client_id = client.text("clientId")) found.aliases.push_back("client:" + *client_id);
    found.credentials.push_back(
        {.type = inventory::CredentialType::kUnknown, .id = client.text("clientId").value_or("")});
  });
  for (const auto& [list, what] :
       {std::pair("entitlements", "entitlement"), {"roles", "role"}, {"groups", "group"}}) {
    entry.each(list, [&](const ExportNode& grant) {
      found.grants.push_back(
          fmt::format("{} {}", what, grant.text("display").value_or(grant.text("value").value_or("?"))));
    });
  }
  findings.add(std::move(found));
}

}  // namespace

void read_scim(const std::vector<File>& files, Findings& findings) {
  for (const File& file : files) {
    const auto json = parse_export(file, findings.issues());
    if (!json) continue;
    const ExportNode root(*json, file, findings.issues());
    const auto read = [&](const ExportNode& entry) { read_resource(entry, findings); };
    if (json->is_array()) {
      root.each_item(read);
    } else if (root.has("Resources")) {
      const auto* list = json->find("Resources")->if_array();
      const auto* total = json->find("totalResults");
      if (list != nullptr && total != nullptr && total->if_int() != nullptr &&
          static_cast<std::size_t>(*total->if_int()) > list->size())
        root.wrong(fmt::format("has {} of {} resources: pages are missing", list->size(), *total->if_int()),
                   "give all resources as one list");
      root.each("Resources", read);
    } else {
      read(root);
    }
  }
}

}  // namespace writ::intake
