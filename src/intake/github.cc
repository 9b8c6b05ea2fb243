// GitHub: installations of GitHub Apps (GET /orgs/{org}/installations,
// https://docs.github.com/rest/orgs/orgs#list-app-installations-for-an-organization) and apps (GET
// /apps/{slug}).
#include <fmt/format.h>
#include <map>

#include "intake/node.h"

namespace writ::intake {
namespace {

using inventory::Kind;

void add_permissions(const ExportNode& entry, Found& found, std::string_view where) {
  entry.each_member("permissions", [&](std::string_view name, const ExportNode& level) {
    const auto* text = level.json().if_string();
    found.grants.push_back(fmt::format("{} {}{}", text != nullptr ? *text : "?", name, where));
  });
}

void read_installation(const ExportNode& entry, Findings& findings) {
  const auto id = entry.id("id");
  if (!id) return;
  Found found{.native = "installations/" + *id,
              .kind = Kind::kApplication,
              .kind_by = "an installation of a GitHub App",
              .file = entry.file().name};
  found.name = entry.text("app_slug").value_or(*id);
  found.created_at = entry.date("created_at");
  found.enabled = !entry.has("suspended_at");
  const auto account = entry.object("account");
  if (account) found.tenant = account->text("login");
  if (const auto app = entry.id("app_id")) found.aliases.push_back("github-app:" + *app);
  if (const auto client = entry.text("client_id")) found.aliases.push_back("client:" + *client);
  const auto repositories = entry.text("repository_selection").value_or("unknown");
  add_permissions(entry, found, fmt::format(" in {} repositories", repositories));
  found.credentials.push_back({.type = inventory::CredentialType::kKey, .strength = "RSA"});
  findings.add(std::move(found));
}

void read_app(const ExportNode& entry, Findings& findings) {
  const auto id = entry.id("id");
  if (!id) return;
  Found found{.native = "apps/" + *id,
              .kind = Kind::kApplication,
              .kind_by = "a GitHub App",
              .file = entry.file().name};
  found.name = entry.text("slug").value_or(*id);
  found.description = entry.text("description");
  found.created_at = entry.date("created_at");
  if (const auto owner = entry.object("owner")) found.owner = owner->text("login");
  found.aliases.push_back("github-app:" + *id);
  add_permissions(entry, found, "");
  findings.add(std::move(found));
}

void read_entry(const ExportNode& entry, Findings& findings) {
  if (entry.has("app_id")) return read_installation(entry, findings);
  if (entry.has("slug") && entry.has("permissions")) return read_app(entry, findings);
  entry.wrong("is neither an installation (`app_id`) nor a GitHub App (`slug`, `permissions`)");
}

}  // namespace

void read_github(const std::vector<File>& files, Findings& findings) {
  struct Pages {
    std::string first;  // file
    std::size_t given = 0;
  };
  std::map<std::size_t, Pages> pages;  // of lists that are not whole, by how many there are
  for (const File& file : files) {
    const auto json = parse_export(file, findings.issues());
    if (!json) continue;
    const ExportNode root(*json, file, findings.issues());
    const auto read = [&](const ExportNode& entry) { read_entry(entry, findings); };
    if (json->is_array()) {
      root.each_item(read);
    } else if (root.has("installations")) {
      const auto* list = json->find("installations")->if_array();
      const auto* total = json->find("total_count");
      if (list != nullptr && total != nullptr && total->if_int() != nullptr &&
          static_cast<std::size_t>(*total->if_int()) > list->size()) {
        auto& [first, given] = pages[static_cast<std::size_t>(*total->if_int())];
        if (first.empty()) first = file.name;
        given += list->size();
      }
      root.each("installations", read);
    } else {
      read(root);
    }
  }
  for (const auto& [total, page] : pages) {
    if (page.given < total)
      findings.issues().error(
          {page.first},
          fmt::format("the export has {} of {} installations: pages are missing", page.given, total),
          "give all pages, or all installations as one list");
  }
}

}  // namespace writ::intake
