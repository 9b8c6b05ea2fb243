// The typechecker's rules for operators on values: comparison, membership, sets, arithmetic and the functions
// of the extension types.
#include <algorithm>
#include <fmt/format.h>

#include "cedar/validate/typecheck.h"

namespace writ::cedar {
namespace {

Typed boolean(bool ok) {
  return {ok, Type(TypeKind::kBool), {}};
}

bool has_order(const Type& type) {
  return type.is(TypeKind::kLong) || type.is(TypeKind::kDatetime) || type.is(TypeKind::kDuration);
}

struct TypeSignature {
  std::vector<TypeKind> arguments;
  TypeKind result;
};

TypeSignature type_signature_of(ExtFunction function) {
  using enum TypeKind;
  switch (function) {
    case ExtFunction::kIp:
      return {{kString}, kIp};
    case ExtFunction::kDecimal:
      return {{kString}, kDecimal};
    case ExtFunction::kDatetime:
      return {{kString}, kDatetime};
    case ExtFunction::kDuration:
      return {{kString}, kDuration};
    case ExtFunction::kIsIpv4:
    case ExtFunction::kIsIpv6:
    case ExtFunction::kIsLoopback:
    case ExtFunction::kIsMulticast:
      return {{kIp}, kBool};
    case ExtFunction::kIsInRange:
      return {{kIp, kIp}, kBool};
    case ExtFunction::kLessThan:
    case ExtFunction::kLessThanOrEqual:
    case ExtFunction::kGreaterThan:
    case ExtFunction::kGreaterThanOrEqual:
      return {{kDecimal, kDecimal}, kBool};
    case ExtFunction::kOffset:
      return {{kDatetime, kDuration}, kDatetime};
    case ExtFunction::kDurationSince:
      return {{kDatetime, kDatetime}, kDuration};
    case ExtFunction::kToDate:
      return {{kDatetime}, kDatetime};
    case ExtFunction::kToTime:
      return {{kDatetime}, kDuration};
    case ExtFunction::kToMilliseconds:
    case ExtFunction::kToSeconds:
    case ExtFunction::kToMinutes:
    case ExtFunction::kToHours:
    case ExtFunction::kToDays:
      return {{kDuration}, kLong};
  }
  return {{}, kNever};
}

}  // namespace

// Comparison.

Type Typechecker::type_of_equality(const TreeNode& left, const Typed& a, const TreeNode& right,
                                   const Typed& b) const {
  if (a.type && b.type && are_disjoint(*a.type, *b.type)) return Type(TypeKind::kFalse);
  if ((!left.is_literal() && !left.is_action()) || (!right.is_literal() && !right.is_action()))
    return Type(TypeKind::kBool);
  // Two literals; the action of this request counts as one.
  const EntityUid& action = request_.action->uid;
  const auto is = [&](const TreeNode& node) {
    return node.kind == ExprKind::kEntity && node.entity() == action;
  };
  if (left.is_action() && right.is_action()) return Type(TypeKind::kTrue);
  if (left.is_action()) return Type::boolean(is(right));
  if (right.is_action()) return Type::boolean(is(left));
  return Type::boolean(left.shape == right.shape);
}

Typed Typechecker::check_equal(const TreeNode& node, const Capabilities& prior) {
  const Typed a = check(node.operands[0], prior);
  const Typed b = check(node.operands[1], prior);
  Type type = type_of_equality(this->node(node.operands[0]), a, this->node(node.operands[1]), b);
  bool ok = a.ok && b.ok;
  if (strict() && type.is(TypeKind::kBool))
    ok = same_types(node.span, a.type, b.type, "the operands of `==`") && ok;
  return {ok, std::move(type), {}};
}

Typed Typechecker::check_comparison(const TreeNode& node, const Capabilities& prior) {
  const Typed a = check(node.operands[0], prior);
  const Typed b = check(node.operands[1], prior);
  if (!a.type || !b.type) return boolean(false);
  if (*a.type == *b.type && has_order(*a.type)) return boolean(a.ok && b.ok);
  constexpr std::string_view kAnyOrdered = "`Long`, `datetime` or `duration`";
  const auto complain_of = [&](NodeId id, const Type& actual, const Type& other) {
    const std::string wanted =
        has_order(other) ? fmt::format("`{}`", other.to_string()) : std::string(kAnyOrdered);
    complain_of_type(id, wanted, actual,
                     actual.is(TypeKind::kDecimal) ? "use `.lessThan(...)` and the like to compare decimals"
                                                   : std::string());
  };
  if (!has_order(*a.type)) complain_of(node.operands[0], *a.type, *b.type);
  if (!has_order(*b.type) || has_order(*a.type)) complain_of(node.operands[1], *b.type, *a.type);
  return boolean(false);
}

Typed Typechecker::check_arithmetic(const TreeNode& node, const Capabilities& prior) {
  const Typed a = expect(node.operands[0], prior, Want::kLong);
  const Typed b = expect(node.operands[1], prior, Want::kLong);
  return {a.ok && b.ok, Type(TypeKind::kLong), {}};
}

// Membership in the hierarchies.

std::optional<EntityUid> Typechecker::literal_entity(NodeId id) const {
  const TreeNode& node = this->node(id);
  if (node.is_action()) return request_.action->uid;
  if (node.kind == ExprKind::kEntity) return node.entity();
  return std::nullopt;
}

std::optional<std::vector<EntityUid>> Typechecker::literal_entities(NodeId id) const {
  if (auto one = literal_entity(id)) return std::vector<EntityUid>{*std::move(one)};
  if (node(id).kind != ExprKind::kSet) return std::nullopt;
  std::vector<EntityUid> all;
  for (const NodeId operand : node(id).operands) {
    auto element = literal_entity(operand);
    if (!element) return std::nullopt;
    all.push_back(*std::move(element));
  }
  return all;
}

// An action among actions: the schema knows. An action is in nothing but actions.
Typed Typechecker::type_of_action_in(const EntityUid& action, const std::vector<EntityUid>& groups) const {
  bool is_in = false;
  for (const EntityUid& group : groups) {
    if (!is_action_type(group.type)) continue;
    if (schema_.find_action(group) == nullptr) return boolean(false);
    const SchemaAction* member = schema_.find_action(action);
    is_in = is_in || group == action || (member != nullptr && member->has_ancestor(group.type, group.id));
  }
  return {true, Type::boolean(is_in), {}};
}

bool Typechecker::may_be_in(const EntityTypeNames& types, const EntityTypeNames& groups) const {
  const auto may_be = [&](const std::string& type, const std::string& group) {
    if (type == group) return true;
    const SchemaEntityType* declared = schema_.find_entity_type(type);
    if (declared != nullptr) return declared->has_ancestor(group);
    return std::any_of(schema_.actions().begin(), schema_.actions().end(), [&](const auto& entry) {
      const auto& above = entry.second.ancestors;
      return entry.first.type == type &&
             std::any_of(above.begin(), above.end(), [&](auto* a) { return a->uid.type == group; });
    });
  };
  return std::any_of(types.begin(), types.end(), [&](const std::string& type) {
    return std::any_of(groups.begin(), groups.end(), [&](const auto& group) { return may_be(type, group); });
  });
}

Typed Typechecker::check_in(const TreeNode& node, const Capabilities& prior) {
  const Typed member = expect(node.operands[0], prior, Want::kEntity);
  const Typed group = expect(node.operands[1], prior, Want::kEntityOrEntities);
  if (!member.ok || !group.ok) return boolean(false);
  const auto action = literal_entity(node.operands[0]);
  if (action && is_action_type(action->type)) {
    if (const auto groups = literal_entities(node.operands[1])) return type_of_action_in(*action, *groups);
  }
  const Type& groups = group.type->is(TypeKind::kSet) ? group.type->element() : *group.type;
  if (!member.type->is(TypeKind::kEntity) || !groups.is(TypeKind::kEntity)) return boolean(true);
  if (may_be_in(member.type->entity_types(), groups.entity_types())) return boolean(true);
  return {true, Type(TypeKind::kFalse), {}};
}

Typed Typechecker::check_is(const TreeNode& node, const Capabilities& prior) {
  const Typed entity = expect(node.operands[0], prior, Want::kEntity);
  if (!entity.type) return boolean(false);
  if (!entity.type->is(TypeKind::kEntity)) return boolean(entity.ok && entity.type->is_entity());
  const EntityTypeNames& types = entity.type->entity_types();
  if (!std::binary_search(types.begin(), types.end(), node.text))
    return {entity.ok, Type(TypeKind::kFalse), {}};
  return {entity.ok, Type(types.size() == 1 ? TypeKind::kTrue : TypeKind::kBool), {}};
}

// Sets.

Typed Typechecker::check_contains(const TreeNode& node, const Capabilities& prior) {
  const bool single = node.kind == ExprKind::kContains;
  const Typed set = expect(node.operands[0], prior, Want::kSet);
  const Typed other = single ? check(node.operands[1], prior) : expect(node.operands[1], prior, Want::kSet);
  bool ok = set.ok && other.ok;
  if (strict() && set.type && other.type) {
    std::optional<Type> compared = set.type;
    if (single) {
      compared.reset();
      if (set.type->is(TypeKind::kSet)) compared = set.type->element();
    }
    ok = same_types(node.span, compared, other.type,
                    single ? "the set's elements and what it is asked for" : "the two sets") &&
         ok;
  }
  return boolean(ok);
}

// The functions of the extension types.

bool Typechecker::check_arguments(const TreeNode& node, ExtFunction function, std::size_t expected) {
  bool ok = true;
  if (node.operands.size() != expected) {
    complain(FindingKind::kArguments, node.span,
             fmt::format("`{}` takes {} argument{}, not {}", node.text, expected, expected == 1 ? "" : "s",
                         node.operands.size()));
    ok = false;
  }
  if (!is_constructor(function)) return ok;
  const auto literal = [&](NodeId id) { return this->node(id).is_literal(); };
  if (strict() && !std::all_of(node.operands.begin(), node.operands.end(), literal)) {
    complain(FindingKind::kArguments, node.span, fmt::format("`{}` takes only a literal", node.text),
             "let the attribute itself be of the extension type");
    ok = false;
  }
  if (node.operands.size() != 1 || this->node(node.operands[0]).kind != ExprKind::kString) return ok;
  Arena arena;
  const TreeNode& argument = this->node(node.operands[0]);
  if (construct_extension(arena, node.text, argument.text)) return ok;
  complain(FindingKind::kArguments, argument.span,
           fmt::format("`{}` is not a valid {}", argument.text,
                       extension_type_name(type_signature_of(function).result)));
  return false;
}

Typed Typechecker::check_call(const TreeNode& node, const Capabilities& prior) {
  const auto function = find_extension_function(node.text);
  if (!function) {
    complain(FindingKind::kArguments, node.span, fmt::format("there is no function `{}`", node.text));
    for (const NodeId operand : node.operands) check(operand, prior);
    return {};
  }
  const TypeSignature signature = type_signature_of(*function);
  if (!check_arguments(node, *function, signature.arguments.size())) {
    for (const NodeId operand : node.operands) check(operand, prior);
    return {false, Type(signature.result), {}};
  }
  constexpr auto want = [](TypeKind kind) {
    if (kind == TypeKind::kString) return Want::kString;
    if (kind == TypeKind::kIp) return Want::kIp;
    if (kind == TypeKind::kDecimal) return Want::kDecimal;
    return kind == TypeKind::kDatetime ? Want::kDatetime : Want::kDuration;
  };
  bool ok = true;
  for (std::size_t i = 0; i < node.operands.size(); ++i)
    ok = expect(node.operands[i], prior, want(signature.arguments[i])).ok && ok;
  return {ok, Type(signature.result), {}};
}

}  // namespace writ::cedar
