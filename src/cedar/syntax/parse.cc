#include "cedar/parse.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unordered_set>

#include "base/result.h"
#include "cedar/symbols.h"
#include "cedar/syntax/escape.h"
#include "cedar/syntax/parser.h"
#include "codec/utf8.h"

namespace writ::cedar {
namespace {

constexpr std::array<std::string_view, 9> kReservedWords{"true", "false", "if",  "then", "else",
                                                         "in",   "is",    "has", "like"};

std::string shown(const Token& token) {
  constexpr std::size_t kMaxShown = 40;
  if (token.kind == TokenKind::kEnd) return "the end of the text";
  auto text = token.text.substr(0, kMaxShown);
  while (!text.empty() && text.size() < token.text.size() &&
         (static_cast<unsigned char>(token.text[text.size()]) & 0xc0) == 0x80)
    text.remove_suffix(1);
  return fmt::format("`{}{}`", text, text.size() < token.text.size() ? "..." : "");
}

}  // namespace

std::string_view variable_name(Variable variable) noexcept {
  constexpr std::array<std::string_view, 4> kNames{"principal", "action", "resource", "context"};
  return kNames[static_cast<std::size_t>(variable)];
}

const Annotation* Policy::annotation(std::string_view name) const noexcept {
  const auto found = std::find_if(annotations.begin(), annotations.end(),
                                  [&](const Annotation& a) { return a.name == name; });
  return found == annotations.end() ? nullptr : &*found;
}

bool is_reserved_word(std::string_view word) noexcept {
  return std::find(kReservedWords.begin(), kReservedWords.end(), word) != kReservedWords.end() ||
         word == "__cedar";
}

bool is_plain_attribute(std::string_view text) noexcept {
  Lexer lexer(text);
  const Token token = lexer.next();
  return token.kind == TokenKind::kIdentifier && token.text.size() == text.size() && !is_reserved_word(text);
}

bool is_entity_type_name(std::string_view text) noexcept {
  for (;;) {
    const auto end = text.find("::");
    if (!is_plain_attribute(text.substr(0, end))) return false;
    if (end == text.npos) return true;
    text.remove_prefix(end + 2);
  }
}

bool is_action_type(std::string_view type) noexcept {
  return type == "Action" || type.ends_with("::Action");
}

// Tokens.

Parser::Parser(std::string_view text) : text_(text), lexer_(text), token_(lexer_.next()) {}

void Parser::advance() {
  last_end_ = token_.span.end;
  if (next_) {
    token_ = *next_;
    next_.reset();
  } else {
    token_ = lexer_.next();
  }
}

const Token& Parser::peek() {
  if (!next_) next_ = lexer_.next();
  return *next_;
}

bool Parser::accept(std::string_view text) {
  if (!token_.is(text)) return false;
  advance();
  return true;
}

Step<Span> Parser::expect(std::string_view text, std::string_view where) {
  if (!token_.is(text)) return unexpected(fmt::format("`{}` {}", text, where));
  const Span span = token_.span;
  advance();
  return span;
}

std::unexpected<Stop> Parser::unexpected(std::string_view expected) {
  if (token_.kind == TokenKind::kUnclosedString)
    return stop({token_.span.begin, token_.span.begin + 1}, "this string is not closed",
                "a string ends with `\"`; inside it, write `\\\"`");
  if (token_.kind == TokenKind::kInvalid && token_.text == "\ufeff")
    return stop(token_.span, fmt::format("unexpected byte order mark, expected {}", expected),
                "save the text as UTF-8 without one");
  if (token_.is("=") && expected.find("==") == expected.npos)
    return stop(token_.span, fmt::format("unexpected `=`, expected {}", expected),
                "use `==` to test for equality");
  return stop(token_.span, fmt::format("unexpected {}, expected {}", shown(token_), expected));
}

void Parser::complain(Span span, std::string message, std::string help) {
  if (issues_.size() >= kMaxIssues) return;
  // In the order of the text, though a mistake may be seen only after a later one.
  const auto at =
      std::ranges::upper_bound(issues_, span.begin, {}, [](const Issue& issue) { return issue.span.begin; });
  if (!lines_) lines_.emplace(text_);
  issues_.insert(at, make_issue(*lines_, span, message, help));
}

std::unexpected<Stop> Parser::stop(Span span, std::string message, std::string help) {
  complain(span, std::move(message), std::move(help));
  return std::unexpected(Stop{});
}

void Parser::recover() {
  depth_ = 0;
  while (!at_end() && token_.kind != TokenKind::kUnclosedString && !token_.is(";")) advance();
  if (token_.kind == TokenKind::kUnclosedString) advance();
  accept(";");
}

std::string Parser::string_value(const Token& token) {
  auto value = unescape_string(token.text.substr(1, token.text.size() - 2));
  if (value) return *std::move(value);
  const auto begin = token.span.begin + 1;
  complain({begin + value.error().span.begin, begin + value.error().span.end}, value.error().message);
  return {};
}

Step<void> Parser::expect_end() {
  if (!at_end()) return unexpected("the end of the text");
  return {};
}

// Policies.

Step<Policy> Parser::policy() {
  Policy policy;
  const auto begin = token_.span.begin;
  TRY(annotations(policy));
  const Token effect = token_;
  if (effect.kind != TokenKind::kIdentifier) return unexpected("`permit` or `forbid`");
  if (effect.text != "permit" && effect.text != "forbid")
    complain(effect.span, fmt::format("`{}` is not an effect, expected `permit` or `forbid`", effect.text));
  policy.effect = effect.text == "permit" ? Effect::kPermit : Effect::kForbid;
  advance();
  TRY(scope(policy));
  TRY(conditions(policy));
  if (!token_.is(";")) return unexpected("`when`, `unless` or `;` at the end of the policy");
  advance();
  policy.span = since(begin);
  return policy;
}

Step<void> Parser::annotations(Policy& policy) {
  std::unordered_set<std::string_view> seen;
  while (token_.is("@")) {
    Annotation annotation;
    const auto begin = token_.span.begin;
    advance();
    if (token_.kind != TokenKind::kIdentifier) return unexpected("the annotation's name after `@`");
    const std::string_view name = token_.text;
    annotation.name = name;
    advance();
    if (accept("(")) {
      if (token_.kind != TokenKind::kString) return unexpected("a string as the annotation's value");
      annotation.value = string_value(token_);
      advance();
      TRY(expect(")", "after the annotation's value"));
    }
    annotation.span = since(begin);
    if (!seen.insert(name).second) {
      complain(annotation.span, fmt::format("the annotation `@{}` is given twice", annotation.name));
    } else {
      policy.annotations.push_back(std::move(annotation));
    }
  }
  return {};
}

Step<void> Parser::scope(Policy& policy) {
  TRY(expect("(", "before the scope"));
  policy.principal = TRY(scope_term(Variable::kPrincipal));
  TRY(expect(",", "after the principal"));
  policy.action = TRY(scope_term(Variable::kAction));
  TRY(expect(",", "after the action"));
  policy.resource = TRY(scope_term(Variable::kResource));
  accept(",");
  if (token_.kind == TokenKind::kIdentifier)
    return stop(token_.span, fmt::format("`{}` does not belong in the scope", token_.text),
                "the scope has principal, action and resource; other conditions go into `when`");
  TRY(expect(")", "after the scope"));
  return {};
}

Step<ScopeTerm> Parser::scope_term(Variable variable) {
  const auto name = variable_name(variable);
  const auto begin = token_.span.begin;
  if (!token_.is(name))
    return unexpected(fmt::format("`{}` (the scope is principal, action, resource)", name));
  advance();
  ScopeTerm term;
  if (token_.is(":"))
    return stop(token_.span, "a type after `:` is not supported",
                fmt::format("write `{} is Type` to test the type", name));
  if (token_.is("is")) {
    if (variable == Variable::kAction)
      return stop(token_.span, "`is` cannot be used with the action", "try `action in Action::\"group\"`");
    advance();
    term.rule = ScopeTerm::Rule::kIs;
    term.type = TRY(this->name());
  }
  const Token op = token_;
  if (op.is("in")) {
    advance();
    term.rule = term.rule == ScopeTerm::Rule::kIs ? ScopeTerm::Rule::kIsIn : ScopeTerm::Rule::kIn;
    TRY(variable == Variable::kAction ? action_entities(term) : scope_entity(term, variable));
    if (token_.is("is"))
      return stop(token_.span, "`is` cannot stand after `in`",
                  fmt::format("write `{} is Type in ...`", name));
  } else if (op.is("==")) {
    if (term.rule == ScopeTerm::Rule::kIs)
      return stop(op.span, "`is` and `==` cannot be combined in the scope",
                  "use `==` alone, it fixes the type too");
    advance();
    term.rule = ScopeTerm::Rule::kEqual;
    TRY(scope_entity(term, variable));
  } else if (op.is("=") || op.is("<") || op.is("<=") || op.is(">") || op.is(">=") || op.is("!=")) {
    return stop(op.span, fmt::format("`{}` cannot be used in the scope", op.text),
                op.is("=") ? "use `==` to test for equality" : "the scope takes `==`, `in` and `is`");
  }
  term.span = since(begin);
  if (variable == Variable::kAction) check_action(term);
  return term;
}

Step<void> Parser::scope_entity(ScopeTerm& term, Variable variable) {
  if (token_.is("(")) {
    if (++depth_ > kMaxNesting) return stop(token_.span, "nested too deeply");
    advance();
    TRY(scope_entity(term, variable));
    --depth_;
    TRY(expect(")", "after the entity"));
    return {};
  }
  if (token_.kind == TokenKind::kSlot) {
    if (variable == Variable::kAction || token_.text.substr(1) != variable_name(variable))
      return stop(token_.span, fmt::format("the slot `{}` cannot stand here", token_.text),
                  "`?principal` and `?resource` stand for the principal and the resource of the scope");
    term.slot = true;
    advance();
    return {};
  }
  if (token_.is("["))
    return stop(token_.span, "a list of entities is not allowed here",
                "only `action in [...]` takes a list; for others use groups, or several policies");
  term.entities.push_back(TRY(entity()));
  return {};
}

Step<void> Parser::action_entities(ScopeTerm& term) {
  if (token_.is("(")) {
    if (++depth_ > kMaxNesting) return stop(token_.span, "nested too deeply");
    advance();
    TRY(action_entities(term));
    --depth_;
    TRY(expect(")", "after the actions"));
    return {};
  }
  if (!token_.is("[")) return scope_entity(term, Variable::kAction);
  advance();
  term.rule = ScopeTerm::Rule::kInAny;
  while (!token_.is("]")) {
    term.entities.push_back(TRY(entity()));
    if (!token_.is("]")) TRY(expect(",", "or `]` after an action"));
  }
  advance();
  return {};
}

void Parser::check_action(const ScopeTerm& term) {
  for (const EntityUid& uid : term.entities) {
    if (is_action_type(uid.type)) continue;
    std::string shown;
    append_entity(shown, uid.type, uid.id);
    complain(term.span, fmt::format("`{}` is not an action", shown),
             "the type of an action is `Action`, or ends with `::Action`");
  }
}

Step<EntityUid> Parser::entity() {
  if (token_.is("(")) {
    if (++depth_ > kMaxNesting) return stop(token_.span, "nested too deeply");
    advance();
    auto inner = TRY(entity());
    --depth_;
    TRY(expect(")", "after the entity"));
    return inner;
  }
  if (token_.kind != TokenKind::kIdentifier) return unexpected("an entity such as `User::\"alice\"`");
  EntityUid uid;
  const Span first = token_.span;
  uid.type = TRY(name());
  if (!token_.is("::") || peek().kind != TokenKind::kString) {
    if (token_.is("::")) advance();
    return stop(first, fmt::format("`{}` is not an entity", uid.type),
                "an entity is a type and an id, such as `User::\"alice\"`; use `is` to test for a type");
  }
  advance();
  uid.id = string_value(token_);
  advance();
  return uid;
}

Step<void> Parser::conditions(Policy& policy) {
  while (token_.kind == TokenKind::kIdentifier) {
    Condition condition{.unless = token_.is("unless"), .body = {ExprKind::kBool, token_.span}, .span = {}};
    const Token keyword = token_;
    if (!keyword.is("when") && !keyword.is("unless"))
      return stop(keyword.span,
                  fmt::format("`{}` does not begin a condition, expected `when` or `unless`", keyword.text));
    advance();
    TRY(expect("{", condition.unless ? "after `unless`" : "after `when`"));
    if (token_.is("}")) {
      complain({keyword.span.begin, token_.span.end}, fmt::format("this `{}` has no condition", keyword.text),
               "write a condition, or leave the clause out");
    } else {
      condition.body = TRY(expression());
    }
    TRY(expect("}", "or an operator after the condition"));
    condition.span = since(keyword.span.begin);
    policy.conditions.push_back(std::move(condition));
  }
  return {};
}

namespace {

// Text that no parser should look at, as issues; empty when it is fine.
std::vector<Issue> text_issues(std::string_view text) {
  if (text.size() > kMaxPolicyTextBytes) {
    return {make_issue(
        text, {},
        fmt::format("the text has {} bytes, at most {} are read", text.size(), kMaxPolicyTextBytes))};
  }
  if (!codec::valid_utf8(text)) {
    std::size_t at = 0;
    while (const auto size = codec::utf8_sequence_length(text.substr(at))) at += size;
    const auto begin = static_cast<std::uint32_t>(at);
    return {make_issue(text, {begin, begin + 1}, "from here on the text is not valid UTF-8")};
  }
  return {};
}

template <class T, class Parse>
Parsed<T> parse_one(std::string_view text, Parse&& parse) {
  if (auto issues = text_issues(text); !issues.empty()) return std::unexpected(std::move(issues));
  Parser parser(text);
  auto result = parse(parser);
  if (result && parser.issues().empty()) static_cast<void>(parser.expect_end());
  if (!parser.issues().empty()) return std::unexpected(std::move(parser.issues()));
  return *std::move(result);
}

}  // namespace

Parsed<PolicySet> parse_policies(std::string_view text) {
  if (auto issues = text_issues(text); !issues.empty()) return std::unexpected(std::move(issues));
  Parser parser(text);
  PolicySet set;
  for (std::size_t number = 0; !parser.at_end() && parser.issues().size() < kMaxIssues; ++number) {
    auto policy = parser.policy();
    if (!policy) {
      parser.recover();
      continue;
    }
    policy->id = fmt::format("policy{}", number);
    (policy->is_template() ? set.templates : set.policies).push_back(*std::move(policy));
  }
  if (!parser.issues().empty()) return std::unexpected(std::move(parser.issues()));
  return set;
}

Parsed<Policy> parse_policy(std::string_view text, std::string id) {
  auto policy = parse_one<Policy>(text, [](Parser& parser) { return parser.policy(); });
  if (policy) policy->id = std::move(id);
  return policy;
}

Parsed<Expr> parse_expression(std::string_view text) {
  return parse_one<Expr>(text, [](Parser& parser) { return parser.expression(); });
}

Parsed<EntityUid> parse_entity(std::string_view text) {
  return parse_one<EntityUid>(text, [](Parser& parser) { return parser.entity(); });
}

}  // namespace writ::cedar
