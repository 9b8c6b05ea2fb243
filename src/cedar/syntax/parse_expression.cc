#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <unordered_set>

#include "base/result.h"
#include "cedar/syntax/escape.h"
#include "cedar/syntax/parser.h"
#include "cedar/value/extension.h"

namespace writ::cedar {
namespace {

struct Method {
  std::string_view name;
  ExprKind kind;
  std::size_t arguments;
};
constexpr Method kMethods[] = {
    {"contains", ExprKind::kContains, 1},       {"containsAll", ExprKind::kContainsAll, 1},
    {"containsAny", ExprKind::kContainsAny, 1}, {"isEmpty", ExprKind::kIsEmpty, 0},
    {"getTag", ExprKind::kGetTag, 1},           {"hasTag", ExprKind::kHasTag, 1},
};

const Method* find_method(std::string_view name) {
  const auto found = std::ranges::find(kMethods, name, &Method::name);
  return found == std::end(kMethods) ? nullptr : found;
}

bool is_extension_method(std::string_view name) {
  return find_extension_function(name).has_value() && !is_constructor(name);
}

std::optional<ExprKind> comparison(const Token& token) {
  constexpr std::pair<std::string_view, ExprKind> kComparisons[] = {
      {"==", ExprKind::kEqual},       {"!=", ExprKind::kNotEqual}, {"<", ExprKind::kLess},
      {"<=", ExprKind::kLessOrEqual}, {">", ExprKind::kGreater},   {">=", ExprKind::kGreaterOrEqual},
      {"in", ExprKind::kIn},
  };
  for (const auto& [text, kind] : kComparisons) {
    if (token.is(text)) return kind;
  }
  return std::nullopt;
}

// Ends with its scope, and with it the nesting it counted.
class Deeper {
 public:
  explicit Deeper(std::size_t& depth) : depth_(depth) { ++depth_; }
  ~Deeper() { --depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;

 private:
  std::size_t& depth_;
};

Operand leaf(Operand::Form form, Expr expr, std::string_view raw = {}) {
  return {form, std::move(expr), raw, {}, 1};
}

}  // namespace

Expr Parser::to_expr(Operand&& operand) {
  Expr& expr = operand.expr;
  switch (operand.form) {
    case Operand::Form::kName:
      complain(expr.span, fmt::format("`{}` is not a variable", operand.name),
               "the variables are principal, action, resource and context; text is written in quotes");
      break;
    case Operand::Form::kString:
      expr.kind = ExprKind::kString;
      if (auto value = unescape_string(operand.raw)) {
        expr.text = *std::move(value);
      } else {
        const auto begin = expr.span.begin + 1;
        complain({begin + value.error().span.begin, begin + value.error().span.end}, value.error().message);
      }
      break;
    case Operand::Form::kNumber: {
      expr.kind = ExprKind::kLong;
      const auto [end, error] = std::from_chars(operand.raw.begin(), operand.raw.end(), expr.integer);
      if (error != std::errc() || end != operand.raw.end())
        complain(expr.span, fmt::format("the number `{}` is too large", operand.raw.substr(0, 40)),
                 "the largest is 9223372036854775807");
      break;
    }
    case Operand::Form::kExpr:
    case Operand::Form::kVariable:
    case Operand::Form::kBool:
      break;
  }
  return std::move(expr);
}

void Parser::push(Operands& operands, Operand&& operand) {
  operands.height = std::max(operands.height, operand.height);
  operands.list.push_back(to_expr(std::move(operand)));
}

Step<void> Parser::node(Operand& out, ExprKind kind, std::uint32_t begin, Operands&& operands) {
  out = {Operand::Form::kExpr, {kind, since(begin)}, {}, {}, operands.height + 1};
  out.expr.operands = std::move(operands.list);
  if (out.height > kMaxNesting) return too_deep(out.expr.span);
  return {};
}

// The operand becomes a node over itself.
Step<void> Parser::wrap(Operand& operand, ExprKind kind, std::uint32_t begin) {
  Operands operands;
  push(operands, std::move(operand));
  return node(operand, kind, begin, std::move(operands));
}

std::unexpected<Stop> Parser::too_deep(Span span) {
  return stop(span, fmt::format("this expression is nested more than {} levels deep", kMaxNesting));
}

Step<Expr> Parser::expression() {
  Operand out{};
  TRY(any_expression(out));
  return to_expr(std::move(out));
}

Step<void> Parser::any_expression(Operand& out) {
  if (depth_ >= kMaxNesting) return too_deep(token_.span);
  const Deeper deeper(depth_);
  return token_.is("if") ? if_then_else(out) : or_chain(out);
}

Step<void> Parser::if_then_else(Operand& out) {
  const auto begin = token_.span.begin;
  advance();
  Operands parts;
  TRY(any_expression(out));
  push(parts, std::move(out));
  TRY(expect("then", "after the condition of `if`"));
  TRY(any_expression(out));
  push(parts, std::move(out));
  TRY(expect("else", "after the value of `then`"));
  TRY(any_expression(out));
  push(parts, std::move(out));
  return node(out, ExprKind::kIf, begin, std::move(parts));
}

Step<void> Parser::or_chain(Operand& out) {
  const auto begin = token_.span.begin;
  TRY(and_chain(out));
  if (!token_.is("||")) return {};
  Operands operands;
  push(operands, std::move(out));
  while (accept("||")) {
    TRY(and_chain(out));
    push(operands, std::move(out));
  }
  return node(out, ExprKind::kOr, begin, std::move(operands));
}

Step<void> Parser::and_chain(Operand& out) {
  const auto begin = token_.span.begin;
  TRY(relation(out));
  if (!token_.is("&&")) return {};
  Operands operands;
  push(operands, std::move(out));
  while (accept("&&")) {
    TRY(relation(out));
    push(operands, std::move(out));
  }
  return node(out, ExprKind::kAnd, begin, std::move(operands));
}

Step<void> Parser::relation(Operand& out) {
  const auto begin = token_.span.begin;
  TRY(sum(out));
  if (token_.is("has")) return has(out, begin);
  if (token_.is("like")) return like(out, begin);
  if (token_.is("is")) return is(out, begin);
  if (token_.is("=")) return stop(token_.span, "`=` is not an operator", "use `==` to test for equality");
  if (!comparison(token_)) return {};
  return compare(out, begin);
}

Step<void> Parser::compare(Operand& out, std::uint32_t begin) {
  const auto kind = *comparison(token_);
  advance();
  Operands operands;
  push(operands, std::move(out));
  TRY(sum(out));
  push(operands, std::move(out));
  TRY(node(out, kind, begin, std::move(operands)));
  if (comparison(token_) || token_.is("has") || token_.is("like") || token_.is("is"))
    return stop(token_.span, fmt::format("`{}` cannot follow another comparison", token_.text),
                "put one of them in parentheses");
  return {};
}

Step<void> Parser::has(Operand& out, std::uint32_t begin) {
  advance();
  std::vector<std::string> path;
  if (token_.kind == TokenKind::kString) {
    path.push_back(string_value(token_));
    advance();
    if (token_.is(".") || token_.is("["))
      return stop(token_.span, "a path after `has` is written with plain names",
                  "test each step: `x has \"a b\" && x[\"a b\"] has c`");
  } else {
    if (token_.kind != TokenKind::kIdentifier)
      return unexpected("an attribute after `has`: a name, a path such as `a.b`, or a string");
    do path.push_back(TRY(attribute_name()));
    while (accept("."));
    if (token_.is("::") || token_.is("(") || token_.is("["))
      return unexpected("an attribute after `has`: a name, a path such as `a.b`, or a string");
  }
  if (token_.is("*") || token_.is("+") || token_.is("-")) return unexpected("the end of the `has` test");
  TRY(wrap(out, ExprKind::kHas, begin));
  // The path counts as the accesses that it stands for.
  out.height += path.size();
  out.expr.names = std::move(path);
  if (out.height > kMaxNesting)
    return stop(out.expr.span, fmt::format("this path has more than {} steps", kMaxNesting));
  return {};
}

Step<void> Parser::like(Operand& out, std::uint32_t begin) {
  advance();
  if (token_.kind != TokenKind::kString) return unexpected("a pattern in quotes after `like`");
  const Token token = token_;
  auto pieces = unescape_pattern(token.text.substr(1, token.text.size() - 2));
  if (!pieces) {
    const auto at = token.span.begin + 1;
    complain({at + pieces.error().span.begin, at + pieces.error().span.end}, pieces.error().message);
    pieces = std::vector<std::string>(1);
  }
  advance();
  TRY(wrap(out, ExprKind::kLike, begin));
  out.expr.names = *std::move(pieces);
  return {};
}

Step<void> Parser::is(Operand& out, std::uint32_t begin) {
  advance();
  if (token_.kind != TokenKind::kIdentifier) return unexpected("an entity type after `is`");
  auto type = TRY(name());
  if (token_.is("::")) return unexpected("an entity type after `is`, not an entity");
  Operands operands;
  push(operands, std::move(out));
  auto kind = ExprKind::kIs;
  if (accept("in")) {
    kind = ExprKind::kIsIn;
    TRY(sum(out));
    push(operands, std::move(out));
  }
  TRY(node(out, kind, begin, std::move(operands)));
  out.expr.text = std::move(type);
  return {};
}

Step<void> Parser::sum(Operand& out) {
  const auto begin = token_.span.begin;
  TRY(product(out));
  while (token_.is("+") || token_.is("-")) {
    const auto kind = token_.is("+") ? ExprKind::kAdd : ExprKind::kSubtract;
    advance();
    Operands operands;
    push(operands, std::move(out));
    TRY(product(out));
    push(operands, std::move(out));
    TRY(node(out, kind, begin, std::move(operands)));
  }
  return {};
}

Step<void> Parser::product(Operand& out) {
  const auto begin = token_.span.begin;
  TRY(unary(out));
  while (token_.is("*") || token_.is("/") || token_.is("%")) {
    if (!token_.is("*")) complain(token_.span, fmt::format("Cedar has no operator `{}`", token_.text));
    advance();
    Operands operands;
    push(operands, std::move(out));
    TRY(unary(out));
    push(operands, std::move(out));
    TRY(node(out, ExprKind::kMultiply, begin, std::move(operands)));
  }
  return {};
}

Step<void> Parser::unary(Operand& out) {
  const auto begin = token_.span.begin;
  const bool negation = token_.is("!");
  if (!negation && !token_.is("-")) return member(out);
  const auto count = signs(token_.text);
  TRY(member(out));
  if (!negation) return negated(count, out, begin);
  for (std::size_t i = 0; i < count; ++i) TRY(wrap(out, ExprKind::kNot, begin));
  return {};
}

std::size_t Parser::signs(std::string_view sign) {
  constexpr std::size_t kMaxInRow = 4;
  const auto begin = token_.span.begin;
  std::size_t count = 0;
  while (accept(sign)) ++count;
  if (count > kMaxInRow) complain(since(begin), fmt::format("more than {} `{}` in a row", kMaxInRow, sign));
  return count;
}

Step<void> Parser::negated(std::size_t count, Operand& out, std::uint32_t begin) {
  if (out.form == Operand::Form::kNumber) {
    // The first minus belongs to the number, which may then be one larger.
    const std::string digits = "-" + std::string(out.raw);
    Expr literal{ExprKind::kLong, since(begin)};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), literal.integer);
    if (error != std::errc() || end != digits.data() + digits.size())
      complain(literal.span, fmt::format("the number `{}` is too small", digits.substr(0, 40)),
               "the smallest is -9223372036854775808");
    out = leaf(Operand::Form::kExpr, std::move(literal));
    --count;
  }
  for (; count > 0; --count) TRY(wrap(out, ExprKind::kNegate, begin));
  return {};
}

Step<void> Parser::member(Operand& out) {
  const auto begin = token_.span.begin;
  TRY(primary(out));
  if (out.form == Operand::Form::kName && token_.is("(")) TRY(call_name(out));
  while (token_.is(".") || token_.is("[") || token_.is("(")) {
    if (out.form == Operand::Form::kName)
      return stop(out.expr.span, fmt::format("`{}` is not a variable", out.name),
                  "the variables are principal, action, resource and context");
    if (token_.is("("))
      return stop(token_.span, "only functions and methods can be called",
                  "for example `ip(\"10.0.0.1\")` or `resource.tags.contains(\"x\")`");
    TRY(access(out, begin));
  }
  return {};
}

Step<void> Parser::call_name(Operand& out) {
  const Span span = out.expr.span;
  const std::string function = std::move(out.name);
  advance();
  Operands operands;
  TRY(arguments(operands, out, ")"));
  if (find_method(function) != nullptr || is_extension_method(function)) {
    complain(span, fmt::format("`{}` is a method", function),
             fmt::format("call it on a value: `x.{}(...)`", function));
  } else if (!is_constructor(function)) {
    complain(span, fmt::format("there is no function `{}`", function),
             "the functions are ip, decimal, datetime and duration");
  }
  TRY(node(out, ExprKind::kCall, span.begin, std::move(operands)));
  out.expr.text = function;
  return {};
}

Step<void> Parser::access(Operand& out, std::uint32_t begin) {
  std::string attribute;
  if (accept("[")) {
    if (token_.kind != TokenKind::kString) return unexpected("an attribute's name in quotes");
    attribute = string_value(token_);
    advance();
    TRY(expect("]", "after the attribute's name"));
  } else {
    advance();
    const Token token = token_;
    attribute = TRY(attribute_name());
    if (token_.is("(")) return method(out, token.text, token.span, begin);
  }
  TRY(wrap(out, ExprKind::kAttribute, begin));
  out.expr.text = std::move(attribute);
  return {};
}

Step<void> Parser::method(Operand& out, std::string_view name, Span name_span, std::uint32_t begin) {
  advance();
  Operands operands;
  push(operands, std::move(out));
  TRY(arguments(operands, out, ")"));
  if (const Method* found = find_method(name)) {
    if (operands.list.size() != found->arguments + 1) {
      return stop(since(begin), fmt::format("`{}` takes {} argument{}, found {}", name, found->arguments,
                                            found->arguments == 1 ? "" : "s", operands.list.size() - 1));
    }
    return node(out, found->kind, begin, std::move(operands));
  }
  if (is_constructor(name)) {
    complain(name_span, fmt::format("`{}` is a function, not a method", name),
             fmt::format("call it as `{}(...)`", name));
  } else if (!is_extension_method(name)) {
    complain(name_span, fmt::format("there is no method `{}`", name));
  }
  TRY(node(out, ExprKind::kCall, begin, std::move(operands)));
  out.expr.text = name;
  return {};
}

Step<void> Parser::primary(Operand& out) {
  if (token_.is("(")) return parentheses(out);
  if (token_.is("[")) return list(out);
  if (token_.is("{")) return record(out);
  return token_.kind == TokenKind::kIdentifier ? name_or_entity(out) : literal(out);
}

Step<void> Parser::parentheses(Operand& out) {
  advance();
  TRY(any_expression(out));
  TRY(expect(")", "or an operator"));
  // No longer a bare name, string or literal.
  out.expr = to_expr(std::move(out));
  out.form = Operand::Form::kExpr;
  return {};
}

Step<void> Parser::literal(Operand& out) {
  const Token token = token_;
  Expr expr{ExprKind::kBool, token.span};
  if (token.kind == TokenKind::kNumber) {
    out = leaf(Operand::Form::kNumber, std::move(expr), token.text);
  } else if (token.kind == TokenKind::kString) {
    out = leaf(Operand::Form::kString, std::move(expr), token.text.substr(1, token.text.size() - 2));
  } else if (token.kind == TokenKind::kSlot) {
    return stop(token.span, fmt::format("the slot `{}` cannot stand in a condition", token.text),
                "slots stand in the scope of a template: `principal == ?principal`");
  } else {
    return unexpected("an expression");
  }
  advance();
  return {};
}

Step<void> Parser::name_or_entity(Operand& out) {
  const Token token = token_;
  Expr expr{ExprKind::kBool, token.span};
  if ((token.is("true") || token.is("false")) && !peek().is("::")) {
    advance();
    expr.integer = token.text == "true" ? 1 : 0;
    out = leaf(Operand::Form::kBool, std::move(expr));
    return {};
  }
  if (token.is("if")) return unexpected("an operand; put `if` in parentheses here");
  for (const auto variable :
       {Variable::kPrincipal, Variable::kAction, Variable::kResource, Variable::kContext}) {
    if (token.text != variable_name(variable) || peek().is("::")) continue;
    advance();
    expr.kind = ExprKind::kVariable;
    expr.integer = static_cast<std::int64_t>(variable);
    out = leaf(Operand::Form::kVariable, std::move(expr));
    return {};
  }
  auto name = TRY(this->name());
  if (!token_.is("::")) {
    expr.span = since(token.span.begin);
    out = leaf(Operand::Form::kName, std::move(expr));
    out.name = std::move(name);
    return {};
  }
  advance();
  if (token_.is("{"))
    return stop(token_.span, "an entity's id is a string", fmt::format("write `{}::\"id\"`", name));
  if (token_.kind != TokenKind::kString) return unexpected("the entity's id in quotes");
  expr.kind = ExprKind::kEntity;
  expr.text = std::move(name);
  expr.names.push_back(string_value(token_));
  advance();
  expr.span = since(token.span.begin);
  out = leaf(Operand::Form::kExpr, std::move(expr));
  return {};
}

Step<std::string> Parser::name() {
  std::string name;
  const auto begin = token_.span.begin;
  for (;;) {
    if (token_.kind != TokenKind::kIdentifier) return unexpected("a name");
    if (is_reserved_word(token_.text))
      complain(token_.span, fmt::format("`{}` is a reserved word, not a name", token_.text));
    name += token_.text;
    advance();
    // `Type::"id"` ends the name before the last `::`.
    if (!token_.is("::") || peek().kind != TokenKind::kIdentifier) break;
    advance();
    name += "::";
  }
  if (name.size() > kMaxNameBytes)
    return stop(since(begin),
                fmt::format("this name has {} bytes, at most {} are read", name.size(), kMaxNameBytes));
  return name;
}

Step<std::string> Parser::attribute_name() {
  if (token_.kind != TokenKind::kIdentifier) return unexpected("an attribute's name");
  if (is_reserved_word(token_.text))
    complain(token_.span, fmt::format("`{}` is a reserved word", token_.text),
             fmt::format("write `[\"{}\"]` for an attribute of this name", token_.text));
  std::string name(token_.text);
  advance();
  return name;
}

Step<void> Parser::arguments(Operands& operands, Operand& each, std::string_view close) {
  while (!token_.is(close)) {
    TRY(any_expression(each));
    push(operands, std::move(each));
    if (!token_.is(close) && !accept(",")) return unexpected(fmt::format("`,` or `{}`", close));
  }
  advance();
  return {};
}

Step<void> Parser::list(Operand& out) {
  const auto begin = token_.span.begin;
  advance();
  Operands elements;
  TRY(arguments(elements, out, "]"));
  return node(out, ExprKind::kSet, begin, std::move(elements));
}

Step<std::string> Parser::record_key() {
  const Token token = token_;
  if (token.kind == TokenKind::kString) {
    advance();
    return string_value(token);
  }
  if (token.kind != TokenKind::kIdentifier) return unexpected("a key: a name, or a string");
  if (peek().is("::")) return stop(token.span, "a key is one name, or a string");
  return attribute_name();
}

Step<void> Parser::record(Operand& out) {
  const auto begin = token_.span.begin;
  advance();
  Operands values;
  std::vector<std::string> keys;
  std::unordered_set<std::string> seen;
  while (!token_.is("}")) {
    const Span span = token_.span;
    auto key = TRY(record_key());
    TRY(expect(":", "after the key"));
    if (!seen.insert(key).second) complain(span, fmt::format("the key `{}` is given twice", key));
    keys.push_back(std::move(key));
    TRY(any_expression(out));
    push(values, std::move(out));
    if (!token_.is("}") && !accept(",")) return unexpected("`,` or `}` after a value");
  }
  advance();
  TRY(node(out, ExprKind::kRecord, begin, std::move(values)));
  out.expr.names = std::move(keys);
  return {};
}

}  // namespace writ::cedar
