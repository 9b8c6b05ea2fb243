#include "access/classes.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "access/findings.h"
#include "access/formula.h"
#include "access/report.h"

namespace writ::access {

TargetClasses classes_of(Survey& survey, Reach& reach, const Census& census, const Target& target,
                         Names names, const PairMatters& matters) {
  TargetClasses result{target, {}, {}, {}, {}};
  std::map<std::string, std::size_t> by_formula;
  std::vector<Formula> formulas;  // by class
  const auto put = [&](const ChainGroup& group, bool may_split, auto&& self) -> void {
    Certainties certain(reach.frame(), group.first(), *target.api, target.point);
    Reached reached = reach.ask(certain, target, {.conditions = true});
    auto parts = formula_of(reached, certain, census, names, target);
    if (names == Names::kStrict && may_split && parts.names_one_of(group.first())) {
      for (const Chain& chain : group.chains)
        self(result.split->emplace_back(ChainGroup{{chain}}), false, self);
      return;
    }
    const auto [found, is_new] = by_formula.try_emplace(parts.whole(), result.classes.size());
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
      const auto first = [&](std::size_t at) -> const Chain& {
        return result.classes[at].groups.front()->first();
      };
      const bool matter = !matters || matters(first(i), first(j));
      const bool apart =
          !matter || separates(i, j) || separates(j, i) ||
          (place != nullptr && (by_place.separates(i, j, place) || by_place.separates(j, i, place)));
      if (place != nullptr) by_place.find(i, j, place);
      if (!apart) result.not_known.emplace_back(i, j);
    }
    find_alike(result.classes[i], target, reach, names, result.findings);
  }
  return result;
}

// ---- shown

namespace {

using codec::Json;

constexpr std::size_t kShownMembers = 50;

}  // namespace

Json to_json(const TargetClasses& classes) {
  Json list = Json::array();
  for (const CallerClass& each : classes.classes) {
    Json chains = Json::array();
    std::size_t count = 0;
    for (const ChainGroup* group : each.groups) {
      for (const Chain& chain : group->chains)
        if (count++ < kShownMembers) chains.push(ids_of(chain));
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
  for (const ClassFinding& each : classes.findings) {
    Json one = Json::object({{"kind", each.kind},
                             {"one", ids_of(each.one)},
                             {"other", ids_of(each.other)},
                             {"change", each.change}});
    if (!each.policy.empty()) one.set("policy", each.policy);
    if (each.fact) one.set("fact", Json::object({{each.fact->first, each.fact->second}}));
    if (each.shown) one.set("permitted", to_json(each.shown->first));
    if (each.shown) one.set("refused", to_json(each.shown->second));
    findings.push(std::move(one));
  }
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
  for (const ClassFinding& each : classes.findings) {
    out += fmt::format("  cannot tell apart: {}: {} and {}; {} would\n", each.kind, text_of(each.one),
                       text_of(each.other), each.change);
    if (!each.policy.empty()) out += fmt::format("    {}\n", each.policy);
    if (each.fact) out += fmt::format("    a resource with {} `{}`\n", each.fact->first, each.fact->second);
  }
  return out;
}

}  // namespace writ::access
