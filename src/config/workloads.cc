#include "config/workloads.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

#include "config/client_bundles.h"
#include "inventory/facts.h"

namespace writ::config {
namespace {

using files::YamlNode;
using inventory::ClaimNames;
using inventory::Identity;
using inventory::WorkloadRule;

constexpr int kMaxAlike = 100;  // that are reported

constexpr std::string_view kAboutUsers[] = {"claims", "subject_prefix", "tenants", "clients",     "profile",
                                            "facts",  "accept",         "links",   "group_prefix"};

std::string names_of(auto&& all) {
  std::vector<std::string_view> names;
  for (const auto& each : all) names.push_back(each.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

bool names_workloads(const files::Fields& issuer) {
  if (issuer.find("workloads") == nullptr) return false;
  for (const auto key : kAboutUsers) {
    if (const auto* node = issuer.find(key))
      issuer.source().error(*node, fmt::format("`{}` is about users, and this issuer names `workloads`", key),
                            "leave one of the two out: no issuer names both");
  }
  return true;
}

void read_workload_issuer(const files::Fields& fields, oauth::TrustedIssuer& issuer) {
  const auto chosen = fields.choice("workloads", {"kubernetes", "github", "gitlab", "spiffe", "google", "aws",
                                                  "azure", "other"});  // as they are listed
  if (chosen) issuer.workloads = &oauth::workload_profiles()[*chosen];
}

void WorkloadReader::read(const files::Fields& fields, Identity& identity) {
  for (const YamlNode& node : fields.list("workload")) read_rule(node, identity);
  for (const YamlNode& node : fields.list("certificates")) read_certificate(node, identity);
  identity.introspects = fields.texts("introspects", inventory::kMaxIdBytes);
  identity.certificate_bound = fields.boolean("certificate_bound").value_or(false);
  if (const auto* node = fields.find("previous_secret")) {
    const files::Fields previous(node, source_, "the previous secret", {"hash", "until"});
    const auto hash = previous.required_text("hash"), until = previous.required_text("until");
    const auto date = until ? inventory::date_from_text(*until) : std::nullopt;
    if (until && !date)
      source_.error(*previous.find("until"), fmt::format("`{}` is not a date", *until),
                    "for example 2027-01-31, which is its first moment in UTC, or 2027-01-31T12:00:00Z");
    if (hash && date) identity.previous_secret = {*hash, *date};
  }
}

// The names of facts, where a list has them and the issuer's profile knows their claims.
codec::Json WorkloadReader::facts_of(const YamlNode& node, const oauth::WorkloadProfile& profile) const {
  if (node.kind != YamlNode::Kind::kList) return to_json(node);
  auto map = codec::Json::object();
  for (const YamlNode& fact : node.items) {
    const auto known = std::ranges::find(profile.facts, fact.text, &oauth::WorkloadProfile::Fact::name);
    if (known == profile.facts.end()) {
      source_.error(fact, fmt::format("a token of `{}` has no fact `{}`", profile.name, fact.text),
                    fmt::format("one of {}; or a map from the fact to its claim", names_of(profile.facts)));
      continue;
    }
    auto path = codec::Json::array();
    for (const auto& each : known->claim) path.push(each);
    map.set(known->name, std::move(path));
  }
  return map;
}

// Null: it is not trusted to name workloads, which was reported.
const oauth::TrustedIssuer* WorkloadReader::issuer_of(const std::string& name, const YamlNode& node) const {
  const auto& all = config_.trusted_issuers;
  const auto found = std::ranges::find(all, name, &oauth::TrustedIssuer::issuer);
  if (found != all.end() && found->workloads != nullptr) return &*found;
  source_.error(node,
                found == all.end() ? fmt::format("`{}` is not a trusted issuer", name)
                                   : fmt::format("issuer `{}` names users, and no workloads", name),
                "name it in `trusted_issuers` with `workloads`, character by character as here");
  return nullptr;
}

void WorkloadReader::read_rule(const YamlNode& node, Identity& identity) {
  const files::Fields fields(&node, source_, "a workload", {"issuer", "audience", "claims", "facts"});
  const auto name = fields.required_text("issuer", 512);
  const auto* claims = fields.require("claims");
  const auto audience = fields.text("audience", 512);
  const auto* by = name ? issuer_of(*name, *fields.find("issuer")) : nullptr;
  if (by == nullptr || claims == nullptr) return;
  auto json = codec::Json::object({{"issuer", *name}, {"claims", to_json(*claims)}});
  if (audience) json.set("audience", *audience);
  if (const auto* facts = fields.find("facts")) json.set("facts", facts_of(*facts, *by->workloads));
  auto rule = inventory::workload_from_json(json);
  if (!rule) return source_.error(node, rule.error().message);
  Ruled ruled{identity.id, *rule, source_.place(node)};
  // As it is compared with a token's.
  if (!ruled.rule.audience) ruled.rule.audience = by->audience;
  for (const auto& problem : oauth::problems_of(*by->workloads, ruled.rule))
    source_.error(node, problem.what, problem.help);
  rules_.push_back(std::move(ruled));
  identity.workloads.push_back(*std::move(rule));
}

void WorkloadReader::read_certificate(const YamlNode& node, Identity& identity) {
  const files::Fields fields(&node, source_, "a certificate of a client", {"uri", "dns", "sha256"});
  auto json = codec::Json::object();
  for (const auto* key : {"uri", "dns", "sha256"}) {
    if (const auto text = fields.text(key, 512)) json.set(key, *text);
  }
  auto rule = inventory::certificate_from_json(json);
  if (!rule)
    return source_.error(node, rule.error().message, "for example {uri: spiffe://acme.example/export}");
  // X.509-SVID §5: without its trust domain's bundle, whoever else may sign certificates could vouch for it.
  if (!has_bundle_of(rule->uri, config_).value_or(true))
    source_.error(
        node,
        fmt::format("no listener has the bundle of the trust domain `{}`, so any other CA could "
                    "vouch for this id",
                    trust_domain_of(rule->uri)),
        fmt::format("add `client_bundles: {{{}: …}}` to the `tls` of the listener that it connects to: "
                    "the file or the URL of its bundle",
                    trust_domain_of(rule->uri)));
  const auto [at, added] = certificates_.try_emplace(certificate_to_json(*rule).dump(), identity.id);
  if (!added && at->second != identity.id)
    source_.error(node, fmt::format("the certificate is that of `{}` already", at->second),
                  "give each identity one of its own");
  identity.certificates.push_back(*std::move(rule));
}

// A rule meets those of which it names the same value of the claim that tells most of them apart, and no
// others.
void WorkloadReader::check_groups(const Group& one, const Group& other, int& left) const {
  const inventory::ClaimCondition* telling = nullptr;
  std::size_t most = 0;
  for (const auto& condition : one.front()->rule.claims) {
    if (condition_of(other.front()->rule, condition.path) == nullptr) continue;
    std::set<std::string_view> values;
    for (const auto* each : one) {
      for (const auto& value : condition_of(each->rule, condition.path)->values) values.insert(value);
    }
    if (values.size() > most) most = values.size(), telling = &condition;
  }
  std::multimap<std::string_view, const Ruled*> by_value;
  const auto values_of = [&](const Ruled& ruled) {
    std::vector<std::string_view> values{""};
    if (telling != nullptr) {
      const auto& named = condition_of(ruled.rule, telling->path)->values;
      values.assign(named.begin(), named.end());
    }
    return values;
  };
  for (const auto* each : one) {
    for (const auto value : values_of(*each)) by_value.emplace(value, each);
  }
  std::set<std::pair<const Ruled*, const Ruled*>> told;
  for (const auto* each : other) {
    for (const auto value : values_of(*each)) {
      const auto [begin, end] = by_value.equal_range(value);
      for (auto at = begin; at != end; ++at) {
        const Ruled* met = at->second;
        if (met->identity == each->identity || !could_be_one(met->rule, each->rule)) continue;
        if (!told.insert(std::minmax(met, each)).second || left-- <= 0) continue;
        const auto& [first, second] = std::minmax(met, each);
        source_.issues.error(
            second->place,
            fmt::format("one token could be both `{}` and `{}`: no claim tells their `workload` apart",
                        first->identity, second->identity),
            "let both name one claim, with other values, or another `audience`");
      }
    }
  }
}

void WorkloadReader::check() const {
  // By issuer and by the claims that they name.
  std::map<std::string, std::map<std::set<ClaimNames>, Group>> issuers;
  for (const Ruled& each : rules_) {
    std::set<ClaimNames> names;
    for (const auto& condition : each.rule.claims) names.insert(condition.path);
    issuers[each.rule.issuer][names].push_back(&each);
  }
  int left = kMaxAlike;
  for (const auto& [issuer, groups] : issuers) {
    for (auto one = groups.begin(); one != groups.end(); ++one) {
      for (auto other = one; other != groups.end(); ++other) check_groups(one->second, other->second, left);
    }
  }
}

}  // namespace writ::config
