// SCIM 2.0 (RFC 7643, RFC 7644 §3.4.2: a ListResponse, or one resource) with the drafts' agents:
// draft-abbey-scim-agent-extension (Agent, AgenticApplication) and draft-wahl-scim-agent-schema
// (AgenticIdentity). The kind comes from `schemas`.
#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <map>

#include "intake/node.h"

namespace writ::intake {
namespace {

using inventory::Kind;

struct Resource {
  std::string_view name;  // as the schema's URN ends, and `meta.resourceType`; in small letters
  std::optional<Kind> kind;
};
constexpr Resource kResources[] = {{"agenticidentity", Kind::kAgent},
                                   {"agenticapplication", Kind::kApplication},
                                   {"agent", Kind::kAgent},
                                   {"application", Kind::kApplication},
                                   {"user", Kind::kUser},
                                   {"group", std::nullopt}};

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

const Resource* resource_named(std::string_view name) {
  const auto found = std::ranges::find(kResources, in_small_letters(name), &Resource::name);
  return found != std::end(kResources) ? &*found : nullptr;
}

// By the schemas that are not extensions of others: whatever adds members to a user, called `…:Agent` or not,
// is one more schema of that user. RFC 8141 §3: letters of a URN's first parts are of either case; some
// drafts write the last one so.
const Resource* resource_of(const ExportNode& entry, std::string& by) {
  const Resource* resource = nullptr;
  for (const auto& urn : entry.texts("schemas")) {
    const auto colon = urn.rfind(':');
    const auto* named = colon != urn.npos ? resource_named(urn.substr(colon + 1)) : nullptr;
    if (named == nullptr || in_small_letters(urn).find(":extension:") != urn.npos) continue;
    if (resource != nullptr && resource->kind != named->kind)
      return entry.wrong("has `schemas` of two kinds", "a resource is one of them"), nullptr;
    resource = named;
    by = "schema " + urn;
  }
  if (resource != nullptr) return resource;
  const auto meta = entry.object("meta");
  const auto type = meta ? meta->text("resourceType").value_or("") : "";
  resource = resource_named(type);
  by = "resourceType is " + type;
  if (resource == nullptr)
    entry.wrong("has no `schemas` that tell its kind", "expected a User, an Agent or an AgenticApplication");
  return resource;
}

std::string name_of(const ExportNode& entry, const std::string& id) {
  for (const auto* member : {"displayName", "userName", "agentUserName"})
    if (auto name = entry.text(member)) return *name;
  // Of users it has parts; of agents it is a text.
  const auto* name = entry.json().find("name");
  if (name != nullptr && name->is_string())
    if (auto text = entry.text("name")) return *text;
  return id;
}

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
  std::string by;
  const Resource* resource = resource_of(entry, by);
  if (resource == nullptr) return;
  if (!resource->kind) return findings.leave_out("groups");
  const auto id = entry.required("id");
  if (!id) return;
  Found found{.native = *id, .kind = *resource->kind, .kind_by = by, .file = entry.file().name};
  found.name = name_of(entry, *id);
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

namespace {

// RFC 7644 §3.4.2.4: a list may come in pages, which all say how many resources there are, and at which one
// they begin. Pages of one list are known by that number.
class Pages {
 public:
  void add(const ExportNode& root, std::size_t resources) {
    const auto* total = root.json().find("totalResults");
    if (total == nullptr || total->if_int() == nullptr || *total->if_int() < 0) return;
    const auto all = static_cast<std::size_t>(*total->if_int());
    if (all <= resources) return;
    const auto* start = root.json().find("startIndex");
    const bool begins = start != nullptr && start->if_int() != nullptr && *start->if_int() > 0;
    pages_[all].push_back({root, begins ? static_cast<std::size_t>(*start->if_int()) : 1, resources});
  }

  // Reports pages without those beside them.
  void check() {
    for (auto& [all, pages] : pages_) {
      std::ranges::sort(pages, {}, &Page::start);
      std::size_t next = 1, given = 0;
      for (const Page& page : pages) {
        if (page.start <= next) next = std::max(next, page.start + page.resources);
        given += page.resources;
      }
      if (next <= all)
        pages.front().root.wrong(
            fmt::format("has {} of {} resources{}: pages are missing", pages.front().resources, all,
                        pages.size() > 1 ? fmt::format(", and all pages together {}", given) : ""),
            "give all pages, or all resources as one list");
    }
  }

 private:
  struct Page {
    ExportNode root;
    std::size_t start, resources;
  };
  std::map<std::size_t, std::vector<Page>> pages_;
};

}  // namespace

void read_scim(const std::vector<File>& files, Findings& findings) {
  std::deque<codec::Json> trees;  // they are pointed to
  Pages pages;
  for (const File& file : files) {
    auto json = parse_export(file, findings.issues());
    if (!json) continue;
    const codec::Json& tree = trees.emplace_back(*std::move(json));
    const ExportNode root(tree, file, findings.issues());
    const auto read = [&](const ExportNode& entry) { read_resource(entry, findings); };
    if (tree.is_array()) {
      root.each_item(read);
    } else if (root.has("Resources") || root.has("totalResults")) {
      const auto* list = root.has("Resources") ? tree.find("Resources")->if_array() : nullptr;
      pages.add(root, list != nullptr ? list->size() : 0);
      root.each("Resources", read);
    } else {
      read(root);
    }
  }
  pages.check();
}

}  // namespace writ::intake
