#include "claims/reads.h"

#include <algorithm>
#include <optional>

#include "claims/sources.h"

namespace writ::claims {
namespace {

using cedar::Expr;
using cedar::ExprKind;

// `context.token.acr`, `principal.manager.level`; of what is neither a variable nor a part of one `…`.
std::optional<std::string> path_of(const Expr& expr) {
  if (expr.kind == ExprKind::kVariable) return std::string(variable_name(expr.variable()));
  if (expr.kind != ExprKind::kAttribute) return std::nullopt;
  return path_of(expr.operands[0]).value_or("…") + "." + expr.text;
}

// Where the chain of attributes begins: a variable, or something to look into.
const Expr& root_of(const Expr& expr) {
  return expr.kind == ExprKind::kAttribute ? root_of(expr.operands[0]) : expr;
}

class PathReader {
 public:
  void visit(const Expr& expr) {
    if (expr.kind == ExprKind::kHas) {
      auto path = path_of(expr.operands[0]).value_or("…");
      for (const auto& name : expr.names) path += "." + name;
      found_.push_back({std::move(path), expr.span});
      // The record that is asked is not read whole.
      const Expr& root = root_of(expr.operands[0]);
      if (root.kind != ExprKind::kVariable) visit(expr.operands[0]);
      return;
    }
    if (const auto path = path_of(expr)) {
      found_.push_back({*path, expr.span});
      const Expr& root = root_of(expr);
      if (root.kind != ExprKind::kVariable) visit(root);
      return;
    }
    for (const Expr& operand : expr.operands) visit(operand);
  }

  std::vector<PathRead> take() { return std::move(found_); }

 private:
  std::vector<PathRead> found_;
};

// One is the other, or a part of it.
bool meets(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return b.starts_with(a) && (a.size() == b.size() || b[a.size()] == '.');
}

bool has_step(std::string_view path, std::string_view name) {
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
    const auto step = path.substr(dot + 1, path.find('.', dot + 1) - dot - 1);
    if (step == name) return true;
  }
  return false;
}

bool reads(const std::string& path, const ClaimUse& use) {
  if (!use.path.empty() && meets(path, "context." + std::string(use.path))) return true;
  return !use.attribute.empty() && has_step(path, use.attribute);
}

}  // namespace

std::vector<PathRead> paths_read(const cedar::Policy& policy) {
  PathReader reader;
  for (const auto& condition : policy.conditions) reader.visit(condition.body);
  return reader.take();
}

std::vector<ClaimRead> claims_read(const cedar::Policy& policy) {
  std::vector<ClaimRead> found;
  for (auto& at : paths_read(policy)) {
    for (const ClaimUse& use : claim_uses()) {
      if (!use.by_contract || !reads(at.path, use)) continue;
      if (std::ranges::find(found, use.claim, &ClaimRead::claim) == found.end())
        found.push_back({use.claim, at});
    }
  }
  return found;
}

}  // namespace writ::claims
