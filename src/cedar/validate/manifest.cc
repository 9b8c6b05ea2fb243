#include "cedar/manifest.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "cedar/plan/plan.h"
#include "cedar/symbols.h"
#include "cedar/validate/typecheck.h"
#include "cedar/validate/validate_scope.h"

namespace writ::cedar {
namespace {

// Where a value may come from; several for `if`.
struct Origin {
  std::string root;
  std::vector<AccessPath::Step> steps;
  friend auto operator<=>(const Origin&, const Origin&) = default;
};
using Origins = std::vector<Origin>;

struct Use {
  bool value = false;
  bool ancestors = false;
};

std::string entity_text(const EntityUid& uid) {
  std::string text;
  append_entity(text, uid.type, uid.id);
  return text;
}

class AccessReader {
 public:
  void scope(std::string_view variable, const ScopeTerm& term) {
    const auto rule = term.rule;
    if (rule == ScopeTerm::Rule::kIn || rule == ScopeTerm::Rule::kIsIn || rule == ScopeTerm::Rule::kInAny)
      uses_[{std::string(variable), {}}].ancestors = true;
  }

  void condition(const Expr& expr) { use(origins(expr)); }

  std::vector<AccessPath> paths() const {
    std::vector<AccessPath> paths;
    for (auto at = uses_.begin(); at != uses_.end(); ++at) {
      const auto& [origin, how] = *at;
      // In the order of the map, what is longer follows what it begins with.
      const auto next = std::next(at);
      const bool is_part = next != uses_.end() && next->first.root == origin.root &&
                           next->first.steps.size() > origin.steps.size() &&
                           std::equal(origin.steps.begin(), origin.steps.end(), next->first.steps.begin());
      // Which entity a variable is, is in the request; only the context has a value to read.
      const bool value = how.value && (!origin.steps.empty() || origin.root == "context");
      if (value || how.ancestors || (!is_part && !origin.steps.empty()))
        paths.push_back({origin.root, origin.steps, value, how.ancestors});
    }
    return paths;
  }

 private:
  void use(const Origins& origins) {
    for (const Origin& origin : origins) uses_[origin].value = true;
  }

  void use_all(const std::vector<Expr>& operands) {
    for (const Expr& operand : operands) use(origins(operand));
  }

  // One step from wherever the operand may come from.
  Origins step(Origins from, const std::string& name, bool tag) {
    for (Origin& origin : from) {
      origin.steps.push_back({name, tag});
      uses_[origin];
    }
    return from;
  }

  Origins origins(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kVariable:
        return {{std::string(variable_name(expr.variable())), {}}};
      case ExprKind::kEntity:
        return {{entity_text(expr.entity()), {}}};
      case ExprKind::kAttribute:
        return attribute(expr);
      case ExprKind::kHas: {
        Origins at = origins(expr.operands[0]);
        for (const std::string& name : expr.names) at = step(std::move(at), name, false);
        return {};
      }
      case ExprKind::kGetTag:
      case ExprKind::kHasTag: {
        const Expr& tag = expr.operands[1];
        use(origins(tag));
        Origins at = step(origins(expr.operands[0]), tag.kind == ExprKind::kString ? tag.text : "", true);
        return expr.kind == ExprKind::kGetTag ? at : Origins();
      }
      case ExprKind::kIn:
      case ExprKind::kIsIn: {
        for (const Origin& origin : origins(expr.operands[0])) {
          uses_[origin].ancestors = true;
          uses_[origin].value = true;
        }
        use(origins(expr.operands[1]));
        return {};
      }
      case ExprKind::kIf: {
        use(origins(expr.operands[0]));
        Origins both = origins(expr.operands[1]);
        std::ranges::move(origins(expr.operands[2]), std::back_inserter(both));
        std::ranges::sort(both);
        both.erase(std::ranges::unique(both).begin(), both.end());
        return both;
      }
      default:
        // The operands are used as they are; the result is made here.
        use_all(expr.operands);
        return {};
    }
  }

  Origins attribute(const Expr& expr) {
    const Expr& base = expr.operands[0];
    if (base.kind != ExprKind::kRecord) return step(origins(base), expr.text, false);
    // `{a: principal}.a` is the principal.
    Origins chosen;
    for (std::size_t i = 0; i < base.operands.size(); ++i) {
      Origins field = origins(base.operands[i]);
      if (base.names[i] == expr.text) chosen = field;
      use(field);
    }
    return chosen;
  }

  std::map<Origin, Use> uses_;
};

std::vector<RequestType> requests_of(const Policy& policy, const Schema& schema) {
  const Typechecker::Report ignore = [](FindingKind, Span, const std::string&, const std::string&) {};
  const ValidationTree tree(policy);
  std::vector<RequestType> requests;
  for (const auto& [uid, action] : schema.actions()) {
    for (const RequestTypes& types : request_types_of(schema, action, policy, Combinations::kAll)) {
      const Typed typed = Typechecker(schema, ValidationMode::kPermissive, tree, types, ignore).run();
      if (typed.type && typed.type->is(TypeKind::kFalse)) continue;
      RequestType request{types.principal, uid, types.resource};
      // A template has several combinations for one request: one for each type of its slots.
      const auto same = [&](const RequestType& other) {
        return other.principal == request.principal && other.action == request.action &&
               other.resource == request.resource;
      };
      if (std::ranges::none_of(requests, same)) requests.push_back(std::move(request));
    }
  }
  return requests;
}

}  // namespace

std::string AccessPath::to_string() const {
  std::string text = root;
  for (const Step& step : steps) {
    if (step.tag) {
      text += ".tags[";
      if (step.name.empty()) {
        text += "..";
      } else {
        text += '"';
        append_escaped(text, step.name);
        text += '"';
      }
      text += ']';
    } else if (is_plain_attribute(step.name)) {
      text.append(".").append(step.name);
    } else {
      text += "[\"";
      append_escaped(text, step.name);
      text += "\"]";
    }
  }
  return text;
}

std::vector<PolicyAccess> access_manifest(const PolicySet& policies, const Schema& schema) {
  std::vector<PolicyAccess> manifest;
  for (const auto* list : {&policies.policies, &policies.templates}) {
    for (const Policy& policy : *list) {
      AccessReader reader;
      reader.scope("principal", policy.principal);
      reader.scope("action", policy.action);
      reader.scope("resource", policy.resource);
      for (const Condition& condition : policy.conditions) reader.condition(condition.body);
      manifest.push_back({policy.id, requests_of(policy, schema), reader.paths()});
    }
  }
  return manifest;
}

std::vector<ScopeFacts> scope_facts(const CompiledPolicySet& policies) {
  using Relation = ScopeFacts::Relation;
  static constexpr Relation kRelations[] = {Relation::kEqual, Relation::kIn, Relation::kIs};
  std::vector<ScopeFacts> facts;
  policies.plan().index.for_each([&](const ScopeIndex::Entry& entry) {
    ScopeFacts one;
    one.policies.assign(entry.policies.begin(), entry.policies.end());
    if (entry.symbol != nullptr) {
      one.relation = kRelations[entry.relation];
      one.variable = static_cast<Variable>(entry.slot);
      one.name = one.relation == Relation::kIs ? std::string(static_cast<const Text*>(entry.symbol)->view())
                                               : EntityRef(static_cast<const Uid*>(entry.symbol)).to_string();
    }
    facts.push_back(std::move(one));
  });
  const auto order = [](const ScopeFacts& one) {
    return std::tuple(one.relation != Relation::kAny, one.variable, one.relation, std::string_view(one.name));
  };
  std::ranges::sort(facts, std::less<>(), order);
  return facts;
}

}  // namespace writ::cedar
