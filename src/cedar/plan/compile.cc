// From the syntax tree to the plan: one walk over each policy, calling PlanBuilder node by node.
#include "cedar/compile.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>
#include <unordered_set>

#include "cedar/ast.h"
#include "cedar/link.h"
#include "cedar/plan/plan_builder.h"
#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

// What a link puts into the slots of its template; both absent for a static policy.
struct Slots {
  const EntityUid* principal = nullptr;
  const EntityUid* resource = nullptr;
};

Op two_operand_op(ExprKind kind) {
  switch (kind) {
    case ExprKind::kEqual:
    case ExprKind::kNotEqual:
      return Op::kEqual;
    case ExprKind::kLess:
    case ExprKind::kGreaterOrEqual:
      return Op::kLess;
    case ExprKind::kLessOrEqual:
    case ExprKind::kGreater:
      return Op::kLessOrEqual;
    case ExprKind::kAdd:
      return Op::kAdd;
    case ExprKind::kSubtract:
      return Op::kSubtract;
    case ExprKind::kMultiply:
      return Op::kMultiply;
    case ExprKind::kIn:
      return Op::kIn;
    case ExprKind::kContains:
      return Op::kContains;
    case ExprKind::kContainsAll:
      return Op::kContainsAll;
    case ExprKind::kContainsAny:
      return Op::kContainsAny;
    case ExprKind::kHasTag:
      return Op::kHasTag;
    default:
      WRIT_CHECK(kind == ExprKind::kGetTag);
      return Op::kGetTag;
  }
}

// Cedar defines `a != b`, `a > b` and `a >= b` as the negation of the other.
bool is_negation(ExprKind kind) {
  return kind == ExprKind::kNotEqual || kind == ExprKind::kGreater || kind == ExprKind::kGreaterOrEqual;
}

class Compiler {
 public:
  Result<void> add(const Policy& policy, std::string id, Slots slots) {
    PolicyFacts facts{std::move(id), {}};
    for (const Annotation& annotation : policy.annotations)
      facts.annotations.emplace_back(annotation.name, annotation.value.value_or(""));
    const PolicyScope scope{{constraint(policy.principal, slots.principal),
                             constraint(policy.action, nullptr),
                             constraint(policy.resource, slots.resource)}};
    std::vector<NodeIndex> conditions;
    for (const Condition& condition : policy.conditions) {
      NodeIndex body = TRY(lower(condition.body));
      builder_.set_range({condition.span.begin, condition.span.end});
      conditions.push_back(condition.unless ? builder_.unary(Op::kNot, body) : body);
    }
    builder_.set_range({policy.span.begin, policy.span.end});
    NodeIndex condition = kNoNode;
    if (conditions.size() == 1) condition = conditions.front();
    if (conditions.size() > 1) condition = builder_.chain(Op::kAnd, conditions);
    builder_.add_policy(std::move(facts), policy.effect == Effect::kForbid, scope, condition);
    return {};
  }

  Result<std::shared_ptr<const CompiledPolicySet>> finish() && { return std::move(builder_).finish(); }

 private:
  ScopeConstraint constraint(const ScopeTerm& term, const EntityUid* in_slot) {
    using Rule = ScopeConstraint::Rule;
    static constexpr Rule kRules[] = {Rule::kAny, Rule::kEqual, Rule::kIn,
                                      Rule::kIs,  Rule::kIsIn,  Rule::kInAny};
    ScopeConstraint constraint{.rule = kRules[static_cast<std::size_t>(term.rule)]};
    if (!term.type.empty()) constraint.type = builder_.arena().text(term.type);
    std::vector<EntityRef> uids;
    if (term.slot) uids.push_back(builder_.arena().entity(in_slot->type, in_slot->id));
    for (const EntityUid& uid : term.entities) uids.push_back(builder_.arena().entity(uid.type, uid.id));
    constraint.uids = builder_.uid_list(uids);
    constraint.uid_count = static_cast<std::uint32_t>(uids.size());
    return constraint;
  }

  Result<std::vector<NodeIndex>> lower_all(const std::vector<Expr>& operands, std::uint32_t depth) {
    std::vector<NodeIndex> nodes;
    nodes.reserve(operands.size());
    for (const Expr& operand : operands) nodes.push_back(TRY(lower(operand, depth)));
    return nodes;
  }

  Result<NodeIndex> lower(const Expr& expr, std::uint32_t depth = 1) {
    // A tree that the parser did not make may be of any depth.
    if (depth > PlanBuilder::kMaxDepth)
      return failure(ErrorCode::kLimit,
                     fmt::format("an expression is nested more than {} deep", PlanBuilder::kMaxDepth));
    const auto operands = TRY(lower_all(expr.operands, depth + 1));
    builder_.set_range({expr.span.begin, expr.span.end});
    switch (expr.kind) {
      case ExprKind::kBool:
        return builder_.constant(Value::boolean(expr.integer != 0));
      case ExprKind::kLong:
        return builder_.constant(Value::integer(expr.integer));
      case ExprKind::kString:
        return builder_.constant(make_string(builder_.arena(), expr.text));
      case ExprKind::kEntity:
        return builder_.constant(make_entity(builder_.arena(), expr.text, expr.names[0]));
      case ExprKind::kVariable:
        return builder_.variable(variable(expr.variable()));
      case ExprKind::kNot:
        return builder_.unary(Op::kNot, operands[0]);
      case ExprKind::kNegate:
        return builder_.unary(Op::kNegate, operands[0]);
      case ExprKind::kIsEmpty:
        return builder_.unary(Op::kIsEmpty, operands[0]);
      case ExprKind::kAnd:
        return builder_.chain(Op::kAnd, operands);
      case ExprKind::kOr:
        return builder_.chain(Op::kOr, operands);
      case ExprKind::kIf:
        return builder_.condition(operands[0], operands[1], operands[2]);
      case ExprKind::kAttribute:
        return builder_.named(Op::kAttribute, operands[0], expr.text);
      case ExprKind::kHas:
        return has(expr, operands[0]);
      case ExprKind::kLike:
        return builder_.like(operands[0], LikePattern{expr.names});
      case ExprKind::kIs:
        return builder_.named(Op::kIs, operands[0], expr.text);
      case ExprKind::kIsIn:
        return builder_.is_in(operands[0], expr.text, operands[1]);
      case ExprKind::kSet:
        return builder_.set(operands);
      case ExprKind::kRecord:
        return record(expr, operands);
      case ExprKind::kCall:
        return call(expr, operands);
      default:
        break;
    }
    const NodeIndex result = builder_.binary(two_operand_op(expr.kind), operands[0], operands[1]);
    return is_negation(expr.kind) ? builder_.unary(Op::kNot, result) : result;
  }

  static Op variable(Variable variable) {
    static constexpr Op kOps[] = {Op::kPrincipal, Op::kAction, Op::kResource, Op::kContext};
    return kOps[static_cast<std::size_t>(variable)];
  }

  NodeIndex has(const Expr& expr, NodeIndex operand) {
    if (expr.names.size() == 1) return builder_.named(Op::kHas, operand, expr.names[0]);
    const std::vector<std::string_view> path(expr.names.begin(), expr.names.end());
    return builder_.has_path(operand, path);
  }

  // Fields are evaluated in the order of their names, as in the reference: when two of them fail, it decides
  // which error is reported.
  NodeIndex record(const Expr& expr, const std::vector<NodeIndex>& values) {
    std::vector<std::pair<std::string_view, NodeIndex>> fields;
    for (std::size_t i = 0; i < values.size(); ++i) fields.emplace_back(expr.names[i], values[i]);
    std::sort(fields.begin(), fields.end());
    return builder_.record(fields);
  }

  Result<NodeIndex> call(const Expr& expr, const std::vector<NodeIndex>& arguments) {
    const auto function = find_extension_function(expr.text);
    if (!function) return failure(ErrorCode::kInvalid, fmt::format("there is no function `{}`", expr.text));
    return builder_.call(*function, arguments);
  }

  PlanBuilder builder_;
};

// Over all three lists, so that an id means one thing to everybody.
Result<void> check_ids(const PolicySet& policies) {
  std::unordered_set<std::string_view> ids;
  const auto take = [&](const std::string& id) -> Result<void> {
    if (ids.insert(id).second) return {};
    return failure(ErrorCode::kConflict, fmt::format("two policies have the id `{}`", id));
  };
  for (const Policy& policy : policies.policies) TRY(take(policy.id));
  for (const Policy& policy : policies.templates) TRY(take(policy.id));
  for (const TemplateLink& link : policies.links) TRY(take(link.id));
  return {};
}

}  // namespace

Result<std::shared_ptr<const CompiledPolicySet>> CompiledPolicySet::compile(const PolicySet& policies) {
  TRY(check_ids(policies));
  Compiler compiler;
  const auto in_policy = [](Error error, std::string_view id) {
    return std::unexpected(std::move(error).in(fmt::format("policy `{}`", id)));
  };
  for (const Policy& policy : policies.policies) {
    if (policy.is_template())
      return failure(
          ErrorCode::kInvalid,
          fmt::format("policy `{}` has a slot; it is a template and needs to be linked", policy.id));
    if (auto done = compiler.add(policy, policy.id, {}); !done) return in_policy(done.error(), policy.id);
  }
  std::unordered_map<std::string_view, const Policy*> templates;
  for (const Policy& policy : policies.templates) templates.emplace(policy.id, &policy);
  for (const TemplateLink& link : policies.links) {
    const auto found = templates.find(link.template_id);
    if (found == templates.end())
      return failure(ErrorCode::kNotFound,
                     fmt::format("policy `{}` links the unknown template `{}`", link.id, link.template_id));
    const Policy& policy = *found->second;
    if (auto done = check_link(policy, link); !done) return in_policy(done.error(), link.id);
    const Slots slots{link.principal ? &*link.principal : nullptr, link.resource ? &*link.resource : nullptr};
    if (auto done = compiler.add(policy, link.id, slots); !done) return in_policy(done.error(), link.id);
  }
  return std::move(compiler).finish();
}

}  // namespace writ::cedar
