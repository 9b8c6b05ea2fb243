// Permits: too wide, standing, dead, never needed, and those that a hidden claim defeats.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

#include "cedar/print.h"
#include "control/own_api.h"
#include "decision/hiding.h"
#include "policy/grants.h"
#include "posture/fixes.h"
#include "posture/looks.h"
#include "posture/scope.h"

namespace writ::posture {
namespace {

using cedar::Effect;
using cedar::Policy;
using cedar::ScopeTerm;
using inventory::Kind;
using inventory::Status;

using Rule = ScopeTerm::Rule;

// Whether it is about more than issuing, delegating and opening tasks, after which comes another decision.
bool is_for_use(const Policy& policy) {
  if (policy.action.entities.empty()) return true;
  const std::string own = std::string(control::kOwnNamespace) + "::Action";
  return std::ranges::any_of(policy.action.entities, [&](const cedar::EntityUid& action) {
    return action.type != own ||
           (action.id != "issue" && action.id != "delegate" && action.id != "request-tasks");
  });
}

template <class Visit>
void each_permit(const Scene& scene, Visit visit) {
  const auto& policies = scene.loaded().policies.policies.policies;
  for (std::size_t i = 0; i < policies.size(); ++i)
    if (policies[i].effect == Effect::kPermit) visit(policies[i], i);
}

// `context.token.acr` → "context.token has acr"
std::string has_text(std::string path) {
  const auto dot = path.rfind('.');
  return dot == std::string::npos ? path : path.replace(dot, 1, " has ");
}

// A group of actions, by the schema or the entities.
bool has_actions_below(const Scene& scene, const cedar::EntityUid& group) {
  const auto& snapshot = *scene.loaded().policies.snapshot;
  if (snapshot.schema != nullptr) {
    const auto found = snapshot.schema->actions().find(group);
    if (found != snapshot.schema->actions().end() && !found->second.descendants.empty()) return true;
  }
  cedar::Arena arena;
  const auto uid = arena.entity(group.type, group.id);
  for (const auto& api : scene.loaded().world.declared.apis)
    for (const auto& name : api.actions) {
      const auto* action = snapshot.entities->find(arena.entity(api.action_type(), name));
      if (action != nullptr && action->ancestors->contain(uid)) return true;
    }
  return false;
}

std::string removal(const Policy& policy) {
  return fmt::format("// take the policy @id(\"{}\") out\n", policy.id);
}

}  // namespace

void look_wildcard(const Scene& scene, Checked& checked) {
  each_permit(scene, [&](const Policy& policy, std::size_t index) {
    std::vector<std::string_view> open;
    if (is_open(policy, policy.principal, cedar::Variable::kPrincipal)) open.push_back("principal");
    if (is_open(policy, policy.action, cedar::Variable::kAction)) open.push_back("action");
    if (is_open(policy, policy.resource, cedar::Variable::kResource)) open.push_back("resource");
    if (open.empty()) return;
    // Of one resource's type there is most often one; of principals and actions there are many.
    const auto weight = open.size() == 3        ? Weight::kCritical
                        : open.size() == 2      ? Weight::kHigh
                        : open[0] == "resource" ? Weight::kLow
                                                : Weight::kMedium;
    const auto is_open_one = [&](std::string_view name) {
      return std::ranges::find(open, name) != open.end();
    };
    // The same policy with a name to fill in wherever it has none.
    Policy narrowed = policy;
    const auto is_only = [](std::string type) {
      ScopeTerm term;
      term.rule = Rule::kIs;
      term.type = std::move(type);
      return term;
    };
    if (is_open_one("principal")) narrowed.principal = is_only("Writ::KIND");
    if (is_open_one("resource")) narrowed.resource = is_only("NAMESPACE::TYPE");
    if (is_open_one("action")) {
      narrowed.action.rule = Rule::kEqual;
      narrowed.action.entities = {{"NAMESPACE::Action", "ACTION"}};
    }
    found(checked, {policy.id},
          fmt::format("policy `{}` permits whatever the {}", policy.id, fmt::join(open, ", the ")),
          {scene.policy(
              index, fmt::format("the {} is not narrowed by scope or condition", fmt::join(open, ", the ")))},
          {.what = "name in the scope what it is for",
           .command = {},
           .change = cedar::print_policy(narrowed),
           .by_hand =
               "what it is for is written nowhere; `writ rightsize` proposes it from what a log shows of its "
               "use"},
          weight);
  });
}

void look_standing(const Scene& scene, Checked& checked) {
  // Policies by the kinds that they may be about, so that an identity meets only those of its own.
  struct Standing {
    const Policy* policy;
    std::size_t index;
  };
  std::unordered_map<std::string_view, std::vector<Standing>> named;
  std::vector<Standing> others;
  each_permit(scene, [&](const Policy& policy, std::size_t index) {
    if (!is_for_use(policy) || requires_has(policy, "task") || never_holds(policy)) return;
    if (policy.principal.rule == Rule::kEqual && !policy.principal.entities.empty()) {
      named[policy.principal.entities[0].id].push_back({&policy, index});
    } else {
      others.push_back({&policy, index});
    }
  });
  const Principals principals(scene);
  std::vector<const Policy*> guards;  // that forbid what is outside a task
  for (const Policy& policy : scene.loaded().policies.policies.policies)
    if (forbids_without_task(policy)) guards.push_back(&policy);
  for (const ListedIdentity& each : scene.identities()) {
    // Agents act only inside a task: a guard says so, wherever Writ enforces.
    if (each->kind == Kind::kUser || each->kind == Kind::kAgent || !each.is_in_use()) continue;
    std::vector<Standing> standing;
    const auto add = [&](const Standing& one) {
      const bool for_users = each->kind == Kind::kService && !each->acts_for.empty();
      const bool alone = for_users || !requires_has(*one.policy, "user");
      const auto guarded = [&](const Policy* guard) {
        return principals.may_be(guard->principal, each) && covers(*guard, *one.policy);
      };
      if (alone && principals.may_be(*one.policy, each) && std::ranges::none_of(guards, guarded))
        standing.push_back(one);
    };
    if (const auto own = named.find(each->id); own != named.end()) std::ranges::for_each(own->second, add);
    std::ranges::for_each(others, add);
    if (standing.empty()) continue;
    std::vector<Exhibit> evidence{scene.declared(each)};
    std::vector<std::string> ids;
    for (const auto& one : standing) {
      ids.push_back(one.policy->id);
      if (evidence.size() < 6) evidence.push_back(scene.policy(one.index, "permits it without a task"));
    }
    const UseOf* use = scene.seen() != nullptr ? scene.seen()->identity(each->id) : nullptr;
    if (use != nullptr && use->without_task > 0)
      evidence.push_back(
          scene.record(fmt::format("{} permitted requests without a task; the last one", use->without_task),
                       use->last_without_task));
    found(
        checked, {each->id},
        fmt::format("{} `{}` can act at any time, without a task, by {} {}", inventory::kind_name(each->kind),
                    each->id, ids.size(), ids.size() == 1 ? "policy" : "policies"),
        std::move(evidence),
        {.what = "let it open a task for each piece of work, and permit it nothing outside of one",
         .command = {},
         .change = fmt::format("@id(\"{0}-works-inside-tasks\")\nforbid (principal == {1}::\"{0}\", action, "
                               "resource)\nunless {{ context has task }};\n",
                               each->id, inventory::cedar_type(each->kind)),
         .by_hand = "until it opens tasks, the policy would refuse all that it does; `writ rightsize` writes "
                    "the tasks of what it did"});
  }
}

void look_dead_permit(const Scene& scene, Checked& checked) {
  std::set<std::string_view, std::less<>> kinds;
  for (const ListedIdentity& each : scene.identities())
    if (each.is_in_use()) kinds.insert(inventory::cedar_type(each->kind));
  kinds.insert(inventory::cedar_type(Kind::kUser));  // users need not be listed
  std::set<cedar::EntityUid> actions;
  for (const auto& api : scene.loaded().world.declared.apis)
    for (const auto& action : api.actions) actions.insert({api.action_type(), action});
  each_permit(scene, [&](const Policy& policy, std::size_t index) {
    std::vector<Exhibit> why;
    if (never_holds(policy)) why.push_back(scene.policy(index, "its condition is never true"));
    const auto* end = policy.annotation(policy::kLapsesAnnotation);
    const auto lapses = end != nullptr ? inventory::date_from_text(end->value.value_or("")) : std::nullopt;
    if (lapses && *lapses <= scene.now())
      why.push_back(scene.policy(index, fmt::format("its grant ended on {}", inventory::date_text(*lapses))));
    const auto& principal = policy.principal;
    if (principal.rule == Rule::kEqual && !principal.slot && !principal.entities.empty()) {
      const auto& uid = principal.entities[0];
      const ListedIdentity* each = scene.find(uid.id);
      const bool listed = each != nullptr && inventory::cedar_type((*each)->kind) == uid.type;
      if (!listed && uid.type.starts_with("Writ::") && uid.type != inventory::cedar_type(Kind::kUser))
        why.push_back(scene.policy(index, fmt::format("no identity is {}::\"{}\"", uid.type, uid.id)));
      if (listed && (each->status == Status::kRetired || each->status == Status::kExpired)) {
        why.push_back(scene.policy(
            index, fmt::format("it is for {} `{}`, which is {}", inventory::kind_name((*each)->kind), uid.id,
                               inventory::status_name(each->status))));
        why.push_back(scene.declared(*each));
      }
    }
    if (principal.rule == Rule::kIs && principal.type.starts_with("Writ::") &&
        !kinds.contains(principal.type))
      why.push_back(scene.policy(index, fmt::format("no identity in use is a {}", principal.type)));
    // With an authority of its own, AuthZEN's callers bring actions that no API lists.
    const auto& own = scene.config().authzen;
    const bool others_actions = !own.types.empty() || !own.action_types.empty();
    if (!policy.action.entities.empty() && policy.action.rule != Rule::kIn && !others_actions &&
        std::ranges::none_of(policy.action.entities, [&](const auto& action) {
          return actions.contains(action) || has_actions_below(scene, action);
        }))
      why.push_back(scene.policy(index, "no API has any of its actions"));
    if (why.empty()) return;
    found(checked, {policy.id}, fmt::format("policy `{}` can never permit anything", policy.id),
          std::move(why),
          without_policy({.what = "take it out: it would come to life with whoever gets that name next",
                          .change = removal(policy)},
                         scene, index));
  });
}

void look_unused_permit(const Scene& scene, Checked& checked) {
  if (checked.not_computable = scene.without_log(); !checked.not_computable.empty()) return;
  const auto from = *scene.seen()->first(), to = *scene.seen()->last();
  const bool is_long = *scene.covered() >= scene.limits().dormant;
  each_permit(scene, [&](const Policy& policy, std::size_t index) {
    if (scene.seen()->policy(policy.id) != nullptr) return;
    Remedy remedy{.what = is_long ? "try without it on what was recorded, then take it out"
                                  : "wait for a longer log, or try without it on what was recorded",
                  .change = removal(policy)};
    if (is_long) {
      remedy.first =
          "whoever answers for it has to agree, and the tests that ask for it go with it: "
          "`writ decide --replay LOG --policies FOLDER`, `writ test`";
      remedy = without_policy(std::move(remedy), scene, index);
    } else {
      remedy.by_hand = fmt::format("the log covers {} days, and what is not used in {} is not needed",
                                   scene.covered()->count(), scene.limits().dormant.count());
    }
    found(checked, {policy.id}, fmt::format("no permitted request needed policy `{}`", policy.id),
          {scene.policy(index, "it is in force"),
           {.fact = fmt::format("no permit between {} and {} names it, in {} records",
                                inventory::date_text(std::chrono::floor<std::chrono::days>(from)),
                                inventory::date_text(std::chrono::floor<std::chrono::days>(to)),
                                scene.seen()->records()),
            .date = to}},
          std::move(remedy), is_long ? Weight::kMedium : Weight::kLow);
  });
}

void look_hiding(const Scene& scene, Checked& checked) {
  const auto& policies = scene.loaded().policies.policies.policies;
  for (std::size_t i = 0; i < policies.size(); ++i) {
    if (policies[i].annotation(policy::kHidingAnnotation) != nullptr) continue;
    const auto paths = decision::helpful_absences(policies[i]);
    if (paths.empty()) continue;
    const bool forbids = policies[i].effect == Effect::kForbid;
    found(checked, {policies[i].id},
          fmt::format("a request that leaves {} out {}", fmt::join(paths, ", "),
                      forbids ? "is not forbidden by policy `" + policies[i].id + "`"
                              : "gets more by policy `" + policies[i].id + "`"),
          {scene.policy(i, fmt::format("it {} `{}`", forbids ? "forbids only with" : "permits only without",
                                       fmt::join(paths, "`, `")))},
          {.what = "say it the other way round, so that what is not there does not help",
           .command = {},
           .change = forbids ? fmt::format("forbid (…)\nunless {{ {} && … }};\n", has_text(paths.front()))
                             : fmt::format("permit (…)\nwhen {{ {} && … }};\n", has_text(paths.front())),
           .by_hand = "what it is to decide where that is not known, its text does not say"});
  }
}

}  // namespace writ::posture
