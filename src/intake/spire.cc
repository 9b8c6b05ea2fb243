// SPIRE: registration entries as `spire-server entry show -output json` prints them (ListEntriesResponse,
// https://github.com/spiffe/spire-api-sdk/blob/main/proto/spire/api/types/entry.proto). Numbers of 64 bits
// are strings.
#include <fmt/format.h>
#include <set>

#include "intake/node.h"

namespace writ::intake {
namespace {

using inventory::CredentialType;
using inventory::Kind;

std::optional<std::string> spiffe_id(const ExportNode& entry, std::string_view member) {
  const auto id = entry.object(member);
  if (!id) return entry.wrong(fmt::format("has no `{}`", member)), std::nullopt;
  const auto domain = id->required("trust_domain");
  if (!domain) return std::nullopt;
  return fmt::format("spiffe://{}{}", *domain, id->text("path").value_or(""));
}

// `endless`: the ids of which some entry has no end.
void read_entry(const ExportNode& entry, std::set<std::string>& endless, Findings& findings) {
  const auto id = spiffe_id(entry, "spiffe_id");
  if (!id) return;
  std::string selectors, space, account;
  entry.each("selectors", [&](const ExportNode& selector) {
    const auto type = selector.text("type").value_or(""), value = selector.text("value").value_or("");
    selectors += fmt::format("{}{}:{}", selectors.empty() ? "" : ", ", type, value);
    if (type == "k8s" && value.starts_with("ns:")) space = value.substr(3);
    if (type == "k8s" && value.starts_with("sa:")) account = value.substr(3);
  });
  // Several entries may give one identity to several workloads.
  Found* found = findings.find(*id);
  if (found == nullptr) {
    found = findings.add({.native = *id,
                          .kind = Kind::kService,
                          .kind_by = "a registration entry",
                          .file = entry.file().name});
    if (found == nullptr) return;
    found->name = *id;
    found->aliases.push_back(*id);
    found->credentials.push_back(
        {.type = CredentialType::kCertificate, .id = "svid", .strength = "attested, rotated", .bound = true});
  }
  // Of several entries the same one, in whatever order they come.
  const auto parent = spiffe_id(entry, "parent_id");
  if (parent && (!found->parent || *parent < *found->parent)) found->parent = *parent;
  const auto created = entry.seconds("created_at"), expires = entry.seconds("expires_at");
  if (created && (!found->created_at || *created < *found->created_at)) found->created_at = created;
  // It ends with the last of its entries, and not at all while one has no end.
  if (!expires) endless.insert(*id);
  if (expires && (!found->expires_at || *expires > *found->expires_at)) found->expires_at = expires;
  if (endless.contains(*id)) found->expires_at.reset();
  found->grants.push_back("given to workloads with " + (selectors.empty() ? "no selectors" : selectors));
  if (entry.flag("admin", false)) found->grants.emplace_back("administrator of the SPIRE server");
  if (entry.flag("downstream", false)) found->grants.emplace_back("may sign for a trust domain below");
  for (const auto& name : entry.texts("dns_names")) found->aliases.push_back("dns:" + name);
  if (!space.empty() && !account.empty()) found->aliases.push_back("serviceaccount:" + space + "/" + account);
}

}  // namespace

void read_spire(const std::vector<File>& files, Findings& findings) {
  std::set<std::string> endless;
  for (const File& file : files) {
    const auto json = parse_export(file, findings.issues());
    if (!json) continue;
    const ExportNode root(*json, file, findings.issues());
    if (!root.has("entries")) {
      root.wrong("is not of SPIRE: it has no `entries`",
                 "write it with `spire-server entry show -output json`");
    } else if (root.text("next_page_token")) {
      root.wrong("is one page of several: `next_page_token` is set", "list all entries in one answer");
    } else {
      root.each("entries", [&](const ExportNode& entry) { read_entry(entry, endless, findings); });
    }
  }
}

}  // namespace writ::intake
