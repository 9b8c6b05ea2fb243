#include "decision/hiding.h"

#include <algorithm>

namespace writ::decision {
namespace {

using cedar::Expr;
using cedar::ExprKind;

// What becomes of the request when an expression is true.
enum class Truth { kHelps, kHurts, kEither };

Truth opposite(Truth truth) {
  if (truth == Truth::kEither) return truth;
  return truth == Truth::kHelps ? Truth::kHurts : Truth::kHelps;
}

bool is_bool(const Expr& expr, bool value) {
  return expr.kind == ExprKind::kBool && (expr.integer != 0) == value;
}

// `context`, `context.token`; nothing for what is not of the context.
std::optional<std::string> context_path(const Expr& expr) {
  if (expr.kind == ExprKind::kVariable && expr.variable() == cedar::Variable::kContext) return "context";
  if (expr.kind != ExprKind::kAttribute) return std::nullopt;
  auto path = context_path(expr.operands[0]);
  if (path) *path += "." + expr.text;
  return path;
}

class HidingSearch {
 public:
  void visit(const Expr& expr, Truth truth) {
    switch (expr.kind) {
      case ExprKind::kHas:
        if (truth != Truth::kHelps) add(expr);
        return;
      case ExprKind::kNot:
        return visit(expr.operands[0], opposite(truth));
      case ExprKind::kAnd:
      case ExprKind::kOr:
        for (const Expr& operand : expr.operands) visit(operand, truth);
        return;
      case ExprKind::kIf:
        visit(expr.operands[0], condition(expr, truth));
        visit(expr.operands[1], truth);
        visit(expr.operands[2], truth);
        return;
      default:
        for (const Expr& operand : expr.operands) visit(operand, Truth::kEither);
    }
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  // `if c then a else false` is true only with c, `if c then false else b` only without.
  static Truth condition(const Expr& expr, Truth truth) {
    const Expr& yes = expr.operands[1];
    const Expr& no = expr.operands[2];
    if (is_bool(no, false) || is_bool(yes, true)) return truth;
    if (is_bool(yes, false) || is_bool(no, true)) return opposite(truth);
    return Truth::kEither;
  }

  void add(const Expr& has) {
    auto path = context_path(has.operands[0]);
    if (!path) return;
    for (const std::string& name : has.names) *path += "." + name;
    if (std::ranges::find(found_, *path) == found_.end()) found_.push_back(*std::move(path));
  }

  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> helpful_absences(const cedar::Policy& policy) {
  HidingSearch search;
  const bool permits = policy.effect == cedar::Effect::kPermit;
  for (const cedar::Condition& condition : policy.conditions)
    search.visit(condition.body, permits != condition.unless ? Truth::kHelps : Truth::kHurts);
  return search.take();
}

}  // namespace writ::decision
