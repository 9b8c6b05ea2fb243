#include "config/accept.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "codec/name.h"
#include "control/own_api.h"
#include "oauth/profiles.h"

namespace writ::config {
namespace {

using files::YamlNode;
using oauth::ClaimPath;

constexpr std::size_t kMaxTenants = 64;  // of one issuer for each
// What policies may read of a user (policy/base_schema.cc).
constexpr std::string_view kFacts[] = {"roles", "groups", "scopes", "amr"};

ClaimPath path_of(std::string_view claim) {
  return ClaimPath(std::string(claim));
}
ClaimPath path_of(const oauth::Place& place) {
  std::vector<std::string> names;
  for (const auto name : place) {
    if (!name.empty()) names.emplace_back(name);
  }
  return ClaimPath(std::move(names));
}

ClaimPath fact_of(const oauth::Profile& profile, std::string_view fact) {
  if (fact == "roles") return path_of(profile.roles);
  if (fact == "groups") return path_of(profile.groups);
  if (fact == "scopes") return path_of(profile.scopes);
  return path_of(profile.amr);
}

std::optional<ClaimPath> read_path(const YamlNode& node, std::string_view key, files::Source& source) {
  if (node.kind != YamlNode::Kind::kList) {
    if (auto name = files::read_text(node, source, key)) return ClaimPath(*std::move(name));
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const auto& item : node.items) {
    if (auto name = files::read_text(item, source, key)) names.push_back(*std::move(name));
  }
  if (!names.empty() && names.size() <= 8 && names.size() == node.items.size())
    return ClaimPath(std::move(names));
  source.error(node, fmt::format("`{}` is not the way to a claim", key),
               "for example department, or [realm_access, roles] for a member of a claim");
  return std::nullopt;
}

std::map<std::string, std::string, std::less<>> read_names(const files::Fields& fields, std::string_view key,
                                                           std::string_view what) {
  std::map<std::string, std::string, std::less<>> names;
  const YamlNode* map = fields.find(key);
  if (map == nullptr) return names;
  if (map->kind != YamlNode::Kind::kMap) {
    fields.source().error(*map, fmt::format("`{}` must be a map from {}", key, what));
    return names;
  }
  for (const auto& entry : map->entries) {
    if (auto id = files::read_text(entry.value, fields.source(), entry.key))
      names[entry.key] = *std::move(id);
  }
  return names;
}

void read_facts(const files::Fields& fields, oauth::TrustedIssuer& issuer) {
  const YamlNode* node = fields.find("facts");
  if (node == nullptr) return;
  files::Source& source = fields.source();
  const auto known = [&](const YamlNode& at, std::string_view name) {
    if (std::ranges::find(kFacts, name) != std::end(kFacts)) return true;
    source.error(at, fmt::format("`{}` is not a fact of users", name),
                 fmt::format("one of {}", fmt::join(kFacts, ", ")));
    return false;
  };
  if (node->kind == YamlNode::Kind::kMap) {
    for (const auto& entry : node->entries) {
      auto path = read_path(entry.value, entry.key, source);
      if (known(entry.value, entry.key) && path) issuer.facts.emplace(entry.key, *std::move(path));
    }
    return;
  }
  for (const auto& item : fields.list("facts")) {
    if (!known(item, item.text)) continue;
    auto path = fact_of(*issuer.profile, item.text);
    if (path.empty())
      source.error(item,
                   fmt::format("the tokens of profile `{}` have no `{}`", issuer.profile->name, item.text),
                   "name the claim in a map: `facts: {roles: [my_claim]}`");
    else
      issuer.facts.emplace(item.text, std::move(path));
  }
}

void read_kinds(const files::Fields& fields, oauth::AcceptedAt& accept) {
  for (const auto& kind : fields.list("kinds")) {
    if (kind.text == "delegated")
      accept.delegated = true;
    else if (kind.text == "app_only")
      accept.app_only = true;
    else
      fields.source().error(kind, fmt::format("`{}` is not a kind of token", kind.text),
                            "`delegated` (for a user) or `app_only` (for its client alone)");
  }
}

void check_kinds(const files::Fields& fields, const oauth::TrustedIssuer& issuer,
                 const oauth::AcceptedAt& accept) {
  const auto never = [&](const oauth::AnyRule& rules) { return text_of(rules).empty(); };
  const auto* kinds = fields.find("kinds");
  if (kinds != nullptr && accept.delegated && never(issuer.profile->delegated))
    fields.source().error(
        *kinds,
        fmt::format("profile `{}` has no `delegated` tokens that an API could check", issuer.profile->name));
}

void read_one(const YamlNode& node, files::Source& source, oauth::TrustedIssuer& issuer) {
  const files::Fields fields(&node, source, "accept",
                             {"api", "audiences", "kinds", "tenants", "clients", "max_lifetime_seconds"});
  oauth::AcceptedAt accept;
  accept.api = fields.required_text("api").value_or("");
  fields.require("audiences");
  accept.audiences = fields.texts("audiences");
  fields.require("kinds");
  read_kinds(fields, accept);
  check_kinds(fields, issuer, accept);
  if (fields.find("tenants") != nullptr) accept.tenants = fields.texts("tenants");
  fields.require("clients");
  accept.clients = read_names(fields, "clients", "the provider's names for clients to Writ's");
  if (const auto seconds = fields.integer("max_lifetime_seconds", 1, 86'400))
    accept.max_lifetime = std::chrono::seconds(*seconds);
  for (const auto& other : issuer.accept) {
    if (other.api == accept.api)
      source.error(node, fmt::format("`accept` has API `{}` twice", accept.api), "join the two");
    for (const auto& audience : accept.audiences) {
      if (std::ranges::find(other.audiences, audience) != other.audiences.end())
        source.error(
            node,
            fmt::format("`{}` is an audience of two APIs, `{}` and `{}`", audience, other.api, accept.api),
            "a token is for one API: give each an audience of its own at the provider");
    }
  }
  for (const auto& tenant : accept.tenants.value_or(std::vector<std::string>())) {
    if (issuer.tenants && std::ranges::find(*issuer.tenants, tenant) == issuer.tenants->end())
      source.error(
          *fields.find("tenants"),
          fmt::format("the issuer does not speak for tenant `{}`: it is not in its `tenants`", tenant));
  }
  issuer.accept.push_back(std::move(accept));
}

bool is_segment(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

void replace_place(std::string& text, std::string_view with) {
  if (const auto at = text.find(kTenantPlace); at != text.npos) text.replace(at, kTenantPlace.size(), with);
}

}  // namespace

std::optional<ClaimPath> read_claim_path(const files::Fields& fields, std::string_view key) {
  const YamlNode* node = fields.find(key);
  return node != nullptr ? read_path(*node, key, fields.source()) : std::nullopt;
}

const oauth::Profile& read_profile(const files::Fields& issuer) {
  const auto name = issuer.text("profile");
  if (!name) return oauth::standard_profile();
  if (const auto* found = oauth::find_profile(*name)) return *found;
  std::vector<std::string_view> names;
  for (const auto& each : oauth::profiles()) names.push_back(each.name);
  issuer.source().error(*issuer.find("profile"), fmt::format("`{}` is not a profile", *name),
                        fmt::format("one of {}; or none, for tokens by RFC 9068", fmt::join(names, ", ")));
  return oauth::standard_profile();
}

void read_claims(const files::Fields& issuer, oauth::TrustedIssuer& into) {
  const oauth::Profile& profile = *into.profile;
  into.mapping.subject = path_of(profile.subject_of_id);
  into.access_subject = path_of(profile.subject);
  into.access_tenant = path_of(profile.tenant);
  if (!profile.tenant.empty()) into.mapping.others.emplace("tenant", path_of(profile.tenant));
  std::vector<std::string_view> names{"subject"};
  for (const auto* claim : oauth::provider_claims()) names.push_back(claim->name);
  const files::Fields fields(issuer.find("claims"), issuer.source(), "claims", names);
  if (auto subject = read_claim_path(fields, "subject"))
    into.mapping.subject = into.access_subject = *std::move(subject);
  for (const auto* claim : oauth::provider_claims()) {
    auto theirs = read_claim_path(fields, claim->name);
    if (!theirs) continue;
    if (claim->name == "tenant") into.access_tenant = *theirs;
    into.mapping.others.insert_or_assign(std::string(claim->name), *std::move(theirs));
  }
}

void read_tenants(const files::Fields& fields, oauth::TrustedIssuer& issuer) {
  const YamlNode* node = fields.find("tenants");
  if (node == nullptr) return;
  issuer.tenants.emplace();
  if (node->kind != YamlNode::Kind::kMap) {
    issuer.tenants = fields.texts("tenants");
    return;
  }
  issuer.tenant_names = read_names(fields, "tenants", "the provider's names for tenants to Writ's");
  for (const auto& [theirs, ours] : issuer.tenant_names) issuer.tenants->push_back(ours);
}

void read_links(const files::Fields& fields, oauth::TrustedIssuer& issuer) {
  issuer.group_prefix = fields.text("group_prefix", 128).value_or("");
  if (const auto wrong = codec::name_problem(issuer.group_prefix); wrong && !issuer.group_prefix.empty())
    fields.source().error(*fields.find("group_prefix"), fmt::format("`group_prefix` {}", *wrong));
  issuer.links = read_names(fields, "links", "the provider's names for users to identities here");
  // Whoever runs one of the tenants chooses its names.
  if (!issuer.links.empty() && issuer.issuer.find(kTenantPlace) != issuer.issuer.npos)
    fields.source().error(*fields.find("links"),
                          fmt::format("`links` is for one issuer, and `{}` stands for several", kTenantPlace),
                          "trust that tenant as an issuer of its own, with its own `links`");
}

void read_accept(const files::Fields& fields, oauth::TrustedIssuer& issuer) {
  read_links(fields, issuer);
  read_facts(fields, issuer);
  for (const YamlNode& node : fields.list("accept")) read_one(node, fields.source(), issuer);
  if (issuer.issuer.find(kTenantPlace) == issuer.issuer.npos) return;
  const YamlNode& place = *fields.find("issuer");
  if (!issuer.tenants || issuer.tenants->empty() || issuer.tenants->size() > kMaxTenants)
    fields.source().error(place,
                          fmt::format("an issuer with `{}` needs `tenants`, 1 to {} of them: each is trusted "
                                      "as an issuer of its own",
                                      kTenantPlace, kMaxTenants),
                          "name the provider's ids of the tenants that you trust");
  const auto theirs = [&] {
    std::vector<std::string> names = issuer.tenants.value_or(std::vector<std::string>());
    if (issuer.tenant_names.empty()) return names;
    names.clear();
    for (const auto& [name, ours] : issuer.tenant_names) names.push_back(name);
    return names;
  }();
  for (const auto& tenant : theirs) {
    if (!is_segment(tenant))
      fields.source().error(place,
                            fmt::format("tenant `{}` cannot stand in a URL: only letters, digits, `-`, "
                                        "`.` and `_` can",
                                        tenant));
  }
  if (issuer.access_tenant.empty())
    fields.source().error(
        place, fmt::format("nothing says which claim is the tenant that `{}` stands for", kTenantPlace),
        "choose a `profile`, or name it in `claims`");
}

std::vector<oauth::TrustedIssuer> one_for_each_tenant(oauth::TrustedIssuer issuer) {
  std::vector<oauth::TrustedIssuer> all;
  if (issuer.issuer.find(kTenantPlace) == issuer.issuer.npos) {
    all.push_back(std::move(issuer));
    return all;
  }
  std::vector<std::pair<std::string, std::string>> tenants(issuer.tenant_names.begin(),
                                                           issuer.tenant_names.end());
  if (tenants.empty()) {
    for (const auto& tenant : issuer.tenants.value_or(std::vector<std::string>()))
      tenants.emplace_back(tenant, tenant);
  }
  for (const auto& [theirs, ours] : tenants) {
    auto one = issuer;
    replace_place(one.issuer, theirs);
    replace_place(one.subject_prefix, theirs);
    replace_place(one.group_prefix, theirs);
    if (one.location) replace_place(one.location->jwks_uri, theirs);
    one.tenants = {ours};
    one.tenant_names = {{theirs, ours}};
    for (auto& accept : one.accept) {
      if (accept.tenants) std::erase_if(*accept.tenants, [&](const auto& each) { return each != ours; });
    }
    all.push_back(std::move(one));
  }
  return all;
}

std::map<std::string, std::string, std::less<>> user_links(const Config& config) {
  std::map<std::string, std::string, std::less<>> links;
  for (const auto& issuer : config.trusted_issuers)
    for (const auto& [theirs, ours] : issuer.links)
      links.emplace(oauth::user_name(issuer.subject_prefix, theirs), ours);
  return links;
}

namespace {

// At the gateway a token with it would be good for the one, and by its name it is for the other.
void check_audiences(const YamlNode& accept, std::string_view api, const Config& config,
                     files::Source& source) {
  const auto* audiences = accept.find("audiences");
  if (audiences == nullptr) return;
  for (const YamlNode& audience : audiences->items) {
    for (const YamlNode& other : config.apis) {
      const auto *id = other.find("id"), *name = other.find("audience");
      if (id != nullptr && name != nullptr && id->text != api && name->text == audience.text)
        source.error(
            audience,
            fmt::format("`{}` is the audience of API `{}`, not of `{}`", audience.text, id->text, api),
            "a token is for one API: give each an audience of its own at the provider");
    }
  }
}

}  // namespace

void check_accept(const std::vector<YamlNode>& issuers, const Config& config, files::Source& source) {
  const auto has = [](std::span<const YamlNode> nodes, std::string_view id) -> const YamlNode* {
    for (const auto& node : nodes) {
      const auto* named = node.find("id");
      if (named != nullptr && named->text == id) return &node;
    }
    return nullptr;
  };
  for (const YamlNode& issuer : issuers) {
    if (const auto* links = issuer.find("links")) {
      for (const auto& entry : links->entries) {
        const auto* identity = has(config.identities, entry.value.text);
        const auto* kind = identity != nullptr ? identity->find("kind") : nullptr;
        if (kind == nullptr || kind->text != "user")
          source.error(entry.value,
                       fmt::format("`{}` is not a user of `inventory.identities`", entry.value.text),
                       "a link joins a provider's user to one that is listed");
      }
    }
    const auto* accepts = issuer.find("accept");
    if (accepts == nullptr) continue;
    for (const YamlNode& accept : accepts->items) {
      const auto* api = accept.find("api");
      if (api != nullptr && api->kind == YamlNode::Kind::kText && api->text != control::kOwnApi &&
          has(config.apis, api->text) == nullptr)
        source.error(*api, fmt::format("there is no API `{}` in `inventory.apis`", api->text));
      if (api != nullptr) check_audiences(accept, api->text, config, source);
      const auto* clients = accept.find("clients");
      if (clients == nullptr) continue;
      for (const auto& entry : clients->entries) {
        const auto* identity = has(config.identities, entry.value.text);
        const auto* kind = identity != nullptr ? identity->find("kind") : nullptr;
        if (kind != nullptr && kind->text == "user")
          source.error(entry.value,
                       fmt::format("`{}` is a user, and a client is an application, a service or "
                                   "an agent",
                                   entry.value.text));
        else if (identity == nullptr)
          source.issues.warning(source.place(entry.value),
                                fmt::format("`clients` names `{}`, which is not an identity in the "
                                            "configuration",
                                            entry.value.text));
      }
    }
  }
}

}  // namespace writ::config
