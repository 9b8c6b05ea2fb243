#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <unordered_set>

#include "base/result.h"
#include "cedar/escape.h"
#include "cedar/extension.h"
#include "cedar/parser.h"

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
  constexpr std::pair<std::string_view, ExprKind> kOperators[] = {
      {"==", ExprKind::kEqual},       {"!=", ExprKind::kNotEqual}, {"<", ExprKind::kLess},
      {"<=", ExprKind::kLessOrEqual}, {">", ExprKind::kGreater},   {">=", ExprKind::kGreaterOrEqual},
      {"in", ExprKind::kIn},
  };
  for (const auto& [text, kind] : kOperators) {
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

Operand whole(Expr expr, std::size_t height = 1) {
  return {Operand::Form::kExpr, std::move(expr), {}, {}, height};
}

}  // namespace

Expr Parser::to_expr(Operand&& operand) {
  Expr& expr = operand.expr;
  switch (operand.form) {
    case Operand::Form::kName:
      complain(expr.span, fmt::format("`{}` is no variable", operand.name),
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

Step<Operand> Parser::node(ExprKind kind, std::uint32_t begin, Operands operands) {
  Expr expr{kind, since(begin)};
  expr.operands = std::move(operands.list);
  if (operands.height + 1 > kMaxNesting)
    return stop(expr.span, fmt::format("this expression is nested more than {} levels deep", kMaxNesting));
  return whole(std::move(expr), operands.height + 1);
}

Step<Expr> Parser::expression() {
  return to_expr(TRY(any_expression()));
}

Step<Operand> Parser::any_expression() {
  if (depth_ >= kMaxNesting)
    return stop(token_.span, fmt::format("this expression is nested more than {} levels deep", kMaxNesting));
  const Deeper deeper(depth_);
  return token_.is("if") ? if_then_else() : or_chain();
}

Step<Operand> Parser::if_then_else() {
  const auto begin = token_.span.begin;
  advance();
  Operands parts;
  push(parts, TRY(any_expression()));
  TRY(expect("then", "after the condition of `if`"));
  push(parts, TRY(any_expression()));
  TRY(expect("else", "after the value of `then`"));
  push(parts, TRY(any_expression()));
  return node(ExprKind::kIf, begin, std::move(parts));
}

Step<Operand> Parser::or_chain() {
  const auto begin = token_.span.begin;
  Operand first = TRY(and_chain());
  if (!token_.is("||")) return first;
  Operands operands;
  push(operands, std::move(first));
  while (accept("||")) push(operands, TRY(and_chain()));
  return node(ExprKind::kOr, begin, std::move(operands));
}

Step<Operand> Parser::and_chain() {
  const auto begin = token_.span.begin;
  Operand first = TRY(relation());
  if (!token_.is("&&")) return first;
  Operands operands;
  push(operands, std::move(first));
  while (accept("&&")) push(operands, TRY(relation()));
  return node(ExprKind::kAnd, begin, std::move(operands));
}

Step<Operand> Parser::relation() {
  const auto begin = token_.span.begin;
  Operand left = TRY(sum());
  if (token_.is("has")) return has(std::move(left), begin);
  if (token_.is("like")) return like(std::move(left), begin);
  if (token_.is("is")) return is(std::move(left), begin);
  if (token_.is("=")) return stop(token_.span, "`=` is no operator", "equality is written `==`");
  if (!comparison(token_)) return left;
  return compare(std::move(left), begin);
}

Step<Operand> Parser::compare(Operand left, std::uint32_t begin) {
  const auto kind = *comparison(token_);
  advance();
  Operands operands;
  push(operands, std::move(left));
  push(operands, TRY(sum()));
  auto result = TRY(node(kind, begin, std::move(operands)));
  if (comparison(token_) || token_.is("has") || token_.is("like") || token_.is("is"))
    return stop(token_.span, fmt::format("`{}` cannot follow another comparison", token_.text),
                "put one of them in parentheses");
  return result;
}

Step<Operand> Parser::has(Operand left, std::uint32_t begin) {
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
  Operands operands;
  push(operands, std::move(left));
  auto result = TRY(node(ExprKind::kHas, begin, std::move(operands)));
  // The path counts as the accesses that it stands for.
  result.height += path.size();
  result.expr.names = std::move(path);
  if (result.height > kMaxNesting)
    return stop(result.expr.span, fmt::format("this path has more than {} steps", kMaxNesting));
  return result;
}

Step<Operand> Parser::like(Operand left, std::uint32_t begin) {
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
  Operands operands;
  push(operands, std::move(left));
  auto result = TRY(node(ExprKind::kLike, begin, std::move(operands)));
  result.expr.names = *std::move(pieces);
  return result;
}

Step<Operand> Parser::is(Operand left, std::uint32_t begin) {
  advance();
  if (token_.kind != TokenKind::kIdentifier) return unexpected("an entity type after `is`");
  auto type = TRY(name());
  if (token_.is("::")) return unexpected("an entity type after `is`, not an entity");
  Operands operands;
  push(operands, std::move(left));
  auto kind = ExprKind::kIs;
  if (accept("in")) {
    kind = ExprKind::kIsIn;
    push(operands, TRY(sum()));
  }
  auto result = TRY(node(kind, begin, std::move(operands)));
  result.expr.text = std::move(type);
  return result;
}

Step<Operand> Parser::sum() {
  const auto begin = token_.span.begin;
  Operand left = TRY(product());
  while (token_.is("+") || token_.is("-")) {
    const auto kind = token_.is("+") ? ExprKind::kAdd : ExprKind::kSubtract;
    advance();
    Operands operands;
    push(operands, std::move(left));
    push(operands, TRY(product()));
    left = TRY(node(kind, begin, std::move(operands)));
  }
  return left;
}

Step<Operand> Parser::product() {
  const auto begin = token_.span.begin;
  Operand left = TRY(unary());
  while (token_.is("*") || token_.is("/") || token_.is("%")) {
    if (!token_.is("*")) complain(token_.span, fmt::format("Cedar has no operator `{}`", token_.text));
    advance();
    Operands operands;
    push(operands, std::move(left));
    push(operands, TRY(unary()));
    left = TRY(node(ExprKind::kMultiply, begin, std::move(operands)));
  }
  return left;
}

Step<Operand> Parser::unary() {
  constexpr std::size_t kMaxInRow = 4;
  const auto begin = token_.span.begin;
  const bool negation = token_.is("!");
  if (!negation && !token_.is("-")) return member();
  const auto sign = token_.text;
  std::size_t count = 0;
  while (accept(sign)) ++count;
  if (count > kMaxInRow) complain(since(begin), fmt::format("more than {} `{}` in a row", kMaxInRow, sign));
  Operand operand = TRY(member());
  if (!negation) return negated(count, std::move(operand), begin);
  for (; count > 0; --count) {
    Operands operands;
    push(operands, std::move(operand));
    operand = TRY(node(ExprKind::kNot, begin, std::move(operands)));
  }
  return operand;
}

Step<Operand> Parser::negated(std::size_t count, Operand operand, std::uint32_t begin) {
  if (operand.form == Operand::Form::kNumber) {
    // The first minus belongs to the number, which may then be one larger.
    const std::string digits = "-" + std::string(operand.raw);
    Expr literal{ExprKind::kLong, since(begin)};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), literal.integer);
    if (error != std::errc() || end != digits.data() + digits.size())
      complain(literal.span, fmt::format("the number `{}` is too small", digits.substr(0, 40)),
               "the smallest is -9223372036854775808");
    operand = whole(std::move(literal));
    --count;
  }
  for (; count > 0; --count) {
    Operands operands;
    push(operands, std::move(operand));
    operand = TRY(node(ExprKind::kNegate, begin, std::move(operands)));
  }
  return operand;
}

Step<Operand> Parser::member() {
  const auto begin = token_.span.begin;
  Operand object = TRY(primary());
  if (object.form == Operand::Form::kName && token_.is("(")) object = TRY(call_name(std::move(object)));
  while (token_.is(".") || token_.is("[") || token_.is("(")) {
    if (object.form == Operand::Form::kName)
      return stop(object.expr.span, fmt::format("`{}` is no variable", object.name),
                  "the variables are principal, action, resource and context");
    if (token_.is("("))
      return stop(token_.span, "only functions and methods can be called",
                  "for example `ip(\"10.0.0.1\")` or `resource.tags.contains(\"x\")`");
    object = TRY(access(std::move(object), begin));
  }
  return object;
}

Step<Operand> Parser::call_name(Operand function) {
  const Span span = function.expr.span;
  advance();
  Operands operands;
  TRY(arguments(operands, ")"));
  if (find_method(function.name) != nullptr || is_extension_method(function.name)) {
    complain(span, fmt::format("`{}` is a method", function.name),
             fmt::format("call it on a value: `x.{}(...)`", function.name));
  } else if (!is_constructor(function.name)) {
    complain(span, fmt::format("there is no function `{}`", function.name),
             "the functions are ip, decimal, datetime and duration");
  }
  auto call = TRY(node(ExprKind::kCall, span.begin, std::move(operands)));
  call.expr.text = std::move(function.name);
  return call;
}

Step<Operand> Parser::access(Operand object, std::uint32_t begin) {
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
    if (token_.is("(")) return method(std::move(object), token.text, token.span, begin);
  }
  Operands operands;
  push(operands, std::move(object));
  auto result = TRY(node(ExprKind::kAttribute, begin, std::move(operands)));
  result.expr.text = std::move(attribute);
  return result;
}

Step<Operand> Parser::method(Operand object, std::string_view name, Span name_span, std::uint32_t begin) {
  advance();
  Operands operands;
  push(operands, std::move(object));
  TRY(arguments(operands, ")"));
  if (const Method* found = find_method(name)) {
    if (operands.list.size() != found->arguments + 1) {
      return stop(since(begin), fmt::format("`{}` takes {} argument{}, found {}", name, found->arguments,
                                            found->arguments == 1 ? "" : "s", operands.list.size() - 1));
    }
    return node(found->kind, begin, std::move(operands));
  }
  if (is_constructor(name)) {
    complain(name_span, fmt::format("`{}` is a function, not a method", name),
             fmt::format("call it as `{}(...)`", name));
  } else if (!is_extension_method(name)) {
    complain(name_span, fmt::format("there is no method `{}`", name));
  }
  auto call = TRY(node(ExprKind::kCall, begin, std::move(operands)));
  call.expr.text = name;
  return call;
}

Step<Operand> Parser::primary() {
  const Token token = token_;
  Expr expr{ExprKind::kBool, token.span};
  switch (token.kind) {
    case TokenKind::kNumber:
      advance();
      return Operand{Operand::Form::kNumber, std::move(expr), token.text, {}, 1};
    case TokenKind::kString:
      advance();
      return Operand{
          Operand::Form::kString, std::move(expr), token.text.substr(1, token.text.size() - 2), {}, 1};
    case TokenKind::kSlot:
      return stop(token.span, fmt::format("the slot `{}` cannot stand in a condition", token.text),
                  "slots stand in the scope of a template: `principal == ?principal`");
    case TokenKind::kIdentifier:
      return name_or_entity();
    default:
      break;
  }
  if (token.is("[")) return list();
  if (token.is("{")) return record();
  if (!token.is("(")) return unexpected("an expression");
  advance();
  auto inner = TRY(any_expression());
  TRY(expect(")", "or an operator"));
  const auto height = inner.height;
  return whole(to_expr(std::move(inner)), height);
}

Step<Operand> Parser::name_or_entity() {
  const Token token = token_;
  Expr expr{ExprKind::kBool, token.span};
  if ((token.is("true") || token.is("false")) && !peek().is("::")) {
    advance();
    expr.integer = token.text == "true" ? 1 : 0;
    return Operand{Operand::Form::kBool, std::move(expr), {}, {}, 1};
  }
  if (token.is("if")) return unexpected("an operand; put `if` in parentheses here");
  for (const auto variable :
       {Variable::kPrincipal, Variable::kAction, Variable::kResource, Variable::kContext}) {
    if (token.text != variable_name(variable) || peek().is("::")) continue;
    advance();
    expr.kind = ExprKind::kVariable;
    expr.integer = static_cast<std::int64_t>(variable);
    return Operand{Operand::Form::kVariable, std::move(expr), {}, {}, 1};
  }
  auto name = TRY(this->name());
  if (!token_.is("::")) {
    expr.span = since(token.span.begin);
    return Operand{Operand::Form::kName, std::move(expr), {}, std::move(name), 1};
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
  return whole(std::move(expr));
}

Step<std::string> Parser::name() {
  std::string name;
  const auto begin = token_.span.begin;
  for (;;) {
    if (token_.kind != TokenKind::kIdentifier) return unexpected("a name");
    if (is_reserved_word(token_.text))
      complain(token_.span, fmt::format("`{}` is a reserved word and no name", token_.text));
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

Step<void> Parser::arguments(Operands& operands, std::string_view close) {
  while (!token_.is(close)) {
    push(operands, TRY(any_expression()));
    if (!token_.is(close) && !accept(",")) return unexpected(fmt::format("`,` or `{}`", close));
  }
  advance();
  return {};
}

Step<Operand> Parser::list() {
  const auto begin = token_.span.begin;
  advance();
  Operands elements;
  TRY(arguments(elements, "]"));
  return node(ExprKind::kSet, begin, std::move(elements));
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

Step<Operand> Parser::record() {
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
    push(values, TRY(any_expression()));
    if (!token_.is("}") && !accept(",")) return unexpected("`,` or `}` after a value");
  }
  advance();
  auto result = TRY(node(ExprKind::kRecord, begin, std::move(values)));
  result.expr.names = std::move(keys);
  return result;
}

}  // namespace writ::cedar
