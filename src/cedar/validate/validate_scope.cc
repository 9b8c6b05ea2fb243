#include "cedar/validate/validate_scope.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::cedar {
namespace {

using Rule = ScopeTerm::Rule;

std::string shown_entity(const EntityUid& uid) {
  std::string out;
  append_entity(out, uid.type, uid.id);
  return out;
}

class NameChecker {
 public:
  NameChecker(const Schema& schema, const Typechecker::Report& report) : schema_(schema), report_(report) {}

  void check_term(const ScopeTerm& term) {
    if (term.rule == Rule::kIs || term.rule == Rule::kIsIn) check_type(term.type, term.span);
    for (const EntityUid& uid : term.entities) check_entity(uid, term.span);
  }

  void check_expr(const Expr& expr) {
    if (expr.kind == ExprKind::kEntity) check_entity(expr.entity(), expr.span);
    if (expr.kind == ExprKind::kIs || expr.kind == ExprKind::kIsIn) check_type(expr.text, expr.span);
    for (const Expr& operand : expr.operands) check_expr(operand);
  }

  void check_type(const std::string& type, Span span) {
    if (is_action_type(type) || schema_.find_entity_type(type) != nullptr) return;
    std::vector<std::string_view> known;
    for (const auto& [name, declared] : schema_.entity_types()) known.push_back(name);
    report_(FindingKind::kUnknownEntityType, span,
            fmt::format("the entity type `{}` is not declared in the schema", type), suggestion(type, known));
  }

 private:
  void check_entity(const EntityUid& uid, Span span) {
    if (is_action_type(uid.type)) return check_action(uid, span);
    check_type(uid.type, span);
    const SchemaEntityType* type = schema_.find_entity_type(uid.type);
    if (type == nullptr || !type->is_enumerated() || type->has_choice(uid.id)) return;
    report_(FindingKind::kUnknownEntity, span,
            fmt::format("`{}` is not one of the entities that `{}` enumerates", shown_entity(uid), uid.type),
            fmt::format("there are `{}`", fmt::join(type->choices, "`, `")));
  }

  void check_action(const EntityUid& uid, Span span) {
    if (schema_.find_action(uid) != nullptr) return;
    std::vector<std::string_view> known;
    std::string elsewhere;
    for (const auto& [action, declared] : schema_.actions()) {
      if (action.type == uid.type) known.push_back(action.id);
      if (action.id == uid.id) elsewhere = fmt::format("did you mean `{}`?", shown_entity(action));
    }
    if (elsewhere.empty()) elsewhere = suggestion(uid.id, known);
    report_(FindingKind::kUnknownAction, span,
            fmt::format("the action `{}` is not declared in the schema", shown_entity(uid)),
            std::move(elsewhere));
  }

  const Schema& schema_;
  const Typechecker::Report& report_;
};

bool is_in(const Schema& schema, std::string_view type, const EntityUid& group) {
  if (type == group.type) return true;
  const SchemaEntityType* declared = schema.find_entity_type(type);
  return declared != nullptr && declared->has_ancestor(group.type);
}

// Whether a principal or a resource of a declared type can be in the scope.
bool may_match(const Schema& schema, const ScopeTerm& term, std::string_view type) {
  switch (term.rule) {
    case Rule::kAny:
      return true;
    case Rule::kEqual:
      return term.slot || type == term.entities.at(0).type;
    case Rule::kIn:
      return term.slot || is_in(schema, type, term.entities.at(0));
    case Rule::kIs:
      return type == term.type;
    case Rule::kIsIn:
      return type == term.type && (term.slot || is_in(schema, type, term.entities.at(0)));
    case Rule::kInAny:
      return false;
  }
  return false;
}

std::vector<const SchemaAction*> actions_of(const Schema& schema, const ScopeTerm& term) {
  std::vector<const SchemaAction*> actions;
  if (term.rule == Rule::kAny) {
    for (const auto& [uid, action] : schema.actions()) actions.push_back(&action);
    return actions;
  }
  for (const EntityUid& uid : term.entities) {
    const SchemaAction* action = schema.find_action(uid);
    if (action == nullptr) return {};
    actions.push_back(action);
    if (term.rule != Rule::kEqual)
      actions.insert(actions.end(), action->descendants.begin(), action->descendants.end());
  }
  return actions;
}

// `==` with an entity of no type that the actions apply to, but of a group of such a type.
bool would_match_with_in(const Schema& schema, const ScopeTerm& term,
                         const std::vector<const SchemaAction*>& actions,
                         std::vector<std::string> SchemaAction::*types) {
  if (term.rule != Rule::kEqual || term.slot) return false;
  const EntityUid& uid = term.entities.at(0);
  bool would = false;
  for (const SchemaAction* action : actions) {
    for (const std::string& type : action->*types) {
      if (type == uid.type) return false;
      would = would || is_in(schema, type, uid);
    }
  }
  return would;
}

}  // namespace

void check_names(const Schema& schema, const Policy& policy, const Typechecker::Report& report) {
  NameChecker checker(schema, report);
  for (const ScopeTerm* term : {&policy.principal, &policy.action, &policy.resource})
    checker.check_term(*term);
  for (const Condition& condition : policy.conditions) checker.check_expr(condition.body);
}

void check_slot_type(const Schema& schema, const EntityUid& uid, Span span,
                     const Typechecker::Report& report) {
  NameChecker(schema, report).check_type(uid.type, span);
}

void check_scope(const Schema& schema, const Policy& policy, const Typechecker::Report& report) {
  const auto actions = actions_of(schema, policy.action);
  const auto any = [&](const std::vector<std::string>& types, const ScopeTerm& term) {
    return std::any_of(types.begin(), types.end(),
                       [&](const std::string& type) { return may_match(schema, term, type); });
  };
  for (const SchemaAction* action : actions) {
    if (any(action->principals, policy.principal) && any(action->resources, policy.resource)) return;
  }
  std::string help;
  const bool principal = would_match_with_in(schema, policy.principal, actions, &SchemaAction::principals);
  const bool resource = would_match_with_in(schema, policy.resource, actions, &SchemaAction::resources);
  if (principal || resource)
    help = fmt::format("use `in` instead of `==` for the {}", principal && resource ? "principal and resource"
                                                              : principal           ? "principal"
                                                                                    : "resource");
  report(FindingKind::kNoApplicableAction, policy.span,
         "no action of this scope applies to its principal and resource", std::move(help));
}

namespace {

constexpr std::size_t kLongList = 1'000;  // what is too complex is for the typechecker to say

// That an entity is of no declared type, or no declared action, makes the comparison wrong and not false.
bool excludes(const Schema& schema, const ScopeTerm& term, std::string_view type) {
  if (term.slot) return false;
  const bool compares = term.rule == Rule::kEqual || term.rule == Rule::kIn;
  if (compares) {
    const std::string& other = term.entities.at(0).type;
    if (is_action_type(other) || schema.find_entity_type(other) == nullptr) return false;
  }
  return (compares || term.rule == Rule::kIs || term.rule == Rule::kIsIn) && !may_match(schema, term, type);
}

// Whether nothing is wrong with the actions of a scope, so that the typechecker goes on to the resource.
bool is_right(const Schema& schema, const ScopeTerm& actions) {
  const std::vector<EntityUid>& list = actions.entities;
  if (actions.rule == Rule::kAny) return true;
  return !list.empty() && list.size() <= kLongList && std::ranges::all_of(list, [&](const EntityUid& uid) {
    return uid.type == list.front().type && is_action_type(uid.type) && schema.find_action(uid) != nullptr;
  });
}

}  // namespace

std::vector<const SchemaAction*> actions_to_check(const Schema& schema, const Policy& policy,
                                                  Combinations combinations) {
  const ScopeTerm& term = policy.action;
  if (combinations == Combinations::kAll || term.rule == Rule::kAny || !is_right(schema, term)) {
    std::vector<const SchemaAction*> all;
    for (const auto& [uid, action] : schema.actions()) all.push_back(&action);
    return all;
  }
  auto actions = actions_of(schema, term);
  // In the order of the schema, each once.
  std::ranges::sort(actions, {}, [](const SchemaAction* action) -> const EntityUid& { return action->uid; });
  actions.erase(std::ranges::unique(actions).begin(), actions.end());
  return actions;
}

std::vector<RequestTypes> request_types_of(const Schema& schema, const SchemaAction& action,
                                           const Policy& policy, Combinations combinations) {
  const auto left_out = [&](const ScopeTerm& term, const std::string& type) {
    return combinations == Combinations::kInScope && excludes(schema, term, type);
  };
  // What is wrong with the actions is reported before the resource is looked at.
  const bool goes_on = is_right(schema, policy.action);
  // The types that may stand in a slot, for a principal or resource of a type.
  const auto slot_types = [&](const ScopeTerm& term, const std::string& type) {
    std::vector<std::optional<std::string>> types;
    if (!term.slot) {
      types.emplace_back();
    } else {
      types.emplace_back(type);
      const SchemaEntityType* declared = schema.find_entity_type(type);
      if (term.rule != Rule::kEqual && declared != nullptr) {
        for (const SchemaEntityType* above : declared->ancestors) types.emplace_back(above->name);
      }
    }
    return types;
  };
  std::vector<RequestTypes> all;
  for (const std::string& principal : action.principals) {
    if (left_out(policy.principal, principal)) continue;
    for (const std::string& resource : action.resources) {
      if (goes_on && left_out(policy.resource, resource)) continue;
      for (const auto& principal_slot : slot_types(policy.principal, principal)) {
        for (const auto& resource_slot : slot_types(policy.resource, resource))
          all.push_back({&action, principal, resource, principal_slot, resource_slot});
      }
    }
  }
  return all;
}

}  // namespace writ::cedar
