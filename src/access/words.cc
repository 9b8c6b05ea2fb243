#include "access/words.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

#include "cedar/print.h"
#include "cedar/symbols.h"

namespace writ::access {
namespace {

using cedar::Expr;
using cedar::ExprKind;

std::string in_backquotes(std::string_view text) {
  return fmt::format("`{}`", text);
}

// What paths are called.
const std::map<std::string, std::string, std::less<>>& names() {
  static const std::map<std::string, std::string, std::less<>> kNames{
      {"context.purpose", "the purpose"},
      {"context.tenant", "the request's tenant"},
      {"context.environment", "the request's environment"},
      {"context.task", "the task"},
      {"context.task.purpose", "the task's purpose"},
      {"context.token.acr", "the way of login (acr)"},
      {"context.token.authTime", "the time of login"},
      {"context.token.issued", "the time of the token"},
      {"context.credential.kind", "the kind of the client's credential"},
      {"context.credential.created", "since when there is the client's credential"},
      {"context.request.time", "the time"},
      {"context.request.ip", "the caller's address"},
      {"context.request.method", "the method"},
      {"context.request.path", "the path"},
      {"context.calendars", "the calendars in force"},
      {"principal", "the caller"},
      {"resource", "the resource"},
      {"context", "the context"}};
  return kNames;
}

bool is_path(const Expr& expr) {
  return expr.kind == ExprKind::kVariable || (expr.kind == ExprKind::kAttribute && is_path(expr.operands[0]));
}

std::string term(const Expr& expr) {
  const std::string written = print_expression(expr);
  if (const auto known = names().find(written); known != names().end()) return known->second;
  switch (expr.kind) {
    case ExprKind::kString:
      return in_backquotes(expr.text);
    case ExprKind::kEntity:
      return in_backquotes(written);
    case ExprKind::kAttribute:
      if (is_path(expr)) return fmt::format("{}'s `{}`", term(expr.operands[0]), expr.text);
      break;
    case ExprKind::kCall:
      if (expr.operands.size() == 1 && expr.operands[0].kind == ExprKind::kString)
        return expr.operands[0].text;
      break;
    case ExprKind::kSet:
      if (expr.operands.empty()) return "nothing";
      break;
    default:
      break;
  }
  return in_backquotes(written);
}

std::string joined(const std::vector<Expr>& operands, std::string_view by, bool inner) {
  std::vector<std::string> parts;
  for (const Expr& each : operands) {
    std::string part = words_of(each);
    const bool mixed = each.kind == ExprKind::kOr || each.kind == ExprKind::kAnd;
    parts.push_back(mixed && inner ? "(" + part + ")" : std::move(part));
  }
  return fmt::format("{}", fmt::join(parts, by));
}

std::string has_words(const Expr& expr, std::string_view verb) {
  std::string path = print_expression(expr.operands[0]);
  for (const std::string& name : expr.names) path += "." + name;
  if (const auto known = names().find(path); known != names().end())
    return fmt::format("{} {} known", known->second, verb);
  return fmt::format("{} has {}`{}`", term(expr.operands[0]), verb == "is" ? "" : "no ",
                     fmt::join(expr.names, "."));
}

std::string negated(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kHas:
      return has_words(expr, "is not");
    case ExprKind::kContains:
      return fmt::format("{} do not include {}", term(expr.operands[0]), term(expr.operands[1]));
    case ExprKind::kIn:
      return fmt::format("{} is not in {}", term(expr.operands[0]), term(expr.operands[1]));
    case ExprKind::kAttribute:
      if (print_expression(expr) == "context.approved") return "people have not approved the call";
      if (print_expression(expr) == "context.token.senderBound") return "the token is not bound to a key";
      return fmt::format("{} is not true", term(expr));
    default:
      return fmt::format("not ({})", words_of(expr));
  }
}

}  // namespace

std::string words_of(const Expr& expr) {
  const auto between = [&](std::string_view verb) {
    return fmt::format("{} {} {}", term(expr.operands[0]), verb, term(expr.operands[1]));
  };
  switch (expr.kind) {
    case ExprKind::kBool:
      return expr.integer != 0 ? "in any case" : "never";
    case ExprKind::kAnd:
      return joined(expr.operands, " and ", true);
    case ExprKind::kOr:
      return joined(expr.operands, " or ", true);
    case ExprKind::kNot:
      return negated(expr.operands[0]);
    case ExprKind::kEqual:
      return between("is");
    case ExprKind::kNotEqual:
      return between("is not");
    case ExprKind::kLess:
      return between("is below");
    case ExprKind::kLessOrEqual:
      return between("is at most");
    case ExprKind::kGreater:
      return between("is above");
    case ExprKind::kGreaterOrEqual:
      return between("is at least");
    case ExprKind::kIn:
      return between("is in");
    case ExprKind::kContains:
      return between("include");
    case ExprKind::kContainsAll:
      return between("include all of");
    case ExprKind::kContainsAny:
      return between("include one of");
    case ExprKind::kIsEmpty:
      return term(expr.operands[0]) + " are none";
    case ExprKind::kHas:
      return has_words(expr, "is");
    case ExprKind::kAttribute:
      if (print_expression(expr) == "context.approved") return "people have approved the call";
      if (print_expression(expr) == "context.token.senderBound") return "the token is bound to a key";
      return term(expr) + " is true";
    case ExprKind::kIs:
      return fmt::format("{} is a `{}`", term(expr.operands[0]), expr.text);
    default:
      return in_backquotes(print_expression(expr));
  }
}

namespace {

std::string scope_words(std::string_view who, const cedar::ScopeTerm& scope) {
  using Rule = cedar::ScopeTerm::Rule;
  std::vector<std::string> names;
  for (const auto& each : scope.entities) {
    std::string name;
    cedar::append_entity(name, each.type, each.id);
    names.push_back(in_backquotes(name));
  }
  switch (scope.rule) {
    case Rule::kAny:
      return {};
    case Rule::kEqual:
      return fmt::format("{} is {}", who, names.front());
    case Rule::kIn:
    case Rule::kInAny:
      return fmt::format("{} is in {}", who, fmt::join(names, " or "));
    case Rule::kIs:
      return fmt::format("{} is a `{}`", who, scope.type);
    case Rule::kIsIn:
      return fmt::format("{} is a `{}` in {}", who, scope.type, names.front());
  }
  return {};
}

}  // namespace

std::string words_of(const cedar::Policy& residual) {
  std::string words = scope_words("the caller", residual.principal);
  if (const auto of_resource = scope_words("the resource", residual.resource); !of_resource.empty())
    words += (words.empty() ? "" : " and ") + of_resource;
  for (const auto& condition : residual.conditions) {
    if (!words.empty()) words += " and ";
    words += words_of(condition.body);
  }
  return words;
}

namespace {

// What is read from here is known, or is the parties' own.
bool is_plain(const Expr& base) {
  if (base.kind == ExprKind::kVariable || base.kind == ExprKind::kEntity) return true;
  if (base.kind != ExprKind::kAttribute) return false;
  const Expr& root = base.operands[0];
  const bool of_context = root.kind == ExprKind::kVariable && root.variable() == cedar::Variable::kContext;
  return of_context &&
         (base.text == "token" || base.text == "request" || base.text == "chain" || base.text == "task");
}

// What a party is below would be known, if more could not be told of what is above it.
bool is_party(const Expr& base) {
  if (base.kind == ExprKind::kVariable) return base.variable() == cedar::Variable::kPrincipal;
  return base.kind == ExprKind::kEntity && base.entity().type.starts_with("Writ::");
}

bool follows(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kIn:
    case ExprKind::kIsIn:
      if (is_party(expr.operands[0])) return true;
      if (!is_plain(expr.operands[0]) || expr.operands[1].kind != ExprKind::kEntity) return true;
      break;
    case ExprKind::kHas:
      if (expr.names.size() > 1) return true;
      [[fallthrough]];
    case ExprKind::kAttribute:
    case ExprKind::kHasTag:
    case ExprKind::kGetTag:
      if (!is_plain(expr.operands[0])) return true;
      break;
    default:
      break;
  }
  return std::ranges::any_of(expr.operands, follows);
}

}  // namespace

bool follows_entities(const cedar::Policy& residual) {
  if (residual.principal.rule != cedar::ScopeTerm::Rule::kAny) return true;
  return std::ranges::any_of(residual.conditions, [](const auto& each) { return follows(each.body); });
}

namespace {

std::string scope_text(std::string_view name, const cedar::ScopeTerm& scope) {
  using Rule = cedar::ScopeTerm::Rule;
  if (scope.rule == Rule::kAny) return {};
  const bool is = scope.rule == Rule::kIs || scope.rule == Rule::kIsIn;
  std::string text = is ? fmt::format("{} is {}", name, scope.type) : std::string(name);
  if (scope.rule == Rule::kIs) return text;
  text += scope.rule == Rule::kEqual ? " == " : " in ";
  if (!scope.entities.empty()) cedar::append_entity(text, scope.entities[0].type, scope.entities[0].id);
  return text;
}

}  // namespace

std::string cedar_of(const cedar::Policy& residual) {
  std::string text = scope_text("principal", residual.principal);
  if (const auto of_resource = scope_text("resource", residual.resource); !of_resource.empty())
    text += (text.empty() ? "" : " && ") + of_resource;
  for (const auto& condition : residual.conditions) {
    if (!text.empty()) text += " && ";
    text += print_expression(condition.body);
  }
  return text;
}

}  // namespace writ::access
