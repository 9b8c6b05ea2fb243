#include "access/classes.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>

#include "access/report.h"

namespace writ::access {
namespace {

using codec::Json;

// The place of a party as it is called whoever stands there.
std::string place_name(const Chain& chain, std::size_t at) {
  if (at + 1 == chain.size()) return "<client>";
  return at == 0 ? "<subject>" : fmt::format("<actor {}>", at);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string written(const ChainLink& link) {
  std::string text;
  const auto uid = link.uid();
  cedar::append_entity(text, uid.type, uid.id);
  return text;
}

// `principal` where it stands as a word.
void name_principal(std::string& text, std::string_view name) {
  constexpr std::string_view kWord = "principal";
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = text.find(kWord); at != text.npos; at = text.find(kWord, at + name.size())) {
    const std::size_t end = at + kWord.size();
    const bool whole = (at == 0 || (!is_word(text[at - 1]) && text[at - 1] != '.' && text[at - 1] != '"')) &&
                       (end == text.size() || !is_word(text[end]));
    if (whole) {
      text.replace(at, kWord.size(), name);
    } else {
      at = end - name.size();
    }
  }
}

std::string text_known(const TextKnown& known) {
  return fmt::format("{}{}[{}]", known.certain, known.impossible, fmt::join(known.among, ","));
}

// What is left of guards and policies for one chain: two chains with the same of it are decided equally.
struct Formula {
  std::string policies, tenant, environment;  // tenant and environment: what the guards compare

  std::string whole() const { return fmt::format("{}|{}|{}", policies, tenant, environment); }
  // They differ in nothing but this, which guards look at where the resource has one.
  bool differs_in_tenant_alone(const Formula& other) const {
    return policies == other.policies && environment == other.environment && tenant != other.tenant;
  }
  bool differs_in_environment_alone(const Formula& other) const {
    return policies == other.policies && tenant == other.tenant && environment != other.environment;
  }
};

Formula formula_of(const Reached& reached, const Certainties& certain, const Census& census, Names names,
                   const Target& target) {
  if (reached.verdict == Verdict::kNever) return {"never", {}, {}};
  const Chain& chain = certain.chain();
  // A permit that holds in any case, and no forbid: the party asks for nothing.
  std::map<std::string, std::pair<std::set<std::string>, std::set<std::string>>> by_party;
  bool follows = target.resource_type.empty() || target.resource_type.starts_with("Writ::");
  for (const Remainder& each : reached.conditions) {
    if (each.policy.empty()) continue;
    std::string text = each.cedar.empty() ? "true" : each.cedar;
    std::size_t place = 0;
    for (std::size_t i = 0; i < chain.size(); ++i)
      if (written(chain[i]) == each.party) place = i;
    if (names == Names::kExchanged) {
      name_principal(text, place_name(chain, place));
      for (std::size_t i = 0; i < chain.size(); ++i)
        replace_all(text, written(chain[i]), place_name(chain, i));
    } else {
      name_principal(text, each.party);
    }
    follows = follows || each.follows;
    auto& [permits, forbids] = by_party[each.party];
    (each.forbids ? forbids : permits).insert(std::move(text));
  }
  std::set<std::string> parts;
  for (const auto& [party, policies] : by_party) {
    const auto& [permits, forbids] = policies;
    if (forbids.empty() && permits.contains("true")) continue;
    const std::string permit =
        permits.contains("true") ? "true" : fmt::format("{}", fmt::join(permits, " || "));
    parts.insert(fmt::format("({}) unless ({})", permit, fmt::join(forbids, " || ")));
  }
  auto purposes = certain.purpose();
  std::ranges::sort(purposes.among);
  Formula formula{fmt::format("{}|{}|task {}|purpose {}", verdict_name(reached.verdict),
                              fmt::join(parts, " && "), certain.needs_task(), text_known(purposes)),
                  fmt::format("tenant {} {}", text_known(certain.tenant()), certain.tenant_by_token()),
                  fmt::format("environment {}", text_known(certain.environment()))};
  if (follows || certain.may_end())
    formula.policies += fmt::format("|profiles {}", fmt::join(census.profiles_of(chain), ","));
  return formula;
}

// The same names in other places: entities in what is told of the resource.
Json renamed(const Json& json, const std::vector<std::pair<cedar::EntityUid, cedar::EntityUid>>& names) {
  if (json.is_array()) {
    Json list = Json::array();
    for (const Json& each : *json.if_array()) list.push(renamed(each, names));
    return list;
  }
  if (!json.is_object()) return json;
  const auto* type = json.find_string("type");
  const auto* id = json.find_string("id");
  if (type != nullptr && id != nullptr) {
    for (const auto& [from, to] : names) {
      if (from.type == *type && from.id == *id) return Json::object({{"type", to.type}, {"id", to.id}});
    }
  }
  Json object = Json::object();
  for (const auto& [name, value] : *json.if_object()) object.set(name, renamed(value, names));
  return object;
}

// Subject for subject, client for client, and those between by their place.
std::vector<std::pair<const ChainLink*, const ChainLink*>> matched(const Chain& from, const Chain& to) {
  std::vector<std::pair<const ChainLink*, const ChainLink*>> pairs;
  if (from.size() > 1 && to.size() > 1) pairs.emplace_back(&from.front(), &to.front());
  pairs.emplace_back(&from.back(), &to.back());
  for (std::size_t i = 1; i + 1 < std::min(from.size(), to.size()); ++i) pairs.emplace_back(&from[i], &to[i]);
  return pairs;
}

}  // namespace

Trial exchanged(const Trial& trial, const Chain& from, const Chain& to, const Certainties& certain,
                Names names) {
  Trial other = trial;
  other.claims.subject = to.front().id;
  other.claims.client_id = to.back().id;
  other.claims.actors = actors_of(to);
  if (to.size() == 1) other.claims.subject_issuer.reset();
  other.claims.tenant.reset();
  other.claims.environment.reset();
  // What the token says of the place is the other's, unless it leaves that open.
  const auto place = [](const TextKnown& known,
                        const std::optional<std::string>& said) -> std::optional<std::string> {
    if (known.impossible || !said) return std::nullopt;
    if (known.among.empty()) return said;
    return known.among.front();
  };
  other.claims.tenant = place(certain.tenant(), trial.claims.tenant);
  if (certain.tenant_by_token() && certain.tenant().certain)
    other.claims.tenant = certain.tenant().among.front();
  other.claims.environment = place(certain.environment(), trial.claims.environment);
  if (names == Names::kExchanged) {
    std::vector<std::pair<cedar::EntityUid, cedar::EntityUid>> pairs;
    for (const auto& [one, another] : matched(from, to)) {
      pairs.emplace_back(one->uid(), another->uid());
      pairs.emplace_back(another->uid(), one->uid());
    }
    other.attributes = renamed(trial.attributes, pairs);
  }
  if (!other.task) return other;
  task::Task& task = *other.task;
  task.subject = to.size() > 1 ? std::optional(to.front().id) : std::nullopt;
  if (task.client) task.client.reset();
  for (const ChainLink& each : to) {
    if (trial.task->client && !each.is_agent() && each.kind() != inventory::Kind::kUser)
      task.client = each.id;
  }
  std::erase_if(task.agents, [&](const std::string& id) {
    return std::ranges::any_of(from, [&](const ChainLink& each) { return each.id == id; });
  });
  for (const ChainLink& each : to) {
    if (each.is_agent() && std::ranges::find(task.agents, each.id) == task.agents.end())
      task.agents.push_back(each.id);
  }
  if (task.tenant && certain.tenant().among.size() == 1) task.tenant = certain.tenant().among.front();
  if (task.environment && certain.environment().among.size() == 1)
    task.environment = certain.environment().among.front();
  return other;
}

namespace {

std::string environment_of(const Chain& chain) {
  for (const ChainLink& each : chain)
    if (each.member != nullptr && (*each.member)->environment) return *(*each.member)->environment;
  return {};
}

std::string tenant_of(const Chain& chain) {
  for (const ChainLink& each : chain)
    if (each.member != nullptr && (*each.member)->tenant) return *(*each.member)->tenant;
  return {};
}

// What somebody may want to tell apart, and how. Of each kind one example is enough in a class.
void find_alike(const CallerClass& of, std::vector<ClassFinding>& findings) {
  if (!of.reached.may()) return;
  std::vector<const Chain*> chains;
  constexpr std::size_t kLookedAt = 300;
  for (const ChainGroup* group : of.groups) {
    for (const Chain& chain : group->chains)
      if (chains.size() < kLookedAt) chains.push_back(&chain);
  }
  std::set<std::string> found;
  const auto add = [&](const char* kind, const Chain& one, const Chain& other, const char* change) {
    if (found.insert(kind).second) findings.push_back({kind, one, other, change});
  };
  using inventory::Kind;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    const Chain& one = *chains[i];
    for (std::size_t j = i + 1; j < chains.size(); ++j) {
      const Chain& other = *chains[j];
      const auto kinds = std::pair(one.back().kind(), other.back().kind());
      if (one.size() == other.size() && one.size() > 1 && one.front().id == other.front().id &&
          one.back().id != other.back().id && kinds == std::pair(Kind::kApplication, Kind::kApplication))
        add("same user through two applications", one, other, "a condition on `context.application`");
      if (kinds == std::pair(Kind::kService, Kind::kAgent) ||
          kinds == std::pair(Kind::kAgent, Kind::kService))
        add("a service and an agent", one, other, "a condition `context has agent`");
      const auto env_one = environment_of(one), env_other = environment_of(other);
      if (env_one != env_other && !env_one.empty() && !env_other.empty())
        add("two environments", one, other, "a condition on `context.environment`");
      const auto tenant_one = tenant_of(one), tenant_other = tenant_of(other);
      if (tenant_one != tenant_other && !tenant_one.empty() && !tenant_other.empty())
        add("two tenants", one, other, "a condition `context.tenant == resource.tenant`");
    }
  }
  const bool reads_task = std::ranges::any_of(of.reached.conditions, [](const Remainder& each) {
    return each.cedar.find("context.task") != std::string::npos ||
           each.cedar.find("context has task") != std::string::npos;
  });
  const bool agents =
      std::ranges::any_of(*chains.front(), [](const ChainLink& each) { return each.is_agent(); });
  if (!reads_task && !agents && of.reached.verdict == Verdict::kWhen)
    add("with and without a task", *chains.front(), *chains.front(), "a condition `context has task`");
}

}  // namespace

namespace {

// Whether resources of the type have an attribute, as far as a schema says it.
enum class Has : std::uint8_t { kNever, kMaybe, kAlways };
Has has_attribute(const Frame& frame, const Target& target, std::string_view name) {
  if (frame.policies.schema == nullptr) return Has::kMaybe;
  const auto* type = frame.policies.schema->find_entity_type(target.resource_type);
  if (type == nullptr) return Has::kMaybe;
  const auto attribute = type->attributes.find(name);
  if (attribute == type->attributes.end()) return Has::kNever;
  return attribute->second.required ? Has::kAlways : Has::kMaybe;
}

// Two classes that differ in nothing but the tenant, or the environment, are told apart by a guard alone, and
// by that only on resources that say theirs.
class ByPlace {
 public:
  ByPlace(Reach& reach, const Target& target, Names names, TargetClasses& result)
      : reach_(reach), target_(target), names_(names), result_(result) {}

  // A request on a resource that says the one's; it separates. `name`: "tenant", "environment".
  bool separates(std::size_t one, std::size_t other, std::string_view name) {
    const auto& witness = result_.classes[one].reached.witness;
    if (!witness || has_attribute(reach_.frame(), target_, name) == Has::kNever || says(*witness, name))
      return false;
    const auto own = place_of(one, name);
    if (!own) return false;
    Trial permitted = *witness;
    permitted.attributes.set(name, *own);
    if (!is_permitted(permitted)) return false;
    Trial refused = for_other(permitted, one, other);
    if (is_permitted(refused)) return false;
    result_.separations.push_back({one, other, std::move(permitted), std::move(refused)});
    return true;
  }

  // The very same request, on the same resource that says no place, is permitted for both.
  void find(std::size_t one, std::size_t other, std::string_view name) {
    const auto& witness = result_.classes[one].reached.witness;
    if (!witness || has_attribute(reach_.frame(), target_, name) == Has::kAlways || says(*witness, name))
      return;
    if (!place_of(one, name) || !place_of(other, name)) return;
    if (!is_permitted(for_other(*witness, one, other))) return;
    const bool tenants = name == "tenant";
    const char* kind = tenants ? "two tenants" : "two environments";
    if (std::ranges::any_of(result_.findings, [&](const ClassFinding& each) { return each.kind == kind; }))
      return;
    result_.findings.push_back({kind, first(one), first(other),
                                tenants ? "a `tenant` of the resource (a guard compares it), or a condition "
                                          "`context.tenant == resource.tenant`"
                                        : "an `environment` of the resource (a guard compares it), or a "
                                          "condition on `context.environment`"});
  }

 private:
  const Chain& first(std::size_t at) const { return result_.classes[at].groups.front()->first(); }
  // Where it is known.
  std::optional<std::string> place_of(std::size_t at, std::string_view name) const {
    Certainties certain(reach_.frame(), first(at), *target_.api, target_.point);
    const TextKnown& known = name == "tenant" ? certain.tenant() : certain.environment();
    if (known.among.size() != 1) return std::nullopt;
    return known.among.front();
  }
  bool is_permitted(const Trial& trial) {
    const auto judged = reach_.court().judge(trial, reach_.frame());
    return judged && judged->permitted;
  }
  Trial for_other(const Trial& trial, std::size_t one, std::size_t other) {
    Certainties certain(reach_.frame(), first(other), *target_.api, target_.point);
    return exchanged(trial, first(one), first(other), certain, names_);
  }
  bool says(const Trial& trial, std::string_view name) const {
    if (trial.attributes.find(name) != nullptr) return true;
    cedar::Arena arena;
    const auto* catalogued =
        reach_.frame().policies.entities->find(arena.entity(trial.resource.type, trial.resource.id));
    return catalogued != nullptr && catalogued->attributes->find(name) != nullptr;
  }

  Reach& reach_;
  const Target& target_;
  const Names names_;
  TargetClasses& result_;
};

}  // namespace

TargetClasses classes_of(Survey& survey, Reach& reach, const Census& census, const Target& target,
                         Names names) {
  TargetClasses result{target, {}, {}, {}, {}};
  std::map<std::string, std::size_t> by_formula;
  std::vector<Formula> formulas;  // by class
  const auto put = [&](const ChainGroup& group, bool may_split, auto&& self) -> void {
    Certainties certain(reach.frame(), group.first(), *target.api, target.point);
    Reached reached = reach.ask(certain, target, {.conditions = true});
    auto parts = formula_of(reached, certain, census, names, target);
    std::string formula = parts.whole();
    const bool own_name = std::ranges::any_of(group.first(), [&](const ChainLink& each) {
      return formula.find(written(each)) != std::string::npos;
    });
    if (names == Names::kStrict && may_split && own_name) {
      for (const Chain& chain : group.chains)
        self(result.split->emplace_back(ChainGroup{{chain}}), false, self);
      return;
    }
    const auto [found, is_new] = by_formula.try_emplace(std::move(formula), result.classes.size());
    if (is_new) {
      result.classes.push_back({{}, std::move(reached)});
      formulas.push_back(std::move(parts));
    }
    result.classes[found->second].groups.push_back(&group);
  };
  for (const ChainGroup& group : survey.groups()) put(group, true, put);
  result.cut = result.classes.size() > kClassesCompared;
  for (CallerClass& each : result.classes) {
    if (each.reached.verdict == Verdict::kNever) continue;
    Certainties certain(reach.frame(), each.groups.front()->first(), *target.api, target.point);
    each.reached.witness = reach.witness(certain, target);
  }
  const auto separates = [&](std::size_t one, std::size_t other) {
    const auto& witness = result.classes[one].reached.witness;
    if (!witness) return false;
    const Chain& from = result.classes[one].groups.front()->first();
    const Chain& to = result.classes[other].groups.front()->first();
    Certainties certain(reach.frame(), to, *target.api, target.point);
    Trial trial = exchanged(*witness, from, to, certain, names);
    const auto judged = reach.court().judge(trial, reach.frame());
    if (!judged || judged->permitted) return false;
    result.separations.push_back({one, other, *witness, std::move(trial)});
    return true;
  };
  ByPlace by_place(reach, target, names, result);
  const std::size_t compared = std::min(result.classes.size(), kClassesCompared);
  for (std::size_t i = 0; i < result.classes.size(); ++i) {
    for (std::size_t j = i + 1; i < compared && j < compared; ++j) {
      const char* place = formulas[i].differs_in_tenant_alone(formulas[j])        ? "tenant"
                          : formulas[i].differs_in_environment_alone(formulas[j]) ? "environment"
                                                                                  : nullptr;
      const bool apart =
          separates(i, j) || separates(j, i) ||
          (place != nullptr && (by_place.separates(i, j, place) || by_place.separates(j, i, place)));
      if (place != nullptr) by_place.find(i, j, place);
      if (!apart) result.not_known.emplace_back(i, j);
    }
    find_alike(result.classes[i], result.findings);
  }
  return result;
}

// ---- what the API itself sees

namespace {

constexpr std::string_view kClaims[] = {"sub",         "client_id", "act", "purpose",   "tenant",
                                        "environment", "task",      "acr", "auth_time", "scope"};

std::string claim_of(std::string_view claim, const Chain& chain, const Certainties& certain) {
  const auto text = [](const TextKnown& known) {
    return known.certain && known.among.size() == 1 ? known.among.front() : std::string("(open)");
  };
  if (claim == "sub") return chain.front().id;
  if (claim == "client_id") return chain.back().id;
  if (claim == "tenant") return text(certain.tenant());
  if (claim == "environment") return text(certain.environment());
  if (claim == "purpose") return fmt::format("one of [{}]", fmt::join(certain.purpose().among, ", "));
  if (claim == "task") return certain.needs_task() ? "(there is one)" : "(open)";
  if (claim == "act") {
    std::vector<std::string> ids;
    for (const auto& actor : actors_of(chain)) ids.push_back(actor.subject);
    return fmt::format("{}", fmt::join(ids, " < "));
  }
  return "(open)";
}

}  // namespace

std::vector<std::string> telling_claims(const std::vector<std::string>& declared) {
  std::vector<std::string> claims;
  for (const auto& claim : declared)
    if (std::ranges::find(kClaims, claim) != std::end(kClaims)) claims.push_back(claim);
  return claims;
}

Result<std::vector<LookAlikes>> look_alikes(Survey& survey, const std::vector<Target>& targets,
                                            const std::vector<std::string>& reads) {
  for (const std::string& claim : reads) {
    if (std::ranges::find(kClaims, claim) == std::end(kClaims))
      return failure(ErrorCode::kInvalid,
                     fmt::format("`{}` is not a claim that can be looked at: name some of {}", claim,
                                 fmt::join(kClaims, ", ")));
  }
  std::map<std::vector<std::pair<std::string, std::string>>, LookAlikes> by_seen;
  for (const ChainGroup& group : survey.groups()) {
    const bool reaches = std::ranges::any_of(
        targets, [&](const Target& target) { return survey.ask(group, target, {}).may(); });
    if (!reaches || targets.empty()) continue;
    const Certainties& certain = survey.certainties(group, targets.front());
    for (const Chain& chain : group.chains) {
      std::vector<std::pair<std::string, std::string>> seen;
      for (const std::string& claim : reads) seen.emplace_back(claim, claim_of(claim, chain, certain));
      LookAlikes& alike = by_seen[seen];
      alike.seen = seen;
      alike.chains.push_back(chain);
      // The first claim that tells this one from those before.
      for (const std::string_view claim : kClaims) {
        if (alike.change || std::ranges::find(reads, claim) != reads.end()) continue;
        const Chain& first = alike.chains.front();
        const bool open = claim == "purpose" || claim == "acr" || claim == "auth_time" || claim == "scope" ||
                          claim == "task";
        if (!open && claim_of(claim, chain, certain) != claim_of(claim, first, certain)) alike.change = claim;
      }
    }
  }
  std::vector<LookAlikes> all;
  for (auto& [seen, alike] : by_seen)
    if (alike.chains.size() > 1) all.push_back(std::move(alike));
  return all;
}

// ---- shown

namespace {

Json ids_of(const Chain& chain) {
  Json ids = Json::array();
  for (const ChainLink& each : chain) ids.push(each.id);
  return ids;
}

constexpr std::size_t kShown = 50;

}  // namespace

Json to_json(const TargetClasses& classes) {
  Json list = Json::array();
  for (const CallerClass& each : classes.classes) {
    Json chains = Json::array();
    std::size_t count = 0;
    for (const ChainGroup* group : each.groups) {
      for (const Chain& chain : group->chains)
        if (count++ < kShown) chains.push(ids_of(chain));
    }
    Json one = Json::object({{"verdict", verdict_name(each.reached.verdict)},
                             {"chain_count", static_cast<std::int64_t>(count)},
                             {"chains", std::move(chains)}});
    if (each.reached.witness) one.set("witness", to_json(*each.reached.witness));
    list.push(std::move(one));
  }
  const auto number = [](std::size_t at) { return Json(static_cast<std::int64_t>(at)); };
  Json separations = Json::array();
  for (const Separation& each : classes.separations)
    separations.push(Json::object({{"permitted", number(each.permitted)},
                                   {"refused", number(each.refused)},
                                   {"request", to_json(each.permitted_trial)},
                                   {"exchanged", to_json(each.refused_trial)}}));
  Json not_known = Json::array();
  for (const auto& [one, other] : classes.not_known) {
    Json pair = Json::array();
    pair.push(number(one));
    pair.push(number(other));
    not_known.push(std::move(pair));
  }
  Json findings = Json::array();
  for (const ClassFinding& each : classes.findings)
    findings.push(Json::object({{"kind", each.kind},
                                {"one", ids_of(each.one)},
                                {"other", ids_of(each.other)},
                                {"change", each.change}}));
  return Json::object({{"target", text_of(classes.target)},
                       {"classes", std::move(list)},
                       {"separations", std::move(separations)},
                       {"not_known", std::move(not_known)},
                       {"pairs_cut", classes.cut},
                       {"findings", std::move(findings)}});
}

std::string to_text(const TargetClasses& classes) {
  std::string out = text_of(classes.target) + "\n";
  for (std::size_t i = 0; i < classes.classes.size(); ++i) {
    const CallerClass& each = classes.classes[i];
    out += fmt::format("  class {}: {}\n", i + 1, verdict_name(each.reached.verdict));
    std::size_t count = 0;
    for (const ChainGroup* group : each.groups) {
      for (const Chain& chain : group->chains)
        if (count++ < 12) out += "    " + text_of(chain) + "\n";
    }
    if (count > 12) out += fmt::format("    and {} more\n", count - 12);
  }
  for (const auto& [one, other] : classes.not_known)
    out +=
        fmt::format("  not known: whether classes {} and {} are decided differently\n", one + 1, other + 1);
  if (classes.cut)
    out += fmt::format("  of the first {} classes alone each pair was looked at\n", kClassesCompared);
  for (const ClassFinding& each : classes.findings)
    out += fmt::format("  cannot tell apart: {}: {} and {}; {} would\n", each.kind, text_of(each.one),
                       text_of(each.other), each.change);
  return out;
}

Json to_json(const std::vector<LookAlikes>& alike) {
  Json list = Json::array();
  for (const LookAlikes& each : alike) {
    Json seen = Json::object(), chains = Json::array();
    for (const auto& [claim, value] : each.seen) seen.set(claim, value);
    for (std::size_t i = 0; i < std::min(each.chains.size(), kShown); ++i)
      chains.push(ids_of(each.chains[i]));
    Json one = Json::object({{"seen", std::move(seen)},
                             {"chain_count", static_cast<std::int64_t>(each.chains.size())},
                             {"chains", std::move(chains)}});
    if (each.change) one.set("change", *each.change);
    list.push(std::move(one));
  }
  return list;
}

std::string to_text(const std::vector<LookAlikes>& alike, const std::vector<std::string>& reads) {
  std::string out = fmt::format("by {}:\n", fmt::join(reads, ", "));
  for (const LookAlikes& each : alike) {
    std::vector<std::string> seen;
    for (const auto& [claim, value] : each.seen) seen.push_back(fmt::format("{} {}", claim, value));
    out += fmt::format("  {}: the same caller\n", fmt::join(seen, ", "));
    for (std::size_t i = 0; i < std::min<std::size_t>(each.chains.size(), 12); ++i)
      out += "    " + text_of(each.chains[i]) + "\n";
    if (each.chains.size() > 12) out += fmt::format("    and {} more\n", each.chains.size() - 12);
    if (each.change) out += fmt::format("    `{}` would tell them apart\n", *each.change);
  }
  if (alike.empty()) out += "  no two callers look alike\n";
  return out;
}

}  // namespace writ::access
