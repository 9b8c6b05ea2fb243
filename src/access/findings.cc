#include "access/findings.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "cedar/parse.h"

namespace writ::access {
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

std::string written(std::string_view type, std::string_view id) {
  std::string text;
  cedar::append_entity(text, type, id);
  return text;
}

std::string quoted(std::string_view text) {
  std::string out;
  codec::append_json_string(out, text);
  return out;
}

// A forbid more, and what it does to single requests.
class Amendment {
 public:
  Amendment(Reach& reach, const Target& target) : reach_(reach), target_(target) {}

  std::string forbid(std::string_view principal, std::string_view condition) const {
    return fmt::format("forbid ({}, action == {}, resource){};", principal,
                       written(target_.action.type, target_.action.id),
                       condition.empty() ? std::string() : fmt::format(" {}", condition));
  }

  bool permitted(const Trial& trial) const {
    const auto judged = reach_.court().judge(trial, reach_.frame());
    return judged && judged->permitted;
  }

  // One more forbid refuses for whom it holds or fails, and changes nothing else: so it is asked alone,
  // beside a permit of everything.
  bool permitted_with(const std::string& policy, const Trial& trial) const {
    auto set = cedar::parse_policies("permit (principal, action, resource);\n" + policy);
    if (!set) return false;
    auto compiled = cedar::CompiledPolicySet::compile(*set);
    if (!compiled) return false;
    decision::PolicySnapshot amended = reach_.frame().policies;
    amended.policies = *std::move(compiled);
    const Frame frame{reach_.frame().inventory, amended, reach_.frame().at, reach_.frame().pushed};
    const auto judged = reach_.court().judge(trial, frame);
    return permitted(trial) && judged && judged->permitted;
  }

  // Whether it is permitted for the one of two that are, and refused for the other; whichever.
  bool separates(const std::string& policy, const Trial& one, const Trial& other,
                 ClassFinding& finding) const {
    for (const auto& [kept, cut] : {std::pair(&one, &other), std::pair(&other, &one)}) {
      if (!permitted_with(policy, *kept) || permitted_with(policy, *cut)) continue;
      finding.policy = policy;
      finding.shown.emplace(*kept, *cut);
      return true;
    }
    return false;
  }

 private:
  Reach& reach_;
  const Target& target_;
};

// The same request in a task that names its parties and covers it.
Trial in_a_task(const Trial& trial, const Certainties& certain) {
  Trial other = trial;
  task::Task task{};
  task.id = "task-1";
  const auto& among = certain.purpose().among;
  task.purpose = trial.claims.purpose ? *trial.claims.purpose : among.empty() ? "any" : among.front();
  const Chain& chain = certain.chain();
  if (chain.size() > 1) task.subject = chain.front().id;
  for (const ChainLink& each : chain)
    if (each.is_agent()) task.agents.push_back(each.id);
  task.actions.push_back(trial.target.action);
  task.resources.push_back({trial.resource.type, std::nullopt});
  task.not_before = trial.time - std::chrono::minutes(1);
  task.expires_at = trial.time + std::chrono::hours(1);
  task.opened_at = task.not_before;
  task.opened_by = chain.back().id;
  other.task = std::move(task);
  return other;
}

// Applies the conditions one after the other, until one separates; at last a party that only one of them has.
void apply(ClassFinding& finding, const std::vector<std::string>& conditions, Reach& reach,
           const Target& target, Names names) {
  Certainties of_one(reach.frame(), finding.one, *target.api, target.point);
  Certainties of_other(reach.frame(), finding.other, *target.api, target.point);
  const Amendment amendment(reach, target);
  auto one = reach.witness(of_one, target);
  if (!one) return;
  const bool same = text_of(finding.one) == text_of(finding.other);
  Trial other = same ? in_a_task(*one, of_one) : exchanged(*one, finding.one, finding.other, of_other, names);
  if (same) one->task.reset();
  if (!amendment.permitted(*one) || !amendment.permitted(other)) return;
  std::vector<std::string> policies;
  for (const auto& condition : conditions) policies.push_back(amendment.forbid("principal", condition));
  for (const auto& [chain, without] :
       {std::pair(&finding.other, &finding.one), std::pair(&finding.one, &finding.other)}) {
    for (const ChainLink& each : *chain) {
      const bool shared =
          std::ranges::any_of(*without, [&](const ChainLink& it) { return it.id == each.id; });
      if (!shared)
        policies.push_back(amendment.forbid("principal == " + written(each.uid().type, each.id), {}));
    }
  }
  for (const auto& policy : policies)
    if (amendment.separates(policy, *one, other, finding)) return;
}

std::string when_place(std::string_view name, std::string_view place) {
  return fmt::format("when {{ context has {0} && context.{0} == {1} }}", name, quoted(place));
}

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

}  // namespace

void find_alike(const CallerClass& of, const Target& target, Reach& reach, Names names,
                std::vector<ClassFinding>& findings) {
  if (!of.reached.may()) return;
  std::vector<const Chain*> chains;
  constexpr std::size_t kLookedAt = 300;
  for (const ChainGroup* group : of.groups) {
    for (const Chain& chain : group->chains)
      if (chains.size() < kLookedAt) chains.push_back(&chain);
  }
  std::set<std::string> found;
  const auto add = [&](const char* kind, const Chain& one, const Chain& other, const char* change,
                       const std::vector<std::string>& conditions) {
    if (!found.insert(kind).second) return;
    ClassFinding finding{.kind = kind, .one = one, .other = other, .change = change};
    if (findings.size() < kChangesApplied) apply(finding, conditions, reach, target, names);
    findings.push_back(std::move(finding));
  };
  using inventory::Kind;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    const Chain& one = *chains[i];
    for (std::size_t j = i + 1; j < chains.size(); ++j) {
      const Chain& other = *chains[j];
      const auto kinds = std::pair(one.back().kind(), other.back().kind());
      if (one.size() == other.size() && one.size() > 1 && one.front().id == other.front().id &&
          one.back().id != other.back().id && kinds == std::pair(Kind::kApplication, Kind::kApplication))
        add("same user through two applications", one, other, "a condition on `context.application`",
            {fmt::format("when {{ context has application && context.application == {} }}",
                         written(other.back().uid().type, other.back().id))});
      if (kinds == std::pair(Kind::kService, Kind::kAgent) ||
          kinds == std::pair(Kind::kAgent, Kind::kService))
        add("a service and an agent", one, other, "a condition `context has agent`",
            {"when { context has agent }"});
      const auto env_one = environment_of(one), env_other = environment_of(other);
      if (env_one != env_other && !env_one.empty() && !env_other.empty())
        add("two environments", one, other, "a condition on `context.environment`",
            {when_place("environment", env_other)});
      const auto tenant_one = tenant_of(one), tenant_other = tenant_of(other);
      if (tenant_one != tenant_other && !tenant_one.empty() && !tenant_other.empty())
        add("two tenants", one, other, "a condition `context.tenant == resource.tenant`",
            {when_place("tenant", tenant_other)});
    }
  }
  const bool reads_task = std::ranges::any_of(of.reached.conditions, [](const Remainder& each) {
    return each.cedar.find("context.task") != std::string::npos ||
           each.cedar.find("context has task") != std::string::npos;
  });
  const bool agents =
      std::ranges::any_of(*chains.front(), [](const ChainLink& each) { return each.is_agent(); });
  if (!reads_task && !agents && of.reached.verdict == Verdict::kWhen)
    add("with and without a task", *chains.front(), *chains.front(), "a condition `context has task`",
        {"unless { context has task }"});
}

std::optional<Separation> ByPlace::separation(std::size_t one, std::size_t other, std::string_view name) {
  const auto& witness = result_.classes[one].reached.witness;
  if (!witness || has_attribute(reach_.frame(), target_, name) == Has::kNever || says(*witness, name))
    return std::nullopt;
  const auto own = place_of(one, name);
  if (!own) return std::nullopt;
  Trial permitted = *witness;
  permitted.attributes.set(name, *own);
  if (!is_permitted(permitted)) return std::nullopt;
  Trial refused = for_other(permitted, one, other);
  if (is_permitted(refused)) return std::nullopt;
  return Separation{one, other, std::move(permitted), std::move(refused)};
}

bool ByPlace::separates(std::size_t one, std::size_t other, std::string_view name) {
  auto found = separation(one, other, name);
  if (found) result_.separations.push_back(*std::move(found));
  return found.has_value();
}

void ByPlace::find(std::size_t one, std::size_t other, std::string_view name) {
  const auto& witness = result_.classes[one].reached.witness;
  if (!witness || has_attribute(reach_.frame(), target_, name) == Has::kAlways || says(*witness, name))
    return;
  const auto place = place_of(one, name), place_other = place_of(other, name);
  if (!place || !place_other || !is_permitted(for_other(*witness, one, other))) return;
  const bool tenants = name == "tenant";
  const char* kind = tenants ? "two tenants" : "two environments";
  if (std::ranges::any_of(result_.findings, [&](const ClassFinding& each) { return each.kind == kind; }))
    return;
  ClassFinding finding{.kind = kind,
                       .one = first(one),
                       .other = first(other),
                       .change = tenants ? "a `tenant` of the resource (a guard compares it), or a condition "
                                           "`context.tenant == resource.tenant`"
                                         : "an `environment` of the resource (a guard compares it), or a "
                                           "condition on `context.environment`"};
  if (auto by_fact = separation(one, other, name)) {
    finding.fact.emplace(name, *place);
    finding.shown.emplace(std::move(by_fact->permitted_trial), std::move(by_fact->refused_trial));
  } else {
    apply(finding, {when_place(name, *place_other)}, reach_, target_, names_);
  }
  result_.findings.push_back(std::move(finding));
}

// Where it is known.
std::optional<std::string> ByPlace::place_of(std::size_t at, std::string_view name) const {
  Certainties certain(reach_.frame(), first(at), *target_.api, target_.point);
  const TextKnown& known = name == "tenant" ? certain.tenant() : certain.environment();
  if (known.among.size() != 1) return std::nullopt;
  return known.among.front();
}

bool ByPlace::is_permitted(const Trial& trial) {
  const auto judged = reach_.court().judge(trial, reach_.frame());
  return judged && judged->permitted;
}

Trial ByPlace::for_other(const Trial& trial, std::size_t one, std::size_t other) {
  Certainties certain(reach_.frame(), first(other), *target_.api, target_.point);
  return exchanged(trial, first(one), first(other), certain, names_);
}

bool ByPlace::says(const Trial& trial, std::string_view name) const {
  if (trial.attributes.find(name) != nullptr) return true;
  cedar::Arena arena;
  const auto* catalogued =
      reach_.frame().policies.entities->find(arena.entity(trial.resource.type, trial.resource.id));
  return catalogued != nullptr && catalogued->attributes->find(name) != nullptr;
}

}  // namespace writ::access
