#include "policytest/coverage.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

#include "cedar/issue.h"
#include "control/own_api.h"

namespace writ::policytest {

using codec::Json;
using Item = Coverage::Item;

namespace {

constexpr std::string_view kKinds[] = {"policy", "condition", "party", "action"};

std::string_view kind_name(const Item& item) {
  return kKinds[static_cast<std::size_t>(item.kind)];
}

std::size_t seen_of(const Item& item) {
  return static_cast<std::size_t>(
      std::ranges::count_if(item.sides, [](const Item::Side& side) { return side.times > 0; }));
}

struct Sum {
  std::size_t sides = 0, seen = 0;
};

Sum sum_of(const Coverage& coverage, Item::Kind kind) {
  Sum sum;
  for (const Item& item : coverage.items()) {
    if (item.kind != kind) continue;
    sum.sides += item.sides.size();
    sum.seen += seen_of(item);
  }
  return sum;
}

double percent_of(const Coverage& coverage) {
  return coverage.sides() == 0
             ? 0
             : 100.0 * static_cast<double>(coverage.seen()) / static_cast<double>(coverage.sides());
}

// Whoever has no policies for what Writ's own API does need not test that nobody may do it.
bool is_named(const cedar::PolicySet& policies, const cedar::EntityUid& action) {
  return std::ranges::any_of(policies.policies, [&](const cedar::Policy& policy) {
    return std::ranges::find(policy.action.entities, action) != policy.action.entities.end();
  });
}

// "billing.cedar:12: customers-use-their-own-invoices: `resource.customer == principal`".
std::string told(const Item& item) {
  switch (item.kind) {
    case Item::Kind::kPolicy:
      return fmt::format("{}:{}: {}", item.place.file, item.place.line, item.what);
    case Item::Kind::kCondition:
      return fmt::format("{}:{}: {}: `{}`", item.place.file, item.place.line, item.policy, item.what);
    default:
      return fmt::format("{} {}", kind_name(item), item.what);
  }
}

}  // namespace

Result<Coverage> Coverage::make(const policy::Loaded& loaded, std::span<const Suite> suites) {
  const auto& policies = loaded.policies.policies;
  Coverage coverage(TRY(cedar::CoverageProbe::of(policies)));
  auto& items = coverage.items_;
  const auto& conditions = coverage.probe_.conditions();
  const auto place = [&](std::size_t policy, cedar::Span span) {
    return loaded.policies.sources[policy].place_of(span);
  };
  for (std::size_t i = 0; i < policies.policies.size(); ++i) {
    const auto& policy = policies.policies[i];
    coverage.policies_.push_back(items.size());
    items.push_back({Item::Kind::kPolicy, loaded.policies.sources[i].place, {}, policy.id, {{"applied"}}});
    while (coverage.conditions_.size() < conditions.size() &&
           conditions[coverage.conditions_.size()].policy == i) {
      const auto& condition = conditions[coverage.conditions_.size()];
      coverage.conditions_.push_back(items.size());
      items.push_back({Item::Kind::kCondition,
                       place(i, condition.span),
                       policy.id,
                       condition.text,
                       {{"true"}, {"false"}}});
    }
  }
  // What there is in any suite's world.
  std::set<inventory::Kind> kinds;
  std::set<std::string> actions;
  for (const Suite& suite : suites) {
    for (const auto& identity : suite.world.identities) kinds.insert(identity.kind);
    for (const auto& api : suite.world.apis) {
      for (const auto& action : api.actions) {
        const cedar::EntityUid uid{api.action_type(), action};
        if (api.id != control::kOwnApi || is_named(policies, uid)) actions.insert(task::uid_text(uid));
      }
    }
  }
  for (const auto kind : kinds)
    items.push_back(
        {Item::Kind::kParty, {}, {}, std::string(inventory::kind_name(kind)), {{"permitted"}, {"refused"}}});
  for (const auto& action : actions) items.push_back({Item::Kind::kAction, {}, {}, action, {{"asked"}}});
  return coverage;
}

Item* Coverage::find(Item::Kind kind, std::string_view what) {
  const auto found =
      std::ranges::find_if(items_, [&](const Item& item) { return item.kind == kind && item.what == what; });
  return found != items_.end() ? &*found : nullptr;
}

void Coverage::see(const Asked& asked) {
  if (Item* kind = find(Item::Kind::kParty, inventory::kind_name(asked.party.kind)))
    ++kind->sides[asked.permitted ? 0 : 1].times;
  if (Item* action = find(Item::Kind::kAction, asked.question.action.to_string())) ++action->sides[0].times;
  for (const auto& met : probe_.look(asked.question, asked.entities)) {
    Item& policy = items_[policies_[met.policy]];
    if (met.outcome == cedar::Outcome::kTrue) ++policy.sides[0].times;
    if (met.outcome == cedar::Outcome::kFailed) ++policy.failed;
    for (const auto& [index, outcome] : met.seen) {
      Item& condition = items_[conditions_[index]];
      if (outcome == cedar::Outcome::kFailed) {
        ++condition.failed;
      } else {
        ++condition.sides[outcome == cedar::Outcome::kTrue ? 0 : 1].times;
      }
    }
  }
}

std::size_t Coverage::sides() const noexcept {
  std::size_t sum = 0;
  for (const Item& item : items_) sum += item.sides.size();
  return sum;
}

std::size_t Coverage::seen() const noexcept {
  std::size_t sum = 0;
  for (const Item& item : items_) sum += seen_of(item);
  return sum;
}

bool Coverage::at_least(unsigned percent) const noexcept {
  return sides() > 0 && seen() * 100 >= sides() * percent;
}

std::string to_text(const Coverage& coverage, bool all) {
  std::string out;
  for (const Item& item : coverage.items()) {
    std::vector<std::string> parts;
    for (const auto& side : item.sides) {
      if (side.times == 0) parts.push_back(fmt::format("never {}", side.name));
      if (side.times > 0 && all) parts.push_back(fmt::format("{} {}", side.name, side.times));
    }
    if (parts.empty()) continue;
    if (item.failed > 0) parts.push_back(fmt::format("failed {}", item.failed));
    out += fmt::format("{}: {}\n", told(item), fmt::join(parts, ", "));
  }
  const auto part = [&](std::string_view name, Item::Kind kind) {
    const auto [sides, seen] = sum_of(coverage, kind);
    return fmt::format("{} {}/{}", name, seen, sides);
  };
  return out + fmt::format("coverage {:.1f} %: {}, {}, {}, {}\n", percent_of(coverage),
                           part("policies applied", Item::Kind::kPolicy),
                           part("conditions true and false", Item::Kind::kCondition),
                           part("parties permitted and refused", Item::Kind::kParty),
                           part("actions asked", Item::Kind::kAction));
}

Json to_json(const Coverage& coverage) {
  const auto count = [](std::size_t number) { return Json(static_cast<std::int64_t>(number)); };
  Json items = Json::array();
  for (const Item& item : coverage.items()) {
    Json& json = items.push(Json::object({{"kind", kind_name(item)}, {"what", item.what}}));
    if (!item.place.file.empty()) {
      json.set("file", item.place.file);
      json.set("line", item.place.line);
    }
    if (!item.policy.empty()) json.set("policy", item.policy);
    Json sides = Json::object();
    for (const auto& side : item.sides) sides.set(side.name, count(side.times));
    json.set("sides", std::move(sides));
    if (item.failed > 0) json.set("failed", count(item.failed));
  }
  return Json::object({{"percent", percent_of(coverage)},
                       {"sides", count(coverage.sides())},
                       {"seen", count(coverage.seen())},
                       {"items", std::move(items)}});
}

}  // namespace writ::policytest
