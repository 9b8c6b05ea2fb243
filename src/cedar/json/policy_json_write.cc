#include <algorithm>
#include <fmt/format.h>
#include <span>

#include "cedar/policy_json.h"
#include "cedar/syntax/operators.h"
#include "codec/utf8.h"

namespace writ::cedar {
namespace {

using codec::Json;

// Longer chains are written as a balanced tree.
constexpr std::size_t kMaxLeftNested = 100;

// An object of names and values in turn. The values are moved, so that a deep tree is not copied at every
// level.
template <class... Rest>
Json object(Rest&&... rest) {
  Json::Object members;
  const auto add = [&](auto&& self, std::string_view name, auto&& value, auto&&... more) -> void {
    members.emplace_back(std::string(name), Json(std::forward<decltype(value)>(value)));
    if constexpr (sizeof...(more) > 0) self(self, std::forward<decltype(more)>(more)...);
  };
  add(add, std::forward<Rest>(rest)...);
  return Json(std::move(members));
}

Json uid_json(const EntityUid& uid) {
  return object("type", uid.type, "id", uid.id);
}

Json value_json(Json value) {
  return object("Value", std::move(value));
}

// How deep the JSON of an expression is, found before any is made: making it is recursive too.
std::size_t json_depth(const Expr& expr) {
  std::size_t below = 0;
  for (const Expr& operand : expr.operands) below = std::max(below, json_depth(operand));
  if (expr.kind != ExprKind::kAnd && expr.kind != ExprKind::kOr) return below + 3;
  std::size_t operands = expr.operands.size();
  std::size_t levels = 0;
  for (; operands > kMaxLeftNested; operands = (operands + 1) / 2) ++levels;
  return below + 2 * (levels + operands - 1);
}

class Writer {
 public:
  Json expression(const Expr& expr) {
    const std::string_view name = operator_name(expr.kind);
    switch (expr.kind) {
      case ExprKind::kBool:
        return value_json(expr.integer != 0);
      case ExprKind::kLong:
        return value_json(expr.integer);
      case ExprKind::kString:
        return value_json(expr.text);
      case ExprKind::kEntity:
        return value_json(object("__entity", uid_json(expr.entity())));
      case ExprKind::kVariable:
        return object("Var", variable_name(expr.variable()));
      case ExprKind::kAnd:
      case ExprKind::kOr:
        return chain(name, expr.operands);
      case ExprKind::kNot:
      case ExprKind::kNegate:
      case ExprKind::kIsEmpty:
        return object(name, object("arg", operand(expr, 0)));
      case ExprKind::kIf:
        return object(name,
                      object("if", operand(expr, 0), "then", operand(expr, 1), "else", operand(expr, 2)));
      case ExprKind::kAttribute:
        return object(name, object("left", operand(expr, 0), "attr", expr.text));
      case ExprKind::kHas:
        return object(name, object("left", operand(expr, 0), "attr", path(expr.names)));
      case ExprKind::kLike:
        return object(name, object("left", operand(expr, 0), "pattern", pattern(expr.names)));
      case ExprKind::kIs:
        return object(name, object("left", operand(expr, 0), "entity_type", expr.text));
      case ExprKind::kIsIn:
        return object(name,
                      object("left", operand(expr, 0), "entity_type", expr.text, "in", operand(expr, 1)));
      case ExprKind::kSet:
        return object("Set", list(expr.operands));
      case ExprKind::kRecord: {
        Json::Object members;
        for (std::size_t i = 0; i < expr.operands.size(); ++i)
          members.emplace_back(expr.names[i], operand(expr, i));
        return object("Record", Json(std::move(members)));
      }
      case ExprKind::kCall:
        return object(expr.text, list(expr.operands));
      default:
        return object(name, object("left", operand(expr, 0), "right", operand(expr, 1)));
    }
  }

 private:
  Json operand(const Expr& expr, std::size_t number) { return expression(expr.operands[number]); }

  Json list(const std::vector<Expr>& operands) {
    Json list = Json::array();
    for (const Expr& operand : operands) list.push(expression(operand));
    return list;
  }

  Json chain(std::string_view name, std::span<const Expr> operands) {
    if (operands.size() == 1) return expression(operands[0]);
    const auto split = operands.size() > kMaxLeftNested ? (operands.size() + 1) / 2 : operands.size() - 1;
    Json left = chain(name, operands.first(split));
    Json right = chain(name, operands.subspan(split));
    return object(name, object("left", std::move(left), "right", std::move(right)));
  }

  static Json path(const std::vector<std::string>& names) {
    if (names.size() == 1) return Json(names[0]);
    Json list = Json::array();
    for (const std::string& name : names) list.push(Json(name));
    return list;
  }

  // The reference writes one literal for each character.
  static Json pattern(const std::vector<std::string>& pieces) {
    Json list = Json::array();
    for (const std::string& piece : pieces) {
      if (&piece != &pieces.front()) list.push(Json("Wildcard"));
      for (std::size_t at = 0; at < piece.size();) {
        const auto size = codec::utf8_sequence_length(std::string_view(piece).substr(at));
        list.push(object("Literal", piece.substr(at, size)));
        at += size;
      }
    }
    return list;
  }
};

Json scope_json(const ScopeTerm& term, std::string_view variable) {
  using Rule = ScopeTerm::Rule;
  const auto entity = [&](Json& json) {
    if (term.slot) {
      json.set("slot", Json("?" + std::string(variable)));
    } else {
      json.set("entity", uid_json(term.entities[0]));
    }
  };
  Json json = Json::object();
  switch (term.rule) {
    case Rule::kAny:
      json.set("op", "All");
      break;
    case Rule::kEqual:
    case Rule::kIn:
      json.set("op", term.rule == Rule::kIn ? "in" : "==");
      entity(json);
      break;
    case Rule::kIs:
    case Rule::kIsIn:
      json.set("op", "is");
      json.set("entity_type", Json(term.type));
      if (term.rule == Rule::kIsIn) {
        Json in = Json::object();
        entity(in);
        json.set("in", std::move(in));
      }
      break;
    case Rule::kInAny: {
      Json entities = Json::array();
      for (const EntityUid& uid : term.entities) entities.push(uid_json(uid));
      json.set("op", "in");
      json.set("entities", std::move(entities));
    }
  }
  return json;
}

}  // namespace

Result<Json> policy_to_json(const Policy& policy) {
  Json json =
      object("effect", policy.effect == Effect::kPermit ? "permit" : "forbid",  //
             "principal", scope_json(policy.principal, "principal"), "action",
             scope_json(policy.action, "action"), "resource", scope_json(policy.resource, "resource"));
  Json conditions = Json::array();
  for (const Condition& condition : policy.conditions) {
    // The set, the policy, its conditions and the clause stand around an expression.
    if (const auto depth = json_depth(condition.body) + 5; depth > kMaxPolicyJsonDepth)
      return failure(ErrorCode::kLimit, fmt::format("policy `{}` takes JSON {} deep, at most {} is supported",
                                                    policy.id, depth, kMaxPolicyJsonDepth));
    conditions.push(object("kind", condition.unless ? "unless" : "when",  //
                           "body", Writer().expression(condition.body)));
  }
  json.set("conditions", std::move(conditions));
  if (policy.annotations.empty()) return json;
  Json annotations = Json::object();
  for (const Annotation& annotation : policy.annotations)
    annotations.set(annotation.name, annotation.value ? Json(*annotation.value) : Json());
  json.set("annotations", std::move(annotations));
  return json;
}

Result<Json> policies_to_json(const PolicySet& policies) {
  const auto by_id = [](const std::vector<Policy>& list) -> Result<Json> {
    Json::Object members;
    for (const Policy& policy : list) members.emplace_back(policy.id, TRY(policy_to_json(policy)));
    return Json(std::move(members));
  };
  Json statics = TRY(by_id(policies.policies));
  Json templates = TRY(by_id(policies.templates));
  Json links = Json::array();
  for (const TemplateLink& link : policies.links) {
    Json values = Json::object();
    if (link.principal) values.set("?principal", uid_json(*link.principal));
    if (link.resource) values.set("?resource", uid_json(*link.resource));
    links.push(object("templateId", link.template_id, "newId", link.id, "values", std::move(values)));
  }
  return object("templates", std::move(templates), "staticPolicies", std::move(statics), "templateLinks",
                std::move(links));
}

}  // namespace writ::cedar
