#include "wild_maker.h"

#include <array>
#include <fmt/format.h>

#include "words.h"

namespace writ::differential {
namespace {

using namespace std::literals;

constexpr std::array kIdentifiers{
    "a"sv,         "b"sv,         "User"sv,    "x1"sv,         "_"sv,         "principal"sv, "action"sv,
    "resource"sv,  "context"sv,   "if"sv,      "then"sv,       "else"sv,      "in"sv,        "is"sv,
    "has"sv,       "like"sv,      "true"sv,    "false"sv,      "__cedar"sv,   "permit"sv,    "when"sv,
    "unless"sv,    "ip"sv,        "decimal"sv, "contains"sv,   "isIpv4"sv,    "Action"sv,    "type"sv,
    "entity"sv,    "Set"sv,       "Long"sv,    "Bool"sv,       "namespace"sv, "tags"sv,      "enum"sv,
    "appliesTo"sv, "String"sv,    "ipaddr"sv,  "error"sv,      "forbid"sv,    "datetime"sv,  "Record"sv,
    "Entity"sv,    "Extension"sv, "Boolean"sv, "attributes"sv, "offset"sv,    "__cedar_"sv};
constexpr std::array kFunctions{"ip"sv,
                                "decimal"sv,
                                "datetime"sv,
                                "duration"sv,
                                "contains"sv,
                                "containsAll"sv,
                                "containsAny"sv,
                                "isEmpty"sv,
                                "hasTag"sv,
                                "getTag"sv,
                                "isIpv4"sv,
                                "isIpv6"sv,
                                "isLoopback"sv,
                                "isMulticast"sv,
                                "isInRange"sv,
                                "lessThan"sv,
                                "greaterThanOrEqual"sv,
                                "offset"sv,
                                "durationSince"sv,
                                "toDate"sv,
                                "toTime"sv,
                                "toDays"sv,
                                "toMilliseconds"sv,
                                "foo"sv,
                                "A::ip"sv,
                                "principal"sv,
                                "unknown"sv,
                                "lessThanOrEqual"sv,
                                "greaterThan"sv,
                                "toHours"sv};
constexpr std::array kOperators{"+"sv,  "-"sv,  "*"sv,  "/"sv,  "%"sv,  "<"sv,  "<="sv, ">"sv,
                                ">="sv, "=="sv, "!="sv, "="sv,  "in"sv, "&&"sv, "||"sv, "&"sv,
                                "|"sv,  "&&"sv, "||"sv, "=="sv, "in"sv, "==="sv};
constexpr std::array kNumbers{"0"sv,
                              "1"sv,
                              "007"sv,
                              "9223372036854775807"sv,
                              "9223372036854775808"sv,
                              "18446744073709551616"sv,
                              "1.5"sv,
                              "1e3"sv,
                              "0x10"sv,
                              "1_000"sv,
                              "00000000000000000000000001"sv,
                              "12a"sv};
constexpr std::array kStrings{R"("")"sv,
                              R"("a")"sv,
                              R"("\n\t\r\\\0\'\"")"sv,
                              R"("\x41\x7f")"sv,
                              R"("\x80")"sv,
                              R"("\x4")"sv,
                              R"("\u{41}\u{1F600}")"sv,
                              R"("\u{110000}")"sv,
                              R"("\u{D800}")"sv,
                              R"("\u{}")"sv,
                              R"("\u{0000041}")"sv,
                              R"("\u{4_1}")"sv,
                              R"("\u41")"sv,
                              R"("\q")"sv,
                              R"("a*b")"sv,
                              R"("\*")"sv,
                              R"("a\*b*")"sv,
                              R"('a')"sv,
                              "\"\n\""sv,
                              "\"\r\""sv,
                              "\"\r\n\""sv,
                              "\"\\\n  a\""sv,
                              "\"é🦀\""sv,
                              R"("\/")"sv,
                              R"("\u{000041}")"sv,
                              R"("\U{41}")"sv,
                              R"("\X41")"sv,
                              R"("\u{ 41}")"sv,
                              R"("\u{g}")"sv,
                              R"("\x4g")"sv,
                              R"("\u{_})"sv,
                              R"("\"")"sv};

}  // namespace

std::string WildMaker::list(std::string_view open, std::string_view close, std::size_t most, auto&& item) {
  std::string text(open);
  const std::size_t count = random_.below(most + 1);
  for (std::size_t i = 0; i < count; ++i) {
    text += item();
    if (i + 1 < count || random_.one_in(8)) text += odd() && odd() ? ";" : ", ";
  }
  if (odd() && odd()) text += ",";
  return text.append(odd() && odd() ? "" : close);
}

std::string WildMaker::identifier() {
  return std::string(random_.percent(75) ? kIdentifiers[random_.below(9)] : random_.pick(kIdentifiers));
}

std::string WildMaker::name() {
  std::string text = identifier();
  while (random_.one_in(5)) text += (odd() ? " :: " : "::") + identifier();
  return text;
}

std::string WildMaker::string() {
  return std::string(random_.percent(70) ? kStrings[1] : random_.pick(kStrings));
}

std::string WildMaker::number() {
  return std::string(random_.percent(60) ? kNumbers[1] : random_.pick(kNumbers));
}

std::string WildMaker::entity() {
  return name() + "::" + (odd() ? expression(1) : string());
}

// Expressions.

std::string WildMaker::expression(std::size_t depth) {
  if (depth == 0) return unary(0);
  if (random_.one_in(8)) {
    return fmt::format("if {} then {} {} {}", expression(depth - 1), expression(depth - 1),
                       odd() ? "" : "else", expression(depth - 1));
  }
  std::string text = relation(depth);
  while (random_.one_in(3)) text += fmt::format(" {} {}", random_.pick(kOperators), relation(depth - 1));
  return text;
}

std::string WildMaker::relation(std::size_t depth) {
  std::string text = unary(depth);
  switch (random_.below(10)) {
    case 0:
      text += " has ";
      if (random_.one_in(3)) return text + string();
      text += odd() ? unary(depth / 2) : identifier();
      while (random_.one_in(3))
        text += odd() ? "[" + string() + "]" : "." + (odd() ? string() : identifier());
      return text;
    case 1:
      return text + " like " + (odd() ? unary(depth / 2) : string());
    case 2:
      text += " is " + (odd() ? unary(depth / 2) : name());
      return random_.one_in(3) ? text + " in " + unary(depth / 2) : text;
    default:
      return text;
  }
}

std::string WildMaker::unary(std::size_t depth) {
  std::string text;
  if (random_.one_in(4)) {
    const char sign = random_.one_in(2) ? '!' : '-';
    text.assign(random_.one_in(6) ? random_.between(2, 6) : 1, sign);
    if (odd()) text += random_.one_in(2) ? "!" : "-";
    if (odd()) text.insert(1, " ");
  }
  return text + member(depth);
}

std::string WildMaker::member(std::size_t depth) {
  std::string text = primary(depth);
  while (random_.one_in(3)) {
    switch (random_.below(6)) {
      case 0:
      case 1:
        text += "." + identifier();
        break;
      case 2:
        text += fmt::format("[{}]", odd() ? expression(depth / 2) : string());
        break;
      case 3:
      case 4:
        text += fmt::format(".{}{}", random_.pick(kFunctions), arguments(depth));
        break;
      default:
        if (odd()) text += arguments(depth);
        break;
    }
  }
  return text;
}

std::string WildMaker::arguments(std::size_t depth) {
  return list("(", ")", random_.one_in(4) ? 3 : 1, [&] { return expression(depth > 0 ? depth - 1 : 0); });
}

std::string WildMaker::primary(std::size_t depth) {
  switch (random_.below(14)) {
    case 0:
    case 1:
      return number();
    case 2:
      return string();
    case 3:
      return entity();
    case 4:
      return random_.one_in(2) ? "true" : "false";
    case 5:
      return std::string(random_.pick(kFunctions)) + arguments(depth);
    case 6:
      if (depth > 0) return "(" + expression(depth - 1) + (odd() && odd() ? "" : ")");
      return "principal";
    case 7:
      return depth > 0 ? list("[", "]", 3, [&] { return expression(depth - 1); }) : "[]";
    case 8:
      return depth > 0 ? record(depth - 1) : "{}";
    case 9:
      if (odd()) return random_.one_in(2) ? "?principal" : "?x";
      return name();
    case 10:
      return "context";
    default:
      return random_.one_in(2) ? "resource" : "principal";
  }
}

std::string WildMaker::record(std::size_t depth) {
  return list("{", "}", 3, [&] {
    const std::string key = odd() ? primary(depth) : random_.one_in(3) ? string() : identifier();
    return fmt::format("{}{}{}", key, odd() && odd() ? " = " : ": ", expression(depth));
  });
}

// Policies.

std::string WildMaker::annotations() {
  std::string text;
  while (random_.one_in(4)) {
    text += "@" + (odd() ? primary(0) : identifier());
    if (random_.one_in(2)) text += fmt::format("({})", odd() ? expression(0) : string());
    text += " ";
  }
  return text;
}

std::string WildMaker::scope(std::string_view variable) {
  std::string text(odd() && odd() ? "context" : variable);
  if (odd() && odd()) text += ": " + name();
  const auto target = [&]() -> std::string {
    if (random_.one_in(5)) return odd() ? "?" + identifier() : fmt::format("?{}", variable);
    if (odd()) return expression(1);
    if (random_.one_in(variable == "action" ? 3 : 30))
      return list("[", "]", 3, [&] { return odd() ? primary(0) : entity(); });
    return odd() ? "(" + entity() + ")" : entity();
  };
  switch (random_.below(6)) {
    case 0:
      return text + " == " + target();
    case 1:
      return text + " in " + target();
    case 2:
      return text + " is " + name();
    case 3:
      return fmt::format("{} is {} in {}", text, name(), target());
    case 4:
      return odd() ? fmt::format("{} {} {}", text, random_.pick(kOperators), target()) : text;
    default:
      return text;
  }
}

std::string WildMaker::policy() {
  std::string text = annotations();
  text += odd() && odd() ? identifier() : random_.one_in(2) ? "permit" : "forbid";
  text += " (" + scope("principal") + ", " + scope("action") + ", " + scope("resource");
  if (odd()) text += random_.one_in(2) ? "," : ", " + scope("context");
  text += odd() && odd() ? "" : ")";
  while (random_.one_in(2)) {
    text += odd() && odd() ? " " + identifier() : random_.one_in(3) ? " unless" : " when";
    text += fmt::format(" {{ {} }}", odd() && odd() ? "" : expression());
  }
  return text + (odd() && odd() ? "" : ";");
}

// Schemas.

std::string WildMaker::type(std::size_t depth) {
  constexpr std::array kTypes{"Long"sv,   "String"sv,  "Bool"sv,     "Boolean"sv,
                              "ipaddr"sv, "decimal"sv, "datetime"sv, "duration"sv};
  switch (random_.below(6)) {
    case 0:
      return depth > 0 ? fmt::format("Set<{}>", odd() && odd() ? "" : type(depth - 1)) : "Set";
    case 1:
      return depth > 0 ? schema_record(depth - 1) : "{}";
    case 2:
      return name();
    case 3:
      return fmt::format("__cedar::{}", odd() ? identifier() : std::string(random_.pick(kTypes)));
    default:
      return std::string(random_.pick(kTypes));
  }
}

std::string WildMaker::schema_record(std::size_t depth) {
  return list("{", "}", 3, [&] {
    return fmt::format("{}{}{}: {}", random_.one_in(10) ? annotations() : "",
                       random_.one_in(3) ? string() : identifier(), random_.one_in(3) ? "?" : "",
                       type(depth));
  });
}

std::string WildMaker::names() {
  return random_.one_in(2) ? name() : list("[", "]", 3, [&] { return odd() ? string() : name(); });
}

std::string WildMaker::action_names() {
  const auto one = [&] { return random_.one_in(3) ? string() : random_.one_in(3) ? entity() : name(); };
  return random_.one_in(2) ? one() : list("[", "]", 3, one);
}

std::string WildMaker::declaration() {
  const std::string end = odd() && odd() ? "" : ";\n";
  switch (random_.below(5)) {
    case 0:
    case 1: {
      std::string text = annotations() + "entity " + identifier();
      while (random_.one_in(8)) text += ", " + identifier();
      if (random_.one_in(6))
        return text + " enum " + list("[", "]", 3, [&] { return odd() ? identifier() : string(); }) + end;
      if (random_.one_in(3)) text += " in " + names();
      if (random_.one_in(2)) text += (random_.one_in(3) ? " = " : " ") + (odd() ? type(1) : schema_record(2));
      if (random_.one_in(4)) text += " tags " + type(1);
      if (odd() && odd()) text += " in " + names();
      return text + end;
    }
    case 2:
    case 3: {
      std::string text = annotations() + "action " + (random_.one_in(3) ? string() : identifier());
      while (random_.one_in(8)) text += ", " + identifier();
      if (random_.one_in(3)) text += " in " + action_names();
      if (random_.percent(70)) {
        text += " appliesTo " + list("{", "}", 4, [&] {
                  switch (random_.below(7)) {
                    case 0:
                    case 1:
                    case 2:
                      return "principal: " + names();
                    case 3:
                    case 4:
                      return "resource: " + names();
                    case 5:
                      return "context: " + (random_.one_in(3) ? type(1) : schema_record(1));
                    default:
                      return (odd() ? identifier() : std::string("context")) + ": " + names();
                  }
                });
      }
      if (odd()) text += " attributes " + schema_record(1);
      return text + end;
    }
    default:
      return fmt::format("{}type {} = {}{}", annotations(), identifier(), type(2), end);
  }
}

std::string WildMaker::schema() {
  std::string text;
  for (std::size_t i = random_.between(1, 4); i > 0; --i) {
    if (!random_.one_in(4)) {
      text += declaration();
      continue;
    }
    text += fmt::format("{}namespace {} {{ ", annotations(), name());
    for (std::size_t inner = random_.below(4); inner > 0; --inner) text += declaration();
    text += odd() && odd() ? "" : "}\n";
  }
  return text;
}

}  // namespace writ::differential
