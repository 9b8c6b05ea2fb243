#include "cedar/validate/typecheck.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>

namespace writ::cedar {
namespace {

Typed known(Type type) {
  return {true, std::move(type), {}};
}
Typed known(TypeKind kind) {
  return known(Type(kind));
}
// Wrong, but of this type for sure.
Typed wrong(std::optional<Type> type = {}) {
  return {false, std::move(type), {}};
}
// What an expression is worth whose operand is this one.
Typed after(const Typed& operand, Typed result) {
  if (operand.ok) return result;
  return wrong(std::move(result.type));
}

bool is_kind(const Typed& typed, TypeKind kind) {
  return typed.type && typed.type->is(kind);
}

Capabilities unite(const Capabilities& a, const Capabilities& b) {
  Capabilities all;
  all.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all));
  return all;
}

Capabilities intersect(const Capabilities& a, const Capabilities& b) {
  Capabilities common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
  return common;
}

constexpr std::array<std::string_view, 11> kWanted{"Bool",
                                                   "Long",
                                                   "String",
                                                   "an entity",
                                                   "an entity or a record",
                                                   "an entity or a set of entities",
                                                   "a set",
                                                   "ipaddr",
                                                   "decimal",
                                                   "datetime",
                                                   "duration"};

}  // namespace

Typechecker::Typechecker(const Schema& schema, ValidationMode mode, const ValidationTree& tree,
                         const RequestTypes& request, const Report& report)
    : schema_(schema), mode_(mode), tree_(tree), request_(request), report_(report) {
  typed_.entries.resize(tree.size());
}

// The clauses are one conjunction that associates to the right: each is checked knowing what those before it
// make sure, and none behind one that is false for sure.
Typed Typechecker::run() {
  std::vector<Typed> done;
  Capabilities prior;
  for (const NodeId clause : tree_.clauses()) {
    done.push_back(expect(clause, prior, Want::kBool));
    if (is_kind(done.back(), TypeKind::kFalse)) break;
    if (done.back().ok) prior = unite(prior, done.back().capabilities);
  }
  typed_.clauses = done.size();
  Typed result = std::move(done.back());
  done.pop_back();
  for (; !done.empty(); done.pop_back()) {
    const bool ok = done.back().ok && result.ok;
    result = join_and(std::move(done.back()), std::move(result));
    result.ok = result.ok && ok;
  }
  if (too_complex()) return wrong();
  return result;
}

std::uint32_t Typechecker::attribute_id(std::string_view name) {
  const auto found = attributes_.find(name);
  if (found != attributes_.end()) return found->second;
  return attributes_.emplace(std::string(name), static_cast<std::uint32_t>(attributes_.size())).first->second;
}

bool Typechecker::accepts(Want want, const Type& type) {
  if (type.is(TypeKind::kNever)) return true;
  switch (want) {
    case Want::kBool:
      return type.is_bool();
    case Want::kLong:
      return type.is(TypeKind::kLong);
    case Want::kString:
      return type.is(TypeKind::kString);
    case Want::kEntity:
      return type.is_entity();
    case Want::kEntityOrRecord:
      return type.is_entity() || type.is(TypeKind::kRecord);
    case Want::kEntityOrEntities:
      return type.is_entity() ||
             (type.is(TypeKind::kSet) && (type.element().is_entity() || type.element().is(TypeKind::kNever)));
    case Want::kSet:
      return type.is_set();
    case Want::kIp:
      return type.is(TypeKind::kIp);
    case Want::kDecimal:
      return type.is(TypeKind::kDecimal);
    case Want::kDatetime:
      return type.is(TypeKind::kDatetime);
    case Want::kDuration:
      return type.is(TypeKind::kDuration);
  }
  return false;
}

void Typechecker::complain_of_type(NodeId id, const std::string& wanted, const Type& actual,
                                   std::string help) {
  complain(FindingKind::kType, node(id).span,
           fmt::format("expected {}, got a value of type `{}`", wanted, actual.to_string()), std::move(help));
}

Typed Typechecker::expect(NodeId id, const Capabilities& prior, Want want) {
  Typed typed = check(id, prior);
  if (!typed.type) return wrong();
  if (accepts(want, *typed.type)) return typed;
  std::string help;
  const bool wants_set = want == Want::kSet || want == Want::kEntityOrEntities;
  if (want == Want::kEntity && typed.type->is_set())
    help = "use `contains` to test whether a set has an element";
  if (wants_set && typed.type->is(TypeKind::kString)) help = "use `like` to match text";
  if (want == Want::kSet && typed.type->is_entity())
    help = "use `in` to test whether an entity is in a group";
  if (want == Want::kSet && typed.type->is(TypeKind::kRecord))
    help = "use `has` to test whether a record has an attribute";
  if (want == Want::kEntityOrRecord && typed.type->is_set())
    help = "use `contains` to test whether a set has an element";
  if (want == Want::kString && typed.type->is_entity()) help = "use `is` to test the type of an entity";
  if (want == Want::kLong && typed.type->is(TypeKind::kString)) help = "Cedar does not join strings";
  if (want == Want::kLong && typed.type->is_set()) help = "Cedar does not compute with sets";
  const std::string_view wanted = kWanted[static_cast<std::size_t>(want)];
  complain_of_type(id, wanted.find(' ') == wanted.npos ? fmt::format("`{}`", wanted) : std::string(wanted),
                   *typed.type, std::move(help));
  return wrong();
}

Typed Typechecker::check(NodeId id, const Capabilities& prior) {
  // Counts what is done, so that no policy takes for ever.
  steps_ += 1 + prior.size() / 16;
  if (too_complex()) return wrong();
  Typed typed = check_node(id, prior);
  // To compare types may be to walk over the whole of them.
  if (typed.type) steps_ += typed.type->size() / 64;
  typed_.entries[id].type = typed.type;
  return typed;
}

Typed Typechecker::check_node(NodeId id, const Capabilities& prior) {
  const TreeNode& node = this->node(id);
  switch (node.kind) {
    case ExprKind::kBool:
      return known(Type::boolean(node.integer != 0));
    case ExprKind::kLong:
      return known(TypeKind::kLong);
    case ExprKind::kString:
      return known(TypeKind::kString);
    case ExprKind::kEntity:
      return check_entity(node);
    case ExprKind::kVariable:
      return check_variable(node);
    case ExprKind::kNot:
      return check_not(node, prior);
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return check_chain(id, prior);
    case ExprKind::kIf:
      return check_if(id, prior);
    case ExprKind::kAttribute:
      return check_attribute(id, prior);
    case ExprKind::kHas:
      return check_has(node, prior);
    case ExprKind::kIs:
      return check_is(node, prior);
    case ExprKind::kSet:
      return check_set(node, prior);
    case ExprKind::kRecord:
      return check_record(node, prior);
    case ExprKind::kCall:
      return check_call(node, prior);
    default:
      return check_operator(id, prior);
  }
}

Typed Typechecker::check_operator(NodeId id, const Capabilities& prior) {
  const TreeNode& node = this->node(id);
  switch (node.kind) {
    case ExprKind::kNegate:
      return after(expect(node.operands[0], prior, Want::kLong), known(TypeKind::kLong));
    case ExprKind::kIsEmpty:
      return after(expect(node.operands[0], prior, Want::kSet), known(TypeKind::kBool));
    case ExprKind::kLike:
      return after(expect(node.operands[0], prior, Want::kString), known(TypeKind::kBool));
    case ExprKind::kEqual:
      return check_equal(node, prior);
    case ExprKind::kLess:
    case ExprKind::kLessOrEqual:
      return check_comparison(node, prior);
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
    case ExprKind::kMultiply:
      return check_arithmetic(node, prior);
    case ExprKind::kIn:
      return check_in(node, prior);
    case ExprKind::kContains:
    case ExprKind::kContainsAll:
    case ExprKind::kContainsAny:
      return check_contains(node, prior);
    case ExprKind::kHasTag:
    case ExprKind::kGetTag:
      return check_tag(node, prior);
    default:
      return wrong();
  }
}

Typed Typechecker::check_variable(const TreeNode& node) const {
  const auto slot = [](const std::optional<std::string>& type) {
    return known(type ? Type::entity(*type) : Type(TypeKind::kAnyEntity));
  };
  if (node.integer == kPrincipalSlot) return slot(request_.principal_slot);
  if (node.integer == kResourceSlot) return slot(request_.resource_slot);
  switch (static_cast<Variable>(node.integer)) {
    case Variable::kPrincipal:
      return known(Type::entity(request_.principal));
    case Variable::kAction:
      return known(Type::entity(request_.action->uid.type));
    case Variable::kResource:
      return known(Type::entity(request_.resource));
    case Variable::kContext:
      return known(request_.action->context);
  }
  return wrong();
}

// That an entity type or an action is unknown is reported by another check.
Typed Typechecker::check_entity(const TreeNode& node) const {
  const bool declared = is_action_type(node.text) ? schema_.find_action(node.text, node.names[0]) != nullptr
                                                  : schema_.find_entity_type(node.text) != nullptr;
  return declared ? known(Type::entity(node.text)) : wrong();
}

Typed Typechecker::check_if(NodeId id, const Capabilities& prior) {
  const TreeNode& node = this->node(id);
  auto& entry = typed_.entries[id];
  const Typed test = expect(node.operands[0], prior, Want::kBool);
  const Capabilities given = test.ok ? test.capabilities : Capabilities();
  if (is_kind(test, TypeKind::kFalse)) {
    entry.branch = TypedTree::Branch::kElse;
    return after(test, check(node.operands[2], prior));
  }
  Typed yes = check(node.operands[1], unite(prior, given));
  if (yes.ok) yes.capabilities = unite(yes.capabilities, given);
  if (is_kind(test, TypeKind::kTrue)) {
    entry.branch = TypedTree::Branch::kThen;
    return after(test, std::move(yes));
  }
  entry.branch = TypedTree::Branch::kBoth;
  Typed no = check(node.operands[2], prior);
  const bool ok = test.ok && yes.ok && no.ok;
  Capabilities both = intersect(no.capabilities, yes.capabilities);
  auto type = common_type(node.span, {std::move(yes), std::move(no)}, "the two branches of `if`");
  if (!ok || !type) return wrong(std::move(type));
  return {true, std::move(type), std::move(both)};
}

Typed Typechecker::check_chain(NodeId id, const Capabilities& prior) {
  const TreeNode& node = this->node(id);
  const bool is_and = node.kind == ExprKind::kAnd;
  const TypeKind decided = is_and ? TypeKind::kFalse : TypeKind::kTrue;
  auto& entry = typed_.entries[id];
  entry.operands = 1;
  Typed left = expect(node.operands[0], prior, Want::kBool);
  for (std::size_t i = 1; i < node.operands.size(); ++i) {
    if (is_kind(left, decided)) {
      if (is_and) left.capabilities.clear();
      break;
    }
    entry.operands = static_cast<std::uint32_t>(i + 1);
    if (!left.ok) left.capabilities.clear();
    steps_ += left.capabilities.size() / 16;
    Typed right = expect(node.operands[i], is_and ? unite(prior, left.capabilities) : prior, Want::kBool);
    if (!right.ok) right.capabilities.clear();
    const bool ok = left.ok && right.ok;
    left = is_and ? join_and(std::move(left), std::move(right)) : join_or(std::move(left), std::move(right));
    if (!ok) left = wrong(std::move(left.type));
  }
  return left;
}

// What both make sure together. The reference forgets what a `true` on the left made sure; so it is here.
Typed Typechecker::join_and(Typed left, Typed right) const {
  if (is_kind(left, TypeKind::kFalse)) return {left.ok, left.type, {}};
  if (!left.type || !right.type) return wrong(Type(TypeKind::kBool));
  if (is_kind(right, TypeKind::kFalse)) return known(TypeKind::kFalse);
  if (is_kind(left, TypeKind::kTrue) && !is_kind(right, TypeKind::kTrue))
    return {true, right.type, std::move(right.capabilities)};
  Capabilities both = unite(left.capabilities, right.capabilities);
  const bool surely = is_kind(right, TypeKind::kTrue);
  return {true, surely ? left.type : Type(TypeKind::kBool), std::move(both)};
}

Typed Typechecker::join_or(Typed left, Typed right) const {
  if (!left.type || !right.type) return wrong(Type(TypeKind::kBool));
  if (is_kind(right, TypeKind::kTrue)) return {true, Type(TypeKind::kTrue), std::move(right.capabilities)};
  if (is_kind(right, TypeKind::kFalse)) return {true, left.type, std::move(left.capabilities)};
  if (is_kind(left, TypeKind::kFalse)) return {true, right.type, std::move(right.capabilities)};
  return {true, Type(TypeKind::kBool), intersect(left.capabilities, right.capabilities)};
}

Typed Typechecker::check_not(const TreeNode& node, const Capabilities& prior) {
  const Typed operand = expect(node.operands[0], prior, Want::kBool);
  if (is_kind(operand, TypeKind::kTrue)) return after(operand, known(TypeKind::kFalse));
  if (is_kind(operand, TypeKind::kFalse)) return after(operand, known(TypeKind::kTrue));
  return after(operand, known(TypeKind::kBool));
}

Typed Typechecker::check_set(const TreeNode& node, const Capabilities& prior) {
  std::vector<Typed> elements;
  bool ok = true;
  for (const NodeId operand : node.operands) {
    elements.push_back(check(operand, prior));
    ok = ok && elements.back().ok;
  }
  if (strict() && elements.empty()) {
    complain(FindingKind::kEmptySet, node.span, "an empty set has no type",
             "use `.isEmpty()` to test whether a set is empty");
    return wrong();
  }
  auto element = common_type(node.span, elements, "the elements of this set");
  if (!element) return wrong();
  return {ok, Type::set(*std::move(element)), {}};
}

Typed Typechecker::check_record(const TreeNode& node, const Capabilities& prior) {
  Attributes attributes;
  bool ok = true;
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    Typed value = check(node.operands[i], prior);
    ok = ok && value.ok;
    if (value.type) attributes.emplace(node.names[i], AttributeType{*std::move(value.type), true});
  }
  if (attributes.size() != node.operands.size()) return wrong();
  return {ok, Type::record(std::move(attributes)), {}};
}

std::optional<Type> Typechecker::common_type(Span span, const std::vector<Typed>& typed,
                                             std::string_view what) {
  if (std::any_of(typed.begin(), typed.end(), [](const Typed& t) { return !t.type; })) return std::nullopt;
  Type bound(TypeKind::kNever);
  for (const Typed& next : typed) {
    auto wider = least_upper_bound(bound, *next.type, mode_);
    if (!wider) {
      complain(FindingKind::kType, span,
               fmt::format("{} are of different types: `{}` and `{}`", what, bound.to_string(),
                           next.type->to_string()));
      return std::nullopt;
    }
    bound = *std::move(wider);
  }
  return bound;
}

bool Typechecker::same_types(Span span, const std::optional<Type>& a, const std::optional<Type>& b,
                             std::string_view what) {
  if (!a || !b || least_upper_bound(*a, *b, mode_)) return true;
  std::string help;
  if (a->is(TypeKind::kRecord) && b->is(TypeKind::kRecord))
    help = "records are of one type when they have the same attributes, each required in both or neither";
  complain(FindingKind::kType, span,
           fmt::format("{} are of different types: `{}` and `{}`", what, a->to_string(), b->to_string()),
           std::move(help));
  return false;
}

}  // namespace writ::cedar
