// Conditions: what every piece of the syntax means, as a tree.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "cedar/parse.h"
#include "cedar/symbols.h"

namespace writ::cedar::parse_expression_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string_view operator_of(ExprKind kind) {
  switch (kind) {
    case ExprKind::kNot:
      return "!";
    case ExprKind::kNegate:
      return "neg";
    case ExprKind::kAnd:
      return "&&";
    case ExprKind::kOr:
      return "||";
    case ExprKind::kIf:
      return "if";
    case ExprKind::kEqual:
      return "==";
    case ExprKind::kNotEqual:
      return "!=";
    case ExprKind::kLess:
      return "<";
    case ExprKind::kLessOrEqual:
      return "<=";
    case ExprKind::kGreater:
      return ">";
    case ExprKind::kGreaterOrEqual:
      return ">=";
    case ExprKind::kAdd:
      return "+";
    case ExprKind::kSubtract:
      return "-";
    case ExprKind::kMultiply:
      return "*";
    case ExprKind::kIn:
      return "in";
    case ExprKind::kContains:
      return "contains";
    case ExprKind::kContainsAll:
      return "containsAll";
    case ExprKind::kContainsAny:
      return "containsAny";
    case ExprKind::kIsEmpty:
      return "isEmpty";
    case ExprKind::kHasTag:
      return "hasTag";
    case ExprKind::kGetTag:
      return "getTag";
    case ExprKind::kAttribute:
      return ".";
    case ExprKind::kHas:
      return "has";
    case ExprKind::kLike:
      return "like";
    case ExprKind::kIs:
    case ExprKind::kIsIn:
      return "is";
    case ExprKind::kSet:
      return "set";
    case ExprKind::kRecord:
      return "record";
    case ExprKind::kCall:
      return "call";
    default:
      return "?";
  }
}

// The tree, operators first: `1 + 2 * 3` is `(+ 1 (* 2 3))`.
std::string tree(const Expr& expr) {
  std::string out;
  switch (expr.kind) {
    case ExprKind::kBool:
      return expr.integer != 0 ? "true" : "false";
    case ExprKind::kLong:
      return std::to_string(expr.integer);
    case ExprKind::kString:
      append_escaped(out, expr.text);
      return '"' + out + '"';
    case ExprKind::kEntity:
      append_entity(out, expr.text, expr.names.at(0));
      return out;
    case ExprKind::kVariable:
      return std::string(variable_name(expr.variable()));
    default:
      break;
  }
  out = fmt::format("({}", operator_of(expr.kind));
  for (std::size_t i = 0; i < expr.operands.size(); ++i) {
    const bool field = expr.kind == ExprKind::kRecord;
    out += fmt::format(" {}{}", field ? expr.names.at(i) + ": " : "", tree(expr.operands[i]));
  }
  if (!expr.text.empty()) out += " " + expr.text;
  if (expr.kind == ExprKind::kHas) out += fmt::format(" {}", fmt::join(expr.names, "."));
  if (expr.kind == ExprKind::kLike) out += fmt::format(" {}", fmt::join(expr.names, "<star>"));
  return out + ")";
}

std::string parsed(std::string_view text) {
  const auto expr = parse_expression(text);
  if (expr) return tree(*expr);
  std::string out = "refused";
  for (const Issue& issue : expr.error()) out += fmt::format("; {}: {}", issue.column, issue.message);
  return out;
}

TEST(ParseExpression, ReadsLiterals) {
  EXPECT_EQ(parsed("true"), "true");
  EXPECT_EQ(parsed("false"), "false");
  EXPECT_EQ(parsed("0"), "0");
  EXPECT_EQ(parsed("007"), "7");
  EXPECT_EQ(parsed("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(parsed("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(parsed(R"("a b")"), R"("a b")");
  EXPECT_EQ(parsed(R"("")"), R"("")");
  EXPECT_EQ(parsed(R"(User::"nora")"), R"(User::"nora")");
  EXPECT_EQ(parsed(R"(A::B::C::"")"), R"(A::B::C::"")");
  EXPECT_EQ(parsed("A // type\n :: \n \"b\""), R"(A::"b")");
  EXPECT_EQ(parsed("TRUE"), "refused; 1: `TRUE` is not a variable");
}

TEST(ParseExpression, NumbersHave64Bits) {
  EXPECT_EQ(parsed("9223372036854775808"), "refused; 1: the number `9223372036854775808` is too large");
  EXPECT_EQ(parsed("-9223372036854775809"), "refused; 1: the number `-9223372036854775809` is too small");
  EXPECT_EQ(parsed("99999999999999999999999"),
            "refused; 1: the number `99999999999999999999999` is too large");
  // Only the minus that stands before the digits belongs to the number.
  EXPECT_EQ(parsed("-(9223372036854775808)"), "refused; 3: the number `9223372036854775808` is too large");
  EXPECT_EQ(parsed("- 9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(parsed("--9223372036854775808"), "(neg -9223372036854775808)");
  EXPECT_EQ(parsed("-(1)"), "(neg 1)");
  EXPECT_EQ(parsed("1.5"), "refused; 3: unexpected `5`, expected an attribute's name");
}

TEST(ParseExpression, ReadsEveryEscape) {
  const auto said = [](std::string_view text) {
    const auto expr = parse_expression(text);
    return expr ? expr->text : expr.error().front().message;
  };
  EXPECT_EQ(said(R"("\n\r\t\\\'\"")"), "\n\r\t\\'\"");
  EXPECT_EQ(said(R"("a\0b")"), std::string("a\0b", 3));
  EXPECT_EQ(said(R"("\x41\x00\x7f\x7F")"), std::string("A\0\x7f\x7f", 4));
  EXPECT_EQ(said(R"("\u{41}\u{000041}\u{4_1}\u{41_}\u{4__1_}")"), "AAAAA");
  EXPECT_EQ(said(R"("\u{e9}\u{20AC}\u{1f600}\u{10FFFF}")"), "\u00e9\u20ac\U0001F600\U0010FFFF");
  EXPECT_EQ(said(R"("\u{7ff}\u{800}\u{ffff}\u{10000}")"), "\u07ff\u0800\uffff\U00010000");
  EXPECT_EQ(said(R"("\u{d7ff}\u{e000}")"), "\ud7ff\ue000");
  EXPECT_EQ(said("\"a\nb\tc\x7f\""), "a\nb\tc\x7f") << "what is not escaped stands for itself";
  EXPECT_EQ(said(std::string_view("\"a\0b\"", 5)), std::string("a\0b", 3));

  EXPECT_EQ(said(R"("\q")"), R"(the escape `\q` is unknown)");
  EXPECT_EQ(said(R"("\é")"), R"(the escape `\é` is unknown)");
  EXPECT_EQ(said("\"\\\x01\""), R"(the escape `\\u{1}` is unknown)");
  EXPECT_EQ(said(R"("\*")"), R"(the escape `\*` is unknown)") << "that one is for patterns";
  EXPECT_EQ(said(R"("\U{41}")"), R"(the escape `\U` is unknown)");
  EXPECT_EQ(said("\"a\rb\""), "a bare carriage return in a string; write `\\r`");
  EXPECT_EQ(said("\"a\\\rb\""), "the escape `\\\\r` is unknown");
  EXPECT_THAT(said(R"("\x4")"), HasSubstr("two hexadecimal digits"));
  EXPECT_THAT(said(R"("\x")"), HasSubstr("two hexadecimal digits"));
  EXPECT_THAT(said(R"("\xg0")"), HasSubstr("two hexadecimal digits"));
  EXPECT_THAT(said(R"("\x80")"), HasSubstr("reaches only to `\\x7f`"));
  for (const auto* brace : {R"("\u41")", R"("\u")", R"("\u{41")"})
    EXPECT_THAT(said(brace), HasSubstr("in braces")) << brace;
  EXPECT_THAT(said(R"("\u{}")"), HasSubstr("is empty"));
  EXPECT_THAT(said(R"("\u{_41}")"), HasSubstr("cannot begin with `_`"));
  EXPECT_THAT(said(R"("\u{ 41}")"), HasSubstr("hexadecimal digits only"));
  EXPECT_THAT(said(R"("\u{0000041}")"), HasSubstr("at most six digits"));
  for (const auto* none : {R"("\u{d800}")", R"("\u{dfff}")", R"("\u{110000}")", R"("\u{ffffff}")"})
    EXPECT_THAT(said(none), HasSubstr("not a Unicode character")) << none;
}

TEST(ParseExpression, TellsThePlaceOfAnEscape) {
  const auto expr = parse_expression(R"("\u{e9}é\q")");
  ASSERT_FALSE(expr.has_value());
  EXPECT_EQ(expr.error()[0].column, 9);
  EXPECT_EQ(expr.error()[0].span, (Span{9, 11}));
  EXPECT_EQ(parsed(R"(context like "a\q")"), "refused; 16: the escape `\\q` is unknown");
  EXPECT_EQ(parsed(R"(User::"\q")"), "refused; 8: the escape `\\q` is unknown");
  EXPECT_EQ(parsed(R"({"\q": 1})"), "refused; 3: the escape `\\q` is unknown");
  EXPECT_EQ(parsed(R"(context["\q"])"), "refused; 10: the escape `\\q` is unknown");
}

TEST(ParseExpression, PatternsSplitAtTheirStars) {
  EXPECT_EQ(parsed(R"(context.a like "a*b*")"), "(like (. context a) a<star>b<star>)");
  EXPECT_EQ(parsed(R"(context.a like "")"), "(like (. context a) )");
  EXPECT_EQ(parsed(R"(context.a like "**")"), "(like (. context a) <star><star>)");
  EXPECT_EQ(parsed(R"(context.a like "a\*b\\*")"), R"((like (. context a) a*b\<star>))");
  // As in the reference: an escape that stands for a star is one.
  EXPECT_EQ(parsed(R"(context.a like "a\u{2a}b\x2ac")"), "(like (. context a) a<star>b<star>c)");
  EXPECT_EQ(parsed(R"(context.a like "\u{41}\n")"), "(like (. context a) A\n)");
  EXPECT_THAT(parsed("context.a like b"), HasSubstr("unexpected `b`, expected a pattern in quotes"));
  EXPECT_THAT(parsed(R"(context.a like ("b"))"), HasSubstr("expected a pattern in quotes"));
}

TEST(ParseExpression, KnowsTheVariables) {
  EXPECT_EQ(parsed("[principal, action, resource, context]"), "(set principal action resource context)");
  EXPECT_EQ(parsed("subject"), "refused; 1: `subject` is not a variable");
  EXPECT_EQ(parsed("subject.name"), "refused; 1: `subject` is not a variable");
  EXPECT_EQ(parsed("A::B"), "refused; 1: `A::B` is not a variable");
  EXPECT_EQ(parsed(R"([principal::"a", A::principal::"b"])"), R"((set principal::"a" A::principal::"b"))");
  EXPECT_EQ(parsed("principal == ?principal"),
            "refused; 14: the slot `?principal` cannot stand in a condition");
}

// From the loosest to the tightest: || && comparison +- * unary member.
TEST(ParseExpression, OperatorsBindAsInCedar) {
  EXPECT_EQ(parsed("true || false && true || false"), "(|| true (&& false true) false)");
  EXPECT_EQ(parsed("true && 1 == 2"), "(&& true (== 1 2))");
  EXPECT_EQ(parsed("1 + 2 == 3 * 4"), "(== (+ 1 2) (* 3 4))");
  EXPECT_EQ(parsed("1 + 2 * 3 - 4"), "(- (+ 1 (* 2 3)) 4)");
  EXPECT_EQ(parsed("-1 * -2"), "(* -1 -2)");
  EXPECT_EQ(parsed("-context.a * 2"), "(* (neg (. context a)) 2)");
  EXPECT_EQ(parsed("!context.a == true"), "(== (! (. context a)) true)");
  EXPECT_EQ(parsed("!context.a && context.b"), "(&& (! (. context a)) (. context b))");
  EXPECT_EQ(parsed("-1.a"), "(neg (. 1 a))") << "the minus comes after the access";
  EXPECT_EQ(parsed("principal in resource && action in context.a"),
            "(&& (in principal resource) (in action (. context a)))");
  EXPECT_EQ(parsed("context has a && context like \"b\" || context is C"),
            "(|| (&& (has context a) (like context b)) (is context C))");
  EXPECT_EQ(parsed("1 + context has a"), "(has (+ 1 context) a)");
  EXPECT_EQ(parsed("(1 + 2) * 3"), "(* (+ 1 2) 3)");
  EXPECT_EQ(parsed("true && (false || true)"), "(&& true (|| false true))");
}

TEST(ParseExpression, KnowsEveryComparison) {
  for (const auto* op : {"==", "!=", "<", "<=", ">", ">=", "in"})
    EXPECT_EQ(parsed(fmt::format("principal {} resource", op)), fmt::format("({} principal resource)", op));
}

TEST(ParseExpression, OperatorsOfOneRankGroupToTheLeft) {
  EXPECT_EQ(parsed("1 - 2 - 3"), "(- (- 1 2) 3)");
  EXPECT_EQ(parsed("1 - 2 + 3"), "(+ (- 1 2) 3)");
  EXPECT_EQ(parsed("1 * 2 * 3"), "(* (* 1 2) 3)");
  EXPECT_EQ(parsed("1 - (2 - 3)"), "(- 1 (- 2 3))");
  EXPECT_EQ(parsed("1--1"), "(- 1 -1)");
  EXPECT_EQ(parsed("1 - - -1"), "(- 1 (neg -1))");
}

TEST(ParseExpression, AChainOfAndOrOrIsOneNode) {
  EXPECT_EQ(parsed("true && true && false && true"), "(&& true true false true)");
  EXPECT_EQ(parsed("true || (true || false) || true"), "(|| true (|| true false) true)")
      << "parentheses are kept; they change nothing";
}

TEST(ParseExpression, ComparisonsDoNotChain) {
  EXPECT_EQ(parsed("1 < 2 < 3"), "refused; 7: `<` cannot follow another comparison");
  EXPECT_EQ(parsed("1 == 2 == 3"), "refused; 8: `==` cannot follow another comparison");
  EXPECT_EQ(parsed("1 == 2 in 3"), "refused; 8: `in` cannot follow another comparison");
  EXPECT_EQ(parsed("1 == context has a"), "refused; 14: `has` cannot follow another comparison");
  EXPECT_EQ(parsed("1 == context like \"a\""), "refused; 14: `like` cannot follow another comparison");
  EXPECT_EQ(parsed("1 == context is A"), "refused; 14: `is` cannot follow another comparison");
  EXPECT_EQ(parsed("(1 < 2) == (2 < 3)"), "(== (< 1 2) (< 2 3))");
  for (const auto* text :
       {"context has a has b", "context has a == true", "context has a in b", "context like \"a\" like \"b\"",
        "principal is A is B", "principal is A in principal in principal", "principal is A == true"})
    EXPECT_THAT(parsed(text), HasSubstr("expected the end of the text")) << text;
}

TEST(ParseExpression, UnaryOperatorsStandAtMostFourTimes) {
  EXPECT_EQ(parsed("!!!!true"), "(! (! (! (! true))))");
  EXPECT_EQ(parsed("----1"), "(neg (neg (neg -1)))");
  EXPECT_EQ(parsed("- - - - context"), "(neg (neg (neg (neg context))))");
  EXPECT_EQ(parsed("!!!!!true"), "refused; 1: more than 4 `!` in a row");
  EXPECT_EQ(parsed("-----1"), "refused; 1: more than 4 `-` in a row");
  EXPECT_EQ(parsed("1-----1"), "(- 1 (neg (neg (neg -1))))") << "the first of them is the subtraction";
  EXPECT_THAT(parsed("!-1"), HasSubstr("unexpected `-`, expected an expression"));
  EXPECT_THAT(parsed("-!true"), HasSubstr("unexpected `!`, expected an expression"));
  EXPECT_EQ(parsed("!(-1)"), "(! -1)");
}

TEST(ParseExpression, IfTakesThreeExpressions) {
  EXPECT_EQ(parsed("if true then 1 else 2 + 3"), "(if true 1 (+ 2 3))");
  EXPECT_EQ(parsed("if if true then true else false then 1 else if false then 2 else 3"),
            "(if (if true true false) 1 (if false 2 3))");
  EXPECT_EQ(parsed("1 + (if true then 1 else 2)"), "(+ 1 (if true 1 2))");
  EXPECT_EQ(parsed("[if true then 1 else 2]"), "(set (if true 1 2))");
  EXPECT_EQ(parsed("{a: if true then 1 else 2}"), "(record a: (if true 1 2))");
  EXPECT_EQ(parsed("if true || false then 1 else 2 || true"), "(if (|| true false) 1 (|| 2 true))");
  EXPECT_EQ(parsed("true && if true then true else false"),
            "refused; 9: unexpected `if`, expected an operand; put `if` in parentheses here");
  EXPECT_EQ(parsed("if true then 1"),
            "refused; 15: unexpected the end of the text, expected `else` after the value of `then`");
  EXPECT_THAT(parsed("if true else 1"), HasSubstr("expected `then` after the condition of `if`"));
}

TEST(ParseExpression, ReadsAttributesOfBothForms) {
  EXPECT_EQ(parsed("principal.a.b"), "(. (. principal a) b)");
  EXPECT_EQ(parsed(R"(principal["a b"].c["if"])"), "(. (. (. principal a b) c) if)");
  EXPECT_EQ(parsed("principal.principal.permit.when"), "(. (. (. principal principal) permit) when)");
  EXPECT_EQ(parsed(R"("a".b)"), R"((. "a" b))");
  EXPECT_EQ(parsed("{a: 1}.a"), "(. (record a: 1) a)");
  EXPECT_EQ(parsed(R"(User::"a".b)"), R"((. User::"a" b))");
  EXPECT_THAT(parsed("principal[a]"), HasSubstr("unexpected `a`, expected an attribute's name in quotes"));
  EXPECT_THAT(parsed("principal[1]"), HasSubstr("expected an attribute's name in quotes"));
  EXPECT_THAT(parsed(R"(principal["a" + "b"])"), HasSubstr("unexpected `+`, expected `]`"));
  EXPECT_THAT(parsed("principal."), HasSubstr("expected an attribute's name"));
  EXPECT_THAT(parsed(R"(principal."a")"), HasSubstr("expected an attribute's name"));
}

TEST(ParseExpression, HasTakesANameAPathOrAString) {
  EXPECT_EQ(parsed("principal has a"), "(has principal a)");
  EXPECT_EQ(parsed("principal has a.b.c"), "(has principal a.b.c)");
  EXPECT_EQ(parsed(R"(principal has "a b")"), "(has principal a b)");
  EXPECT_EQ(parsed("principal has context.principal"), "(has principal context.principal)");
  EXPECT_THAT(parsed(R"(principal has "a".b)"), HasSubstr("a path after `has` is written with plain names"));
  EXPECT_THAT(parsed(R"(principal has a["b"])"), HasSubstr("expected an attribute after `has`"));
  for (const auto* text : {"principal has (a)", "principal has 1", "principal has -a", "principal has",
                           "principal has a::b", "principal has a()", "principal has a.b()"})
    EXPECT_THAT(parsed(text), HasSubstr("expected an attribute after `has`")) << text;
  EXPECT_THAT(parsed("principal has a + b"), HasSubstr("expected the end of the `has` test"));
}

TEST(ParseExpression, IsTakesATypeAndInAGroup) {
  EXPECT_EQ(parsed("principal is User"), "(is principal User)");
  EXPECT_EQ(parsed("principal is A :: B"), "(is principal A::B)");
  EXPECT_EQ(parsed("principal is principal"), "(is principal principal)");
  EXPECT_EQ(parsed(R"(principal is User in Group::"g")"), R"((is principal Group::"g" User))");
  EXPECT_EQ(parsed(R"(principal is User in [Group::"g", resource])"),
            R"((is principal (set Group::"g" resource) User))");
  EXPECT_EQ(parsed("principal is User in 1 + 2 && true"), "(&& (is principal (+ 1 2) User) true)");
  EXPECT_THAT(parsed(R"(principal is User::"a")"), HasSubstr("an entity type after `is`, not an entity"));
  for (const auto* text : {R"(principal is "User")", "principal is (User)", "principal is 1", "principal is"})
    EXPECT_THAT(parsed(text), HasSubstr("expected an entity type after `is`")) << text;
}

TEST(ParseExpression, ReadsSetsAndRecords) {
  EXPECT_EQ(parsed("[]"), "(set)");
  EXPECT_EQ(parsed("[1, 1, [2]]"), "(set 1 1 (set 2))");
  EXPECT_EQ(parsed("[1,]"), "(set 1)");
  EXPECT_EQ(parsed("{}"), "(record)");
  EXPECT_EQ(parsed(R"({a: 1, "b c": {d: 2},})"), "(record a: 1 b c: (record d: 2))");
  EXPECT_EQ(parsed(R"({principal: principal, permit: 1, "if": 2})"),
            "(record principal: principal permit: 1 if: 2)");
  EXPECT_EQ(parsed("[1 2]"), "refused; 4: unexpected `2`, expected `,` or `]`");
  EXPECT_EQ(parsed("[,]"), "refused; 2: unexpected `,`, expected an expression");
  EXPECT_EQ(parsed("{a: 1 b: 2}"), "refused; 7: unexpected `b`, expected `,` or `}` after a value");
  EXPECT_EQ(parsed("{a 1}"), "refused; 4: unexpected `1`, expected `:` after the key");
  EXPECT_EQ(parsed("{1: 2}"), "refused; 2: unexpected `1`, expected a key: a name, or a string");
  EXPECT_EQ(parsed("{a::b: 1}"), "refused; 2: a key is one name, or a string");
  EXPECT_EQ(parsed(R"({a: 1, "a": 2, a: 3})"),
            "refused; 8: the key `a` is given twice; 16: the key `a` is given twice");
}

TEST(ParseExpression, ReadsMethods) {
  EXPECT_EQ(parsed("[1].contains(1)"), "(contains (set 1) 1)");
  EXPECT_EQ(parsed("[1].containsAll([1],)"), "(containsAll (set 1) (set 1))");
  EXPECT_EQ(parsed("context.a.containsAny(context.b)"), "(containsAny (. context a) (. context b))");
  EXPECT_EQ(parsed("[].isEmpty()"), "(isEmpty (set))");
  EXPECT_EQ(parsed(R"(principal.hasTag("a") && principal.getTag("a") == 1)"),
            R"((&& (hasTag principal "a") (== (getTag principal "a") 1)))");
  EXPECT_EQ(parsed("[1].contains()"), "refused; 1: `contains` takes 1 argument, found 0");
  EXPECT_EQ(parsed("[1].contains(1, 2)"), "refused; 1: `contains` takes 1 argument, found 2");
  EXPECT_EQ(parsed("[1].isEmpty(1)"), "refused; 1: `isEmpty` takes 0 arguments, found 1");
  EXPECT_EQ(parsed("context.size()"), "refused; 9: there is no method `size`");
  EXPECT_EQ(parsed("[1].contains"), "(. (set 1) contains)") << "an attribute of this name";
  EXPECT_EQ(parsed("contains([1], 1)"), "refused; 1: `contains` is a method");
}

TEST(ParseExpression, ReadsEveryExtensionFunction) {
  for (const auto* function : {"ip", "decimal", "datetime", "duration"}) {
    EXPECT_EQ(parsed(fmt::format("{}(\"x\")", function)), fmt::format("(call \"x\" {})", function));
    EXPECT_EQ(parsed(fmt::format("\"x\".{}()", function)),
              fmt::format("refused; 5: `{}` is a function, not a method", function));
  }
  for (const auto* method :
       {"isIpv4", "isIpv6", "isLoopback", "isMulticast", "isInRange", "lessThan", "lessThanOrEqual",
        "greaterThan", "greaterThanOrEqual", "offset", "durationSince", "toDate", "toTime", "toMilliseconds",
        "toSeconds", "toMinutes", "toHours", "toDays"}) {
    EXPECT_EQ(parsed(fmt::format("context.{}(1)", method)), fmt::format("(call context 1 {})", method));
    EXPECT_EQ(parsed(fmt::format("{}(context)", method)),
              fmt::format("refused; 1: `{}` is a method", method));
  }
  // Their arguments are counted when they are called.
  EXPECT_EQ(parsed("ip()"), "(call ip)");
  EXPECT_EQ(parsed(R"(ip("a", 2))"), R"((call "a" 2 ip))");
  EXPECT_EQ(parsed("now()"), "refused; 1: there is no function `now`");
  EXPECT_EQ(parsed("A::ip(\"1\")"), "refused; 1: there is no function `A::ip`");
  EXPECT_EQ(parsed("ip"), "refused; 1: `ip` is not a variable");
  for (const auto* text : {"principal()", "principal(1)", "(1)(2)", "\"a\"(1)", "true(1)"})
    EXPECT_THAT(parsed(text), HasSubstr("only functions and methods can be called")) << text;
}

TEST(ParseExpression, ReservedWordsAreNoNames) {
  for (const auto* word : {"true", "false", "if", "then", "else", "in", "is", "has", "like", "__cedar"}) {
    EXPECT_TRUE(is_reserved_word(word));
    EXPECT_FALSE(is_plain_attribute(word));
    EXPECT_THAT(parsed(fmt::format("principal.{}", word)), HasSubstr("is a reserved word")) << word;
    EXPECT_THAT(parsed(fmt::format("principal has a.{}", word)), HasSubstr("is a reserved word")) << word;
    EXPECT_THAT(parsed(fmt::format("{{{}: 1}}", word)), HasSubstr("is a reserved word")) << word;
    EXPECT_THAT(parsed(fmt::format("A::{}::\"a\"", word)), HasSubstr("is a reserved word")) << word;
    EXPECT_THAT(parsed(fmt::format("principal is {}", word)), HasSubstr("refused")) << word;
    EXPECT_THAT(parsed(word == std::string_view("if") ? "(if)" : word),
                ::testing::AnyOf("true", "false", HasSubstr("refused")));
    // In quotes everything is a name.
    EXPECT_EQ(parsed(fmt::format("principal[\"{}\"]", word)), fmt::format("(. principal {})", word));
    EXPECT_EQ(parsed(fmt::format("principal has \"{}\"", word)), fmt::format("(has principal {})", word));
  }
  for (const auto* word :
       {"principal", "action", "resource", "context", "permit", "forbid", "when", "unless", "ip"}) {
    EXPECT_FALSE(is_reserved_word(word));
    EXPECT_EQ(parsed(fmt::format("context.{}", word)), fmt::format("(. context {})", word));
  }
}

TEST(ParseExpression, NamesOfTypesAreNormal) {
  for (const auto* good : {"A", "A::B", "_a1::b_2", "principal", "permit::when"})
    EXPECT_TRUE(is_entity_type_name(good)) << good;
  for (const auto* bad : {"", "::", "A::", "::A", "A:B", "A :: B", " A", "A ", "1A", "A-B", "A::if", "in",
                          "__cedar", "A::__cedar::B", "\"A\"", "A::\"b\"", "é", "A//", "A\n"})
    EXPECT_FALSE(is_entity_type_name(bad)) << bad;
}

TEST(ParseExpression, ReadsEntities) {
  const auto read = [](std::string_view text) {
    const auto uid = parse_entity(text);
    std::string out;
    if (!uid) return fmt::format("{}: {}", uid.error().front().column, uid.error().front().message);
    append_entity(out, uid->type, uid->id);
    return out;
  };
  EXPECT_EQ(read(R"(Billing::Invoice::"17")"), R"(Billing::Invoice::"17")");
  EXPECT_EQ(read(R"( (User :: "a\"b") // nora)"), R"(User::"a\"b")");
  EXPECT_EQ(read("User"), "1: `User` is not an entity");
  EXPECT_EQ(read(R"("a")"), "1: unexpected `\"a\"`, expected an entity such as `User::\"alice\"`");
  EXPECT_EQ(read(R"(User::"a"::"b")"), "10: unexpected `::`, expected the end of the text");
  EXPECT_EQ(read(R"(if::"a")"), "1: `if` is a reserved word, not a name");
  EXPECT_EQ(read(""), "1: unexpected the end of the text, expected an entity such as `User::\"alice\"`");
}

TEST(ParseExpression, EveryNodeKnowsItsPlace) {
  const std::string_view text = "1 + (context.a has b) && !true";
  const auto expr = parse_expression(text);
  ASSERT_TRUE(expr.has_value());
  const auto written = [&](const Expr& node) {
    return text.substr(node.span.begin, node.span.end - node.span.begin);
  };
  EXPECT_EQ(written(*expr), text);
  EXPECT_EQ(written(expr->operands[0]), "1 + (context.a has b)");
  EXPECT_EQ(written(expr->operands[0].operands[1]), "context.a has b");
  EXPECT_EQ(written(expr->operands[0].operands[1].operands[0]), "context.a");
  EXPECT_EQ(written(expr->operands[1]), "!true");
  EXPECT_EQ(written(expr->operands[1].operands[0]), "true");
}

TEST(ParseExpression, EqualityIsOfMeaningNotOfPlace) {
  EXPECT_EQ(*parse_expression("principal.a == 1"), *parse_expression("(principal[\"a\"])  ==  1 // same"));
  EXPECT_FALSE(*parse_expression("principal.a == 1") == *parse_expression("principal.a == 2"));
  EXPECT_FALSE(*parse_expression("1 - 2") == *parse_expression("2 - 1"));
}

}  // namespace
}  // namespace writ::cedar::parse_expression_test
