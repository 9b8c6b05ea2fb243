#include "policy/logins.h"

#include <algorithm>

namespace writ::policy {
namespace {

bool reads_login(const cedar::Expr& expr) {
  const auto is_login = [](const std::string& name) { return name == "acr" || name == "authTime"; };
  if (expr.kind == cedar::ExprKind::kAttribute && is_login(expr.text)) return true;
  if (expr.kind == cedar::ExprKind::kHas && std::ranges::any_of(expr.names, is_login)) return true;
  return std::ranges::any_of(expr.operands, reads_login);
}

void add_texts(const cedar::Expr& expr, std::vector<std::string>& acrs) {
  if (expr.kind == cedar::ExprKind::kString && std::ranges::find(acrs, expr.text) == acrs.end() &&
      acrs.size() < decision::Logins::kMaxAcrs)
    acrs.push_back(expr.text);
  for (const auto& operand : expr.operands) add_texts(operand, acrs);
}

void add(const std::vector<cedar::Policy>& policies, decision::Logins& logins) {
  for (const auto& policy : policies) {
    const auto reads = [](const cedar::Condition& condition) { return reads_login(condition.body); };
    if (!std::ranges::any_of(policy.conditions, reads)) continue;
    logins.read = true;
    for (const auto& condition : policy.conditions) add_texts(condition.body, logins.acrs);
  }
}

}  // namespace

decision::Logins logins_in(const cedar::PolicySet& policies) {
  decision::Logins logins;
  add(policies.policies, logins);
  add(policies.templates, logins);
  return logins;
}

}  // namespace writ::policy
