// The recursive-descent parser behind cedar/parse.h; private to the cedar module.
//
// Every function returns its result or Stop; whoever returns Stop has recorded the issue. A mistake that
// leaves the structure clear (a reserved word as a name, an unknown function) is recorded and parsing goes
// on.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cedar/lexer.h"
#include "cedar/parse.h"

namespace writ::cedar {

struct Stop {};
template <class T>
using Step = std::expected<T, Stop>;

// What stands where an operand may stand. A bare name, string or literal is told apart from an expression,
// because some places take only those (`has`, `like`, `is`, a function's name, a negative literal).
struct Operand {
  enum class Form { kExpr, kVariable, kName, kString, kNumber, kBool };
  Form form;
  Expr expr;               // complete for kExpr, kVariable and kBool; for the others only its span counts
  std::string_view raw;    // kString: without quotes, escapes unread; kNumber: the digits
  std::string name;        // kName: joined by `::`
  std::size_t height = 1;  // of the expression tree
};

struct Operands {
  std::vector<Expr> list;
  std::size_t height = 0;  // of the highest
};

class Parser {
 public:
  explicit Parser(std::string_view text);

  std::vector<Issue>& issues() noexcept { return issues_; }
  bool at_end() const noexcept { return token_.kind == TokenKind::kEnd; }

  // parse.cc: policies.
  Step<Policy> policy();
  // Goes behind the next `;`.
  void recover();
  // parse_expression.cc
  Step<Expr> expression();
  Step<void> expect_end();
  // `User::"alice"`, also in parentheses.
  Step<EntityUid> entity();

 private:
  // Tokens.
  void advance();
  const Token& peek();
  bool accept(std::string_view text);
  Step<Span> expect(std::string_view text, std::string_view where);
  std::unexpected<Stop> unexpected(std::string_view expected);
  void complain(Span span, std::string message, std::string help = {});
  std::unexpected<Stop> stop(Span span, std::string message, std::string help = {});
  Span since(std::uint32_t begin) const { return {begin, last_end_}; }

  // Policies.
  Step<void> annotations(Policy& policy);
  Step<void> scope(Policy& policy);
  Step<ScopeTerm> scope_term(Variable variable);
  Step<void> scope_entity(ScopeTerm& term, Variable variable);
  Step<void> action_entities(ScopeTerm& term);
  Step<void> conditions(Policy& policy);
  void check_action(const ScopeTerm& term);

  // Expressions, by precedence.
  Step<Operand> any_expression();
  Step<Operand> if_then_else();
  Step<Operand> or_chain();
  Step<Operand> and_chain();
  Step<Operand> relation();
  Step<Operand> compare(Operand left, std::uint32_t begin);
  Step<Operand> has(Operand left, std::uint32_t begin);
  Step<Operand> like(Operand left, std::uint32_t begin);
  Step<Operand> is(Operand left, std::uint32_t begin);
  Step<Operand> sum();
  Step<Operand> product();
  Step<Operand> unary();
  Step<Operand> negated(std::size_t count, Operand operand, std::uint32_t begin);
  Step<Operand> member();
  Step<Operand> call_name(Operand function);
  Step<Operand> access(Operand object, std::uint32_t begin);
  Step<Operand> method(Operand object, std::string_view name, Span name_span, std::uint32_t begin);
  Step<Operand> primary();
  Step<Operand> name_or_entity();
  Step<Operand> list();
  Step<Operand> record();
  Step<std::string> record_key();
  Step<void> arguments(Operands& operands, std::string_view close);

  // A name of one or more identifiers, none of them reserved.
  Step<std::string> name();
  Step<std::string> attribute_name();
  // What a string token says; an issue and "" when its escapes are wrong.
  std::string string_value(const Token& token);
  // The operand as an expression; a bare name is no expression.
  Expr to_expr(Operand&& operand);
  void push(Operands& operands, Operand&& operand);
  // A node over operands; Stop when it is too high.
  Step<Operand> node(ExprKind kind, std::uint32_t begin, Operands operands);

  std::string_view text_;
  Lexer lexer_;
  Token token_;
  std::optional<Token> next_;
  std::uint32_t last_end_ = 0;
  std::size_t depth_ = 0;
  std::vector<Issue> issues_;
};

}  // namespace writ::cedar
