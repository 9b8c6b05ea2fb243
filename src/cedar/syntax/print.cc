#include "cedar/print.h"

#include <algorithm>

#include "base/check.h"
#include "cedar/format.h"
#include "cedar/parse.h"
#include "cedar/symbols.h"
#include "cedar/syntax/operators.h"
#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

// How tightly an expression holds together, in the order of the grammar. An operand that holds less tightly
// than its place demands stands in parentheses.
enum class Rank { kAny, kOr, kAnd, kRelation, kSum, kProduct, kUnary, kMember };

// What an operator between operands is, and what it demands of the operand on either side.
struct Infix {
  Rank rank;
  Rank left;
  Rank right;
};

Infix infix(ExprKind kind) {
  switch (kind) {
    case ExprKind::kAnd:
      return {Rank::kAnd, Rank::kRelation, Rank::kRelation};
    case ExprKind::kOr:
      return {Rank::kOr, Rank::kAnd, Rank::kAnd};
    case ExprKind::kAdd:
    case ExprKind::kSubtract:
      return {Rank::kSum, Rank::kSum, Rank::kProduct};
    case ExprKind::kMultiply:
      return {Rank::kProduct, Rank::kProduct, Rank::kUnary};
    default:
      return {Rank::kRelation, Rank::kSum, Rank::kSum};
  }
}

Rank rank_of(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kIf:
      return Rank::kAny;
    case ExprKind::kHas:
    case ExprKind::kLike:
    case ExprKind::kIs:
    case ExprKind::kIsIn:
      return Rank::kRelation;
    case ExprKind::kNot:
    case ExprKind::kNegate:
      return Rank::kUnary;
    case ExprKind::kLong:
      return expr.integer < 0 ? Rank::kUnary : Rank::kMember;
    case ExprKind::kBool:
    case ExprKind::kString:
    case ExprKind::kEntity:
    case ExprKind::kVariable:
    case ExprKind::kAttribute:
    case ExprKind::kContains:
    case ExprKind::kContainsAll:
    case ExprKind::kContainsAny:
    case ExprKind::kIsEmpty:
    case ExprKind::kHasTag:
    case ExprKind::kGetTag:
    case ExprKind::kSet:
    case ExprKind::kRecord:
    case ExprKind::kCall:
      return Rank::kMember;
    default:
      return infix(expr.kind).rank;
  }
}

class PolicyPrinter {
 public:
  void policy(const Policy& policy) {
    for (const Annotation& annotation : policy.annotations) {
      out_.append("@").append(annotation.name);
      if (annotation.value) {
        out_ += '(';
        quoted(*annotation.value);
        out_ += ')';
      }
      out_ += '\n';
    }
    out_ += policy.effect == Effect::kPermit ? "permit (" : "forbid (";
    scope_term("principal", policy.principal);
    out_ += ", ";
    scope_term("action", policy.action);
    out_ += ", ";
    scope_term("resource", policy.resource);
    out_ += ')';
    for (const Condition& condition : policy.conditions) {
      out_ += condition.unless ? "\nunless { " : "\nwhen { ";
      expression(condition.body, Rank::kAny);
      out_ += " }";
    }
    out_ += ";\n";
  }

  void expression(const Expr& expr, Rank at_least) {
    if (rank_of(expr) < at_least) {
      out_ += '(';
      bare(expr);
      out_ += ')';
    } else {
      bare(expr);
    }
  }

  std::string take() && { return std::move(out_); }

 private:
  void quoted(std::string_view text) {
    out_ += '"';
    append_escaped(out_, text);
    out_ += '"';
  }

  void scope_term(std::string_view variable, const ScopeTerm& term) {
    using Rule = ScopeTerm::Rule;
    out_ += variable;
    if (term.rule == Rule::kIs || term.rule == Rule::kIsIn) out_.append(" is ").append(term.type);
    if (term.rule == Rule::kAny || term.rule == Rule::kIs) return;
    out_ += term.rule == Rule::kEqual ? " == " : " in ";
    if (term.slot) {
      out_.append("?").append(variable);
      return;
    }
    if (term.rule == Rule::kInAny) out_ += '[';
    for (const EntityUid& uid : term.entities) {
      if (&uid != &term.entities.front()) out_ += ", ";
      append_entity(out_, uid.type, uid.id);
    }
    if (term.rule == Rule::kInAny) out_ += ']';
  }

  void bare(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kBool:
        out_ += expr.integer != 0 ? "true" : "false";
        return;
      case ExprKind::kLong:
        out_ += std::to_string(expr.integer);
        return;
      case ExprKind::kString:
        return quoted(expr.text);
      case ExprKind::kEntity:
        return append_entity(out_, expr.text, expr.names[0]);
      case ExprKind::kVariable:
        out_ += variable_name(expr.variable());
        return;
      case ExprKind::kNot:
        out_ += '!';
        return expression(expr.operands[0], Rank::kMember);
      case ExprKind::kNegate: {
        // `-5` is a number, so the negation of one needs parentheses.
        const bool number = expr.operands[0].kind == ExprKind::kLong;
        out_ += number ? "-(" : "-";
        expression(expr.operands[0], number ? Rank::kAny : Rank::kMember);
        if (number) out_ += ')';
        return;
      }
      case ExprKind::kIf:
        out_ += "if ";
        expression(expr.operands[0], Rank::kAny);
        out_ += " then ";
        expression(expr.operands[1], Rank::kAny);
        out_ += " else ";
        return expression(expr.operands[2], Rank::kAny);
      case ExprKind::kContains:
      case ExprKind::kContainsAll:
      case ExprKind::kContainsAny:
      case ExprKind::kIsEmpty:
      case ExprKind::kHasTag:
      case ExprKind::kGetTag:
        return method(operator_name(expr.kind), expr.operands);
      case ExprKind::kAttribute:
        expression(expr.operands[0], Rank::kMember);
        return attribute(expr.text);
      case ExprKind::kHas:
        return has(expr);
      case ExprKind::kLike:
        return like(expr);
      case ExprKind::kIs:
      case ExprKind::kIsIn:
        expression(expr.operands[0], Rank::kSum);
        out_.append(" is ").append(expr.text);
        if (expr.kind == ExprKind::kIs) return;
        out_ += " in ";
        return expression(expr.operands[1], Rank::kSum);
      case ExprKind::kSet:
        out_ += '[';
        list(expr.operands);
        out_ += ']';
        return;
      case ExprKind::kRecord:
        return record(expr);
      case ExprKind::kCall:
        return call(expr);
      default:
        return chain(expr);
    }
  }

  void chain(const Expr& expr) {
    const Infix op = infix(expr.kind);
    for (const Expr& operand : expr.operands) {
      const bool first = &operand == &expr.operands.front();
      if (!first) out_.append(" ").append(operator_name(expr.kind)).append(" ");
      expression(operand, first ? op.left : op.right);
    }
  }

  void list(std::span<const Expr> elements) {
    for (const Expr& element : elements) {
      if (&element != &elements.front()) out_ += ", ";
      expression(element, Rank::kAny);
    }
  }

  void method(std::string_view name, std::span<const Expr> operands) {
    expression(operands[0], Rank::kMember);
    out_.append(".").append(name).append("(");
    list(operands.subspan(1));
    out_ += ')';
  }

  void call(const Expr& expr) {
    if (!is_constructor(expr.text)) return method(expr.text, expr.operands);
    out_.append(expr.text).append("(");
    list(expr.operands);
    out_ += ')';
  }

  void attribute(std::string_view name) {
    if (is_plain_attribute(name)) {
      out_.append(".").append(name);
      return;
    }
    out_ += '[';
    quoted(name);
    out_ += ']';
  }

  void has(const Expr& expr) {
    expression(expr.operands[0], Rank::kSum);
    out_ += " has ";
    if (expr.names.size() == 1 && !is_plain_attribute(expr.names[0])) return quoted(expr.names[0]);
    for (const std::string& name : expr.names) {
      WRIT_CHECK(is_plain_attribute(name));  // a path has no other form
      if (&name != &expr.names.front()) out_ += '.';
      out_ += name;
    }
  }

  void like(const Expr& expr) {
    expression(expr.operands[0], Rank::kSum);
    out_ += " like \"";
    for (const std::string& piece : expr.names) {
      if (&piece != &expr.names.front()) out_ += '*';
      std::string_view rest = piece;
      for (auto star = rest.find('*'); star != rest.npos; star = rest.find('*')) {
        append_escaped(out_, rest.substr(0, star));
        out_ += "\\*";
        rest.remove_prefix(star + 1);
      }
      append_escaped(out_, rest);
    }
    out_ += '"';
  }

  void record(const Expr& expr) {
    out_ += '{';
    for (std::size_t i = 0; i < expr.operands.size(); ++i) {
      if (i > 0) out_ += ", ";
      if (is_plain_attribute(expr.names[i])) {
        out_ += expr.names[i];
      } else {
        quoted(expr.names[i]);
      }
      out_ += ": ";
      expression(expr.operands[i], Rank::kAny);
    }
    out_ += '}';
  }

  std::string out_;
};

// What was printed parses, so it can be laid out.
std::string laid_out(std::string text) {
  auto formatted = format_policies(text);
  WRIT_CHECK(formatted.has_value());
  return *std::move(formatted);
}

}  // namespace

std::string print_expression(const Expr& expr) {
  PolicyPrinter printer;
  printer.expression(expr, Rank::kAny);
  return std::move(printer).take();
}

std::string print_policy(const Policy& policy) {
  PolicyPrinter printer;
  printer.policy(policy);
  return laid_out(std::move(printer).take());
}

std::string print_policies(const PolicySet& policies) {
  std::vector<const Policy*> ordered;
  for (const Policy& policy : policies.policies) ordered.push_back(&policy);
  for (const Policy& policy : policies.templates) ordered.push_back(&policy);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Policy* a, const Policy* b) { return a->span.begin < b->span.begin; });
  PolicyPrinter printer;
  for (const Policy* policy : ordered) printer.policy(*policy);
  return laid_out(std::move(printer).take());
}

}  // namespace writ::cedar
