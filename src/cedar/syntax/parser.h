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

#include "cedar/parse.h"
#include "cedar/syntax/lexer.h"

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

  // Expressions, by precedence. Each leaves what it read in `out`; what stands before an operator or an
  // access is in `out` already. (To return operands would take several times the stack for each level of
  // nesting.)
  Step<void> any_expression(Operand& out);
  Step<void> if_then_else(Operand& out);
  Step<void> or_chain(Operand& out);
  Step<void> and_chain(Operand& out);
  Step<void> relation(Operand& out);
  Step<void> compare(Operand& out, std::uint32_t begin);
  Step<void> has(Operand& out, std::uint32_t begin);
  Step<void> like(Operand& out, std::uint32_t begin);
  Step<void> is(Operand& out, std::uint32_t begin);
  Step<void> sum(Operand& out);
  Step<void> product(Operand& out);
  Step<void> unary(Operand& out);
  std::size_t signs(std::string_view sign);
  Step<void> negated(std::size_t count, Operand& out, std::uint32_t begin);
  Step<void> member(Operand& out);
  Step<void> call_name(Operand& out);
  Step<void> access(Operand& out, std::uint32_t begin);
  Step<void> method(Operand& out, std::string_view name, Span name_span, std::uint32_t begin);
  Step<void> primary(Operand& out);
  Step<void> parentheses(Operand& out);
  Step<void> literal(Operand& out);
  Step<void> name_or_entity(Operand& out);
  Step<void> list(Operand& out);
  Step<void> record(Operand& out);
  Step<std::string> record_key();
  // Up to `close`, which is taken, too.
  Step<void> arguments(Operands& operands, Operand& each, std::string_view close);

  // A name of one or more identifiers, none of them reserved.
  Step<std::string> name();
  Step<std::string> attribute_name();
  // What a string token says; an issue and "" when its escapes are wrong.
  std::string string_value(const Token& token);
  // The operand as an expression; a bare name is no expression.
  Expr to_expr(Operand&& operand);
  void push(Operands& operands, Operand&& operand);
  // A node over operands; Stop when it is too high.
  Step<void> node(Operand& out, ExprKind kind, std::uint32_t begin, Operands&& operands);
  Step<void> wrap(Operand& operand, ExprKind kind, std::uint32_t begin);
  std::unexpected<Stop> too_deep(Span span);

  std::string_view text_;
  Lexer lexer_;
  Token token_;
  std::optional<Token> next_;
  std::uint32_t last_end_ = 0;
  std::size_t depth_ = 0;
  std::vector<Issue> issues_;
  std::optional<LineIndex> lines_;  // of the text, once there is an issue
};

}  // namespace writ::cedar
