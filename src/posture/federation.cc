// Federation, delegation and transport: whose word is taken, how far it goes, and who can read along.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "http/source.h"
#include "oauth/workload_profiles.h"
#include "posture/fixes.h"
#include "posture/looks.h"

namespace writ::posture {
namespace {

using inventory::Kind;

// Of the issuer's entry in the file.
Exhibit issuer_exhibit(const Scene& scene, const oauth::TrustedIssuer& issuer) {
  Exhibit shown{.fact = fmt::format("trusted issuer `{}`", issuer.issuer),
                .place = {scene.config().file.string(), 0, 0},
                .pointer = "/trusted_issuers"};
  const auto* list = scene.config().root->find("trusted_issuers");
  if (list == nullptr) return shown;
  for (const auto& node : list->items) {
    const auto* name = node.find("issuer");
    if (name == nullptr || name->text != issuer.issuer) continue;
    shown.place = {scene.config().file.string(), node.line, node.column};
    shown.pointer = fmt::format("/trusted_issuers/{}", &node - list->items.data());
  }
  return shown;
}

// The host of a URL, without brackets.
std::string_view host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (url.starts_with('[')) return url.substr(1, url.find(']') - 1);
  return url.substr(0, url.rfind(':'));
}

bool stays_here(std::string_view host) {
  const auto address = http::Address::parse(host);
  return host == "localhost" || host.ends_with(".localhost") || (address && address->is_loopback());
}

bool in_the_clear(std::string_view url) {
  return url.starts_with("http://") && !stays_here(host_of(url));
}

// The longest way along `acts_for`, in steps, up to `most`: as many actors a token's chain can have.
std::size_t longest_way(const Scene& scene, std::size_t most) {
  const auto& all = scene.identities();
  // Each round finds the ways that are one step longer. There are at most so many rounds, and no recursion,
  // whatever circles there are.
  std::vector<std::size_t> ways(all.size(), 0);
  for (std::size_t round = 1; round <= most; ++round) {
    bool longer = false;
    const std::vector<std::size_t> before = ways;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].is_machine() || !all[i].is_in_use()) continue;
      for (const auto& next : all[i]->acts_for) {
        const ListedIdentity* other = scene.find(next);
        const bool goes_on = other != nullptr && other->is_machine() && other->is_in_use();
        const std::size_t way = 1 + (goes_on ? before[static_cast<std::size_t>(other - all.data())] : 0);
        if (way <= ways[i]) continue;
        ways[i] = way;
        longer = true;
      }
    }
    if (!longer) break;
  }
  return ways.empty() ? 0 : std::min(most, *std::ranges::max_element(ways));
}

}  // namespace

void look_issuer_not_pinned(const Scene& scene, Checked& checked) {
  for (const auto& issuer : scene.config().trusted_issuers) {
    std::vector<Exhibit> evidence{issuer_exhibit(scene, issuer)};
    Remedy remedy{.what = "name what its word is good for",
                  .change = fmt::format("trusted_issuers:\n  - issuer: {}\n", issuer.issuer)};
    const YamlText yaml(scene.config_lines());
    const auto* node = item_with(node_at(scene, {"trusted_issuers"}), "issuer", issuer.issuer);
    std::vector<std::optional<TextEdit>> edits;
    const auto lacks = [&](std::string fact, std::string_view text) {
      evidence.push_back({.fact = std::move(fact)});
      remedy.change += text;
    };
    const auto put = [&](const files::YamlNode* map, std::string_view key, std::string_view value) {
      edits.push_back(map != nullptr ? yaml.put(*map, key, value) : std::nullopt);
    };
    // One that names workloads speaks for no user, and so for no tenant.
    if (issuer.workloads == nullptr && !issuer.tenants && issuer.tenant_names.empty()) {
      lacks("no `tenants`: it may speak for every tenant", "    tenants: [TENANT]\n");
      put(node, "tenants", "[TENANT]");
      remedy.blanks.push_back({"TENANT", "of which tenants its word is taken, with commas between them"});
    }
    if (issuer.location && !issuer.algorithms) {
      lacks("no `algorithms`: the keys that it publishes choose", "    algorithms: [ES256]\n");
      put(node, "algorithms", "[ALGORITHM]");
      remedy.blanks.push_back({"ALGORITHM", "what it signs with, such as ES256"});
    }
    bool takes_any_client = false;
    for (const auto& accept : issuer.accept) {
      if (!accept.clients.empty()) continue;
      if (!takes_any_client)
        remedy.blanks.push_back({"CLIENTS", "its names of clients and yours, as `portal: support-portal`"});
      takes_any_client = true;
      put(node != nullptr ? item_with(node->find("accept"), "api", accept.api) : nullptr, "clients",
          "{CLIENTS}");
      lacks(
          fmt::format("`accept` for `{}` has no `clients`: whichever client it names is taken by that name",
                      accept.api),
          fmt::format("    accept:\n      - api: {}\n        clients: {{THEIR-NAME: OUR-ID}}\n", accept.api));
    }
    const std::size_t open = evidence.size() - 1;
    if (open == 0) continue;
    found(checked, {issuer.issuer},
          fmt::format("what `{}` says is taken for more than is pinned: {} of its rules {} open",
                      issuer.issuer, open, open == 1 ? "is" : "are"),
          std::move(evidence), with_edits(std::move(remedy), scene, edits),
          takes_any_client ? Weight::kHigh : Weight::kMedium);
  }
}

namespace {

// Whether a rule says what the claim must be; `last`: of a claim of that name at any depth.
bool pins(const inventory::WorkloadRule& rule, std::string_view last) {
  return std::ranges::any_of(rule.claims,
                             [&](const inventory::ClaimCondition& each) { return each.path.back() == last; });
}

struct LooseEnd {
  std::string_view fact, fix;
  Weight weight = Weight::kLow;
};

// What the configuration lets pass (oauth/workload_profiles.h) and could still be narrower.
std::optional<LooseEnd> loose_end(std::string_view platform, const inventory::WorkloadRule& rule) {
  if (platform == "kubernetes" && !pins(rule, "uid"))
    return LooseEnd{"names a service account, and one that is made again with that name is it too",
                    "add the `uid` of its service account to the rule"};
  if (platform == "github" && !pins(rule, "repository_id"))
    return LooseEnd{"names a repository, and one that gets the name later is it too",
                    "name `repository_id` in the rule"};
  if (platform == "github" && !pins(rule, "ref"))
    return LooseEnd{
        "names an environment and no `ref`, and whoever may deploy there from any branch is it too",
        "name the `ref` in the rule too", Weight::kMedium};
  return std::nullopt;
}

}  // namespace

void look_workload_not_pinned(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    if (!each.is_in_use()) continue;
    for (const auto& rule : each->workloads) {
      const auto& issuers = scene.config().trusted_issuers;
      const auto issuer = std::ranges::find(issuers, rule.issuer, &oauth::TrustedIssuer::issuer);
      if (issuer == issuers.end() || issuer->workloads == nullptr) continue;
      const auto loose = loose_end(issuer->workloads->name, rule);
      if (!loose) continue;
      Exhibit declared = scene.declared(each);
      declared.fact = fmt::format("its rule for `{}` {}", rule.issuer, loose->fact);
      found(checked, {each->id},
            fmt::format("`{}` is more than one workload: its rule for `{}` {}", each->id, rule.issuer,
                        loose->fact),
            {std::move(declared)},
            {.what = std::string(loose->fix),
             .by_hand = "what the platform calls it stands on the platform alone"},
            loose->weight);
    }
  }
}

void look_chain_depth(const Scene& scene, Checked& checked) {
  const std::size_t allowed = scene.config().limits.max_chain;
  const std::size_t possible = longest_way(scene, allowed + 1);
  std::vector<Exhibit> evidence{
      scene.setting(fmt::format("`max_chain` is {}", allowed), {"limits", "max_chain"})};
  std::size_t needed = possible;
  evidence.push_back({.fact = fmt::format("the longest way along `acts_for` has {} actors", possible)});
  // A log that is long enough tells more than what is possible.
  const auto covered = scene.covered();
  if (covered && *covered >= scene.limits().dormant && scene.seen()->deepest()) {
    needed = std::min(needed, scene.seen()->deepest()->first);
    evidence.push_back(scene.record(fmt::format("the longest chain that was used has {} actors", needed),
                                    scene.seen()->deepest()->second));
  }
  if (needed >= allowed) return;
  found(checked, {"max_chain"},
        fmt::format("chains of {} actors are allowed, and {} are needed", allowed, needed),
        std::move(evidence),
        with_setting({.what = "allow chains as long as are needed",
                      .change = fmt::format("limits:\n  max_chain: {}\n", needed)},
                     scene, "limits", {"max_chain", fmt::to_string(needed)}));
}

void look_acts_for_anyone(const Scene& scene, Checked& checked) {
  for (const ListedIdentity& each : scene.identities()) {
    // An application that people sign in to serves whoever signs in.
    if (each->kind != Kind::kAgent && each->kind != Kind::kService) continue;
    if (!each.is_in_use() || std::ranges::find(each->acts_for, inventory::kAnyUser) == each->acts_for.end())
      continue;
    found(
        checked, {each->id},
        fmt::format("{} `{}` may act for every user without an application between them",
                    inventory::kind_name(each->kind), each->id),
        {scene.declared(each), {.fact = "`acts_for: [users]`"}},
        with_keys({.what = "name the applications that it takes work from, or the users",
                   .change = fmt::format(
                       "inventory:\n  identities:\n    - id: {}\n      acts_for: [APPLICATION]\n", each->id),
                   .blanks = {{"APPLICATION", "whom it takes work from, with commas between them"}}},
                  scene, each, {{"acts_for", "[APPLICATION]"}}));
  }
}

void look_long_tokens(const Scene& scene, Checked& checked) {
  constexpr Duration kLong = std::chrono::minutes(15);
  const auto minutes = [](Duration time) { return std::chrono::floor<std::chrono::minutes>(time).count(); };
  if (scene.config().token_lifetime > kLong)
    found(checked, {"tokens.lifetime_seconds"},
          fmt::format("tokens are good for {} minutes", minutes(scene.config().token_lifetime)),
          {scene.setting("`tokens.lifetime_seconds`", {"tokens", "lifetime_seconds"})},
          with_setting({.what = "let them live for minutes; clients ask again",
                        .change = "tokens:\n  lifetime_seconds: 300\n"},
                       scene, "tokens", {"lifetime_seconds", "300"}));
  for (const auto& issuer : scene.config().trusted_issuers) {
    for (const auto& accept : issuer.accept) {
      if (accept.max_lifetime <= std::chrono::hours(2)) continue;
      const auto* node = item_with(node_at(scene, {"trusted_issuers"}), "issuer", issuer.issuer);
      const auto* item = node != nullptr ? item_with(node->find("accept"), "api", accept.api) : nullptr;
      found(checked, {issuer.issuer, accept.api},
            fmt::format("`{}` takes tokens of `{}` that live for {} minutes", accept.api, issuer.issuer,
                        minutes(accept.max_lifetime)),
            {issuer_exhibit(scene, issuer)},
            with_edits(
                {.what = "take only tokens that live for an hour or less",
                 .change = fmt::format("trusted_issuers:\n  - issuer: {}\n    accept:\n      - api: "
                                       "{}\n        max_lifetime_seconds: 3600\n",
                                       issuer.issuer, accept.api),
                 .first = "let the provider issue tokens that live no longer"},
                scene,
                {item != nullptr ? YamlText(scene.config_lines()).put(*item, "max_lifetime_seconds", "3600")
                                 : std::nullopt}));
    }
  }
}

void look_plain_transport(const Scene& scene, Checked& checked) {
  const auto listener = [&](std::string_view name, const config::ListenAddress& at) {
    if (at.tls != nullptr || stays_here(at.address)) return;
    found(checked, {fmt::format("listen.{}", name)},
          fmt::format("the listener `{}` at {} has no TLS, so credentials and tokens can be read along", name,
                      at.text()),
          {scene.setting(fmt::format("`listen.{}` is {} without `tls`", name, at.text()), {"listen", name})},
          {.what = "give it a certificate, or let it listen where only a proxy with TLS reaches it",
           .command = {},
           .change = fmt::format(
               "listen:\n  {}:\n    address: {}\n    tls: {{certificates: [{{chain: FILE, key: FILE}}]}}\n",
               name, at.text()),
           .by_hand = "it takes a certificate"});
  };
  listener("api", scene.config().api_listen);
  if (scene.config().gateway_listen) listener("gateway", *scene.config().gateway_listen);
  if (scene.config().operator_listen) listener("operator", *scene.config().operator_listen);
  for (const auto& upstream : scene.loaded().world.upstreams) {
    // Of all its URLs, which have one scheme; a socket of this machine nobody reads along.
    if (upstream.to == nullptr || upstream.to->origin().tls != nullptr ||
        !upstream.to->origin().socket.empty())
      continue;
    std::vector<std::string> clear;
    for (const auto& address : upstream.to->stats(std::chrono::steady_clock::now()).addresses)
      if (in_the_clear("http://" + address.name)) clear.push_back("http://" + address.name);
    if (clear.empty()) continue;
    found(
        checked, {upstream.api},
        fmt::format("permitted requests go to `{}` at {} without TLS", upstream.api, fmt::join(clear, ", ")),
        {{.fact = fmt::format("`upstream: {}`", fmt::join(clear, ", ")), .place = upstream.place}},
        {.what = "reach the API over https",
         .command = {},
         .change =
             fmt::format("inventory:\n  apis:\n    - id: {}\n      upstream: https://HOST\n", upstream.api),
         .by_hand = "the API has to be reached over https first"});
  }
  const auto* sources = node_at(scene, {"fact_sources"});
  for (const auto& source : sources != nullptr ? sources->items : std::vector<files::YamlNode>()) {
    const auto* name = source.find("name");
    const auto* url = source.find("http") != nullptr ? source.find("http")->find("url") : nullptr;
    const auto* server = source.find("postgres");
    const auto* host = server != nullptr ? server->find("host") : nullptr;
    const auto* tls = server != nullptr ? server->find("tls") : nullptr;
    std::string at;
    if (url != nullptr && in_the_clear(url->text)) at = url->text;
    if (host != nullptr && tls != nullptr && tls->text == "false" && !host->text.starts_with('/') &&
        !stays_here(host->text))
      at = host->text;
    if (at.empty() || name == nullptr) continue;
    found(checked, {name->text},
          fmt::format("decisions go by what `{}` says at {}, and anybody on the way can say it too",
                      name->text, at),
          {{.fact = fmt::format("the fact source `{}` is asked without TLS", name->text),
            .place = {scene.config().file.string(), source.line, source.column},
            .pointer = "/fact_sources"}},
          {.what = "ask it with TLS", .by_hand = "the source has to be reached with TLS first"});
  }
  for (const auto& issuer : scene.config().trusted_issuers) {
    if (issuer.location && in_the_clear(issuer.location->jwks_uri) && !in_the_clear(issuer.issuer))
      found(
          checked, {issuer.issuer},
          fmt::format("the keys of `{}` come without TLS, so anybody on the way can speak for it",
                      issuer.issuer),
          {issuer_exhibit(scene, issuer), {.fact = fmt::format("`jwks_uri: {}`", issuer.location->jwks_uri)}},
          {.what = "fetch its keys over https", .by_hand = "its keys have to be published over https first"});
    if (!in_the_clear(issuer.issuer)) continue;
    found(checked, {issuer.issuer},
          fmt::format("`{}` is an issuer that anybody on the way can speak for", issuer.issuer),
          {issuer_exhibit(scene, issuer)},
          {.what = "trust an issuer that is reached over https",
           .command = {},
           .change = "trusted_issuers:\n  - issuer: https://HOST\n",
           .by_hand = "the issuer has to be reached over https first, and says its name in its tokens"});
  }
}

void look_audit_not_durable(const Scene& scene, Checked& checked) {
  if (scene.config().audit.durable) return;
  found(checked, {"audit.mode"}, "a loss of power may take the last records of the audit with it",
        {scene.setting("`audit.mode` is not `durable`", {"audit", "mode"})},
        with_setting({.what = "write records through to the disk", .change = "audit:\n  mode: durable\n"},
                     scene, "audit", {"mode", "durable"}));
}

}  // namespace writ::posture
