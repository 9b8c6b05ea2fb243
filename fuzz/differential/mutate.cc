#include "mutate.h"

#include <algorithm>
#include <array>
#include <vector>

#include "cedar/lexer.h"
#include "codec/json.h"
#include "codec/utf8.h"

#include "tokens.h"
#include "words.h"

namespace writ::differential {
namespace {

using namespace std::literals;

constexpr std::array kTokens{"permit"sv,
                             "forbid"sv,
                             "when"sv,
                             "unless"sv,
                             "principal"sv,
                             "action"sv,
                             "resource"sv,
                             "context"sv,
                             "if"sv,
                             "then"sv,
                             "else"sv,
                             "in"sv,
                             "has"sv,
                             "is"sv,
                             "like"sv,
                             "true"sv,
                             "false"sv,
                             "("sv,
                             ")"sv,
                             "["sv,
                             "]"sv,
                             "{"sv,
                             "}"sv,
                             "<"sv,
                             "<="sv,
                             ">"sv,
                             ">="sv,
                             "=="sv,
                             "!="sv,
                             "="sv,
                             "&&"sv,
                             "||"sv,
                             "!"sv,
                             "-"sv,
                             "+"sv,
                             "*"sv,
                             "/"sv,
                             "%"sv,
                             ","sv,
                             ";"sv,
                             "."sv,
                             "::"sv,
                             ":"sv,
                             "@"sv,
                             "?"sv,
                             "?principal"sv,
                             "?resource"sv,
                             "?action"sv,
                             "?x"sv,
                             "&"sv,
                             "|"sv,
                             "#"sv,
                             "'a'"sv,
                             "0"sv,
                             "1"sv,
                             "9223372036854775807"sv,
                             "9223372036854775808"sv,
                             "-9223372036854775808"sv,
                             "1.5"sv,
                             "1e3"sv,
                             "0x1"sv,
                             "\"\""sv,
                             "\"a\""sv,
                             "\"\\n\""sv,
                             "\"\\*\""sv,
                             "\"*\""sv,
                             "\"\\q\""sv,
                             "\"\\u{110000}\""sv,
                             "\"\\u{d800}\""sv,
                             "\"\\x80\""sv,
                             "\"\\u{41}\""sv,
                             "\"\\u{0000041}\""sv,
                             "\"\\u{_41}\""sv,
                             "\"\\u{4_1_}\""sv,
                             "\"\\u{}\""sv,
                             "\"\\x4\""sv,
                             "\"\\\n\""sv,
                             "\"a\nb\""sv,
                             "\"a\\\r\nb\""sv,
                             "\"\\"sv,
                             "\""sv,
                             "\"\r\""sv,
                             "'"sv,
                             "`"sv,
                             "entity"sv,
                             "type"sv,
                             "namespace"sv,
                             "appliesTo"sv,
                             "enum"sv,
                             "tags"sv,
                             "Set"sv,
                             "Bool"sv,
                             "Boolean"sv,
                             "Long"sv,
                             "String"sv,
                             "ipaddr"sv,
                             "decimal"sv,
                             "datetime"sv,
                             "duration"sv,
                             "__cedar"sv,
                             "Record"sv,
                             "Extension"sv,
                             "Entity"sv,
                             "attributes"sv,
                             "contains"sv,
                             "containsAll"sv,
                             "containsAny"sv,
                             "isEmpty"sv,
                             "getTag"sv,
                             "hasTag"sv,
                             "ip"sv,
                             "isIpv4"sv,
                             "isInRange"sv,
                             "lessThan"sv,
                             "offset"sv,
                             "toDate"sv,
                             "toTime"sv,
                             "durationSince"sv,
                             "toDays"sv,
                             "User"sv,
                             "A::B"sv,
                             "User::\"a\""sv,
                             "Action::\"read\""sv,
                             "a"sv,
                             "b"sv,
                             "_"sv,
                             "//"sv,
                             "/*"sv,
                             "// x\n"sv,
                             "=>"sv,
                             "->"sv,
                             "..."sv,
                             "a.b"sv,
                             "()"sv,
                             "[]"sv,
                             "{}"sv,
                             "--"sv,
                             "!!"sv,
                             "----1"sv,
                             "!!!!!true"sv,
                             "principal.a"sv,
                             "unknown(\"a\")"sv,
                             "\\"sv,
                             "$"sv,
                             "~"sv,
                             "^"sv,
                             "is User in User::\"a\""sv,
                             "has a.b.c"sv,
                             "has \"a\".b"sv,
                             "error"sv,
                             "tuple"sv,
                             "principalTypes"sv,
                             "return"sv};
constexpr std::array kCharacters{
    " "sv,      "\n"sv,     "\t"sv, "\r"sv, "\0"sv, "\v"sv, "\f"sv,   "\u00a0"sv, "\u200b"sv,
    "\u2028"sv, "\ufeff"sv, "é"sv,  "\""sv, "\\"sv, "'"sv,  "/"sv,    "*"sv,      "?"sv,
    "@"sv,      ";"sv,      "0"sv,  "a"sv,  "_"sv,  ":"sv,  "="sv,    "&"sv,      "("sv,
    ")"sv,      "{"sv,      "}"sv,  "["sv,  "]"sv,  "."sv,  "🦀"sv, "\x7f"sv,   "\u3000"sv,
    "\u0085"sv, "\u180e"sv, "A"sv,  "-"sv,  "<"sv,  ">"sv,  ","sv,    "\x01"sv,   "\u2029"sv};
constexpr std::array kSpaces{" "sv,      "\n"sv,      "\t"sv,   "  "sv,     "\r\n"sv,     "// a comment\n"sv,
                             "//\n"sv,   "\v"sv,      "\f"sv,   "\r"sv,     "\u00a0"sv,   "\u2028"sv,
                             "\u3000"sv, "// \"\n"sv, "//\r"sv, "\u0085"sv, "// é\r\n"sv, "\u2003"sv};
constexpr std::array kJsonTokens{"{"sv,
                                 "}"sv,
                                 "["sv,
                                 "]"sv,
                                 ","sv,
                                 ":"sv,
                                 "null"sv,
                                 "true"sv,
                                 "false"sv,
                                 "0"sv,
                                 "-0"sv,
                                 "1.0"sv,
                                 "1e2"sv,
                                 "-1"sv,
                                 "01"sv,
                                 "9223372036854775807"sv,
                                 "9223372036854775808"sv,
                                 "18446744073709551616"sv,
                                 "1e400"sv,
                                 "\"\""sv,
                                 "\"a\""sv,
                                 "\"\\u0000\""sv,
                                 "\"\\ud800\""sv,
                                 "\"\\/\""sv,
                                 "\"\\x41\""sv,
                                 "\"type\""sv,
                                 "\"id\""sv,
                                 "\"__entity\""sv,
                                 "\"__extn\""sv,
                                 "\"fn\""sv,
                                 "\"arg\""sv,
                                 "\"args\""sv,
                                 "\"uid\""sv,
                                 "\"attrs\""sv,
                                 "\"parents\""sv,
                                 "\"tags\""sv,
                                 "\"ip\""sv,
                                 "\"decimal\""sv,
                                 "\"__expr\""sv,
                                 "{}"sv,
                                 "[]"sv,
                                 "\"User\""sv,
                                 "\"Long\""sv,
                                 "\"Record\""sv,
                                 "\"Set\""sv,
                                 "\"Entity\""sv,
                                 "\"Extension\""sv,
                                 "\"EntityOrCommon\""sv,
                                 "\"attributes\""sv,
                                 "\"required\""sv,
                                 "\"element\""sv,
                                 "\"name\""sv,
                                 "\"memberOfTypes\""sv,
                                 "\"memberOf\""sv,
                                 "\"appliesTo\""sv,
                                 "\"principalTypes\""sv,
                                 "\"resourceTypes\""sv,
                                 "\"context\""sv,
                                 "\"shape\""sv,
                                 "\"commonTypes\""sv,
                                 "\"entityTypes\""sv,
                                 "\"actions\""sv,
                                 "\"annotations\""sv,
                                 "\"enum\""sv,
                                 "\"additionalAttributes\""sv,
                                 "\"Boolean\""sv,
                                 "\"String\""sv,
                                 "\"Bool\""sv,
                                 "\"ipaddr\""sv,
                                 "// x\n"sv,
                                 "\"a\": 1,"sv,
                                 "\"type\": \"Long\","sv};

constexpr std::array kJsonNames{"type"sv,
                                "name"sv,
                                "attributes"sv,
                                "required"sv,
                                "element"sv,
                                "shape"sv,
                                "memberOfTypes"sv,
                                "tags"sv,
                                "enum"sv,
                                "annotations"sv,
                                "memberOf"sv,
                                "appliesTo"sv,
                                "principalTypes"sv,
                                "resourceTypes"sv,
                                "context"sv,
                                "commonTypes"sv,
                                "entityTypes"sv,
                                "actions"sv,
                                "additionalAttributes"sv,
                                "id"sv,
                                "__id"sv,
                                "uid"sv,
                                "attrs"sv,
                                "parents"sv,
                                "fn"sv,
                                "arg"sv,
                                "args"sv,
                                "__entity"sv,
                                "__extn"sv,
                                "__expr"sv,
                                "a"sv,
                                "User"sv,
                                "A::B"sv,
                                ""sv,
                                "in"sv,
                                "__cedar"sv,
                                "Long"sv,
                                "a b"sv,
                                "A::"sv,
                                "Bool"sv,
                                "é"sv,
                                "ipaddr"sv,
                                "__cedar::Long"sv,
                                "Action"sv,
                                "=="sv,
                                "!="sv,
                                "<"sv,
                                "like"sv,
                                "is"sv,
                                "has"sv,
                                "&&"sv,
                                "if-then-else"sv,
                                "Value"sv,
                                "Var"sv,
                                "Set"sv,
                                "Record"sv,
                                "."sv,
                                "neg"sv,
                                "!"sv,
                                "-"sv,
                                "*"sv,
                                "contains"sv,
                                "isEmpty"sv,
                                "getTag"sv,
                                "ip"sv,
                                "decimal"sv,
                                "lessThan"sv,
                                "left"sv,
                                "right"sv,
                                "pattern"sv,
                                "entity_type"sv,
                                "attr"sv,
                                "effect"sv,
                                "principal"sv,
                                "action"sv,
                                "resource"sv,
                                "conditions"sv,
                                "kind"sv,
                                "body"sv,
                                "op"sv,
                                "entity"sv,
                                "slot"sv,
                                "entities"sv,
                                "Slot"sv,
                                "Unknown"sv,
                                "staticPolicies"sv,
                                "templates"sv,
                                "templateLinks"sv,
                                "templateId"sv,
                                "newId"sv,
                                "values"sv,
                                "?principal"sv};
constexpr std::array kJsonValues{
    R"(null)"sv,
    R"(true)"sv,
    R"(1)"sv,
    R"("")"sv,
    R"("a")"sv,
    R"([])"sv,
    R"({})"sv,
    R"("Long")"sv,
    R"("User")"sv,
    R"(false)"sv,
    R"({"type": "Long"})"sv,
    R"({"type": "Long", "required": false})"sv,
    R"({"type": "Boolean"})"sv,
    R"({"type": "Bool"})"sv,
    R"({"type": "String", "extra": 1})"sv,
    R"({"type": "Entity", "name": "User"})"sv,
    R"({"type": "Entity"})"sv,
    R"({"type": "Entity", "name": "Long"})"sv,
    R"({"type": "Entity", "name": "__cedar::Long"})"sv,
    R"({"type": "Extension", "name": "ipaddr"})"sv,
    R"({"type": "Extension", "name": "ip"})"sv,
    R"({"type": "Extension"})"sv,
    R"({"type": "EntityOrCommon", "name": "User"})"sv,
    R"({"type": "EntityOrCommon", "name": "ipaddr"})"sv,
    R"({"type": "EntityOrCommon", "name": "a b"})"sv,
    R"({"type": "EntityOrCommon"})"sv,
    R"({"type": "User"})"sv,
    R"({"type": "A::B::User"})"sv,
    R"({"type": "ipaddr"})"sv,
    R"({"type": "__cedar::ipaddr"})"sv,
    R"({"type": "__cedar::Record"})"sv,
    R"({"type": "Record"})"sv,
    R"({"type": "Record", "attributes": {}})"sv,
    R"({"type": "Record", "attributes": null})"sv,
    R"({"type": "Record", "attributes": {"a": {"type": "Long", "required": false}}, "additionalAttributes": false})"sv,
    R"({"type": "Record", "attributes": {}, "additionalAttributes": true})"sv,
    R"({"type": "Record", "attributes": {"": {"type": "Long"}}})"sv,
    R"({"type": "Set"})"sv,
    R"({"type": "Set", "element": {"type": "Long"}})"sv,
    R"({"type": "Set", "element": {}})"sv,
    R"({"type": "Set", "element": {"type": "Long"}, "name": "a"})"sv,
    R"({"type": "Long", "element": {"type": "Long"}})"sv,
    R"({"type": "Long", "annotations": {"a": "b"}})"sv,
    R"({"type": "Long", "annotations": {"a": null}})"sv,
    R"({"type": 1})"sv,
    R"({"element": {"type": "Long"}})"sv,
    R"({"a": "b"})"sv,
    R"({"a": null})"sv,
    R"({"id": "a"})"sv,
    R"({"id": "a", "type": "Action"})"sv,
    R"({"id": "read", "type": "A::B::Action"})"sv,
    R"({"id": "a", "type": null})"sv,
    R"({"memberOfTypes": ["User"]})"sv,
    R"({"enum": ["a", "b"]})"sv,
    R"({"enum": []})"sv,
    R"({"enum": ["a"], "shape": {"type": "Record", "attributes": {}}})"sv,
    R"({"enum": ["a"], "annotations": {}})"sv,
    R"({"shape": {"type": "Record", "attributes": {"a": {"type": "Long"}}}})"sv,
    R"({"shape": {"type": "Long"}})"sv,
    R"({"tags": {"type": "String"}})"sv,
    R"({"appliesTo": null})"sv,
    R"({"appliesTo": {}})"sv,
    R"({"appliesTo": {"principalTypes": [], "resourceTypes": ["User"]}})"sv,
    R"({"memberOf": null})"sv,
    R"({"memberOf": []})"sv,
    R"({"appliesTo": {"principalTypes": ["User"], "resourceTypes": ["User"], "context": {"type": "User"}}})"sv,
    R"({"attributes": {}})"sv,
    R"({"attributes": {"a": 1}})"sv,
    R"({"entityTypes": {}, "actions": {}})"sv,
    R"({"entityTypes": {}})"sv,
    R"({"entityTypes": {}, "actions": {}, "commonTypes": {"a": {"type": "Long"}}})"sv,
    R"({"commonTypes": {}, "actions": {}})"sv,
    R"({"__entity": {"type": "User", "id": "a"}})"sv,
    R"({"__extn": {"fn": "ip", "arg": "::1"}})"sv,
    R"({"type": "User", "id": "a"})"sv,
    R"({"uid": {"type": "User", "id": "a"}, "attrs": {}, "parents": []})"sv,
    R"([1, 1])"sv,
    R"("1.0")"sv,
    R"(1.5)"sv,
    R"({"Value": 1})"sv,
    R"({"Value": true})"sv,
    R"({"Value": {"__entity": {"type": "User", "id": "a"}}})"sv,
    R"({"Var": "principal"})"sv,
    R"({"Var": "x"})"sv,
    R"({"Slot": "?principal"})"sv,
    R"({"Unknown": {"name": "a"}})"sv,
    R"({"Unknown": [{"Value": "a"}]})"sv,
    R"({"Value": {"__extn": {"fn": "ip", "arg": "::1"}}})"sv,
    R"({"Value": [1, "a"]})"sv,
    R"({"Value": {"a": 1}})"sv,
    R"({"Value": null})"sv,
    R"({"Value": {}})"sv,
    R"({"Value": 1.5})"sv,
    R"({"ip": [{"Value": "::1"}]})"sv,
    R"({"ip": []})"sv,
    R"({"nothing": []})"sv,
    R"({"isIpv4": [{"ip": [{"Value": "::1"}]}]})"sv,
    R"({"like": {"left": {"Value": "a"}, "pattern": ["Wildcard", {"Literal": "a*"}]}})"sv,
    R"({"like": {"left": {"Value": "a"}, "pattern": "a*"}})"sv,
    R"({"like": {"left": {"Value": "a"}, "pattern": [{"Literal": ""}, "wild"]}})"sv,
    R"({"has": {"left": {"Var": "context"}, "attr": "a"}})"sv,
    R"({"has": {"left": {"Var": "context"}, "attr": ["a", "b"]}})"sv,
    R"({"has": {"left": {"Var": "context"}, "attr": []}})"sv,
    R"({".": {"left": {"Var": "context"}, "attr": "a b"}})"sv,
    R"({"is": {"left": {"Var": "principal"}, "entity_type": "User"}})"sv,
    R"({"is": {"left": {"Var": "principal"}, "entity_type": "a b"}})"sv,
    R"({"is": {"left": {"Var": "principal"}, "entity_type": "User", "in": {"Var": "resource"}}})"sv,
    R"({"Set": [{"Value": 1}]})"sv,
    R"({"Record": {"a": {"Value": 1}}})"sv,
    R"({"!": {"arg": {"Value": true}}})"sv,
    R"({"neg": {"arg": {"Value": 1}}})"sv,
    R"({"==": {"left": {"Value": 1}, "right": {"Value": 1}}})"sv,
    R"({"==": {"left": {"Value": 1}}})"sv,
    R"({"Value": 1, "Var": "context"})"sv,
    R"({"if-then-else": {"if": {"Value": true}, "then": {"Value": 1}, "else": {"Value": 2}}})"sv,
    R"({"kind": "when", "body": {"Value": true}})"sv,
    R"({"kind": "unless", "body": {"Value": true}})"sv,
    R"({"op": "All"})"sv,
    R"({"op": "==", "slot": "?principal"})"sv,
    R"({"op": "==", "entity": {"type": "User", "id": "a"}})"sv,
    R"({"op": "in", "slot": "?resource"})"sv,
    R"({"op": "is", "entity_type": "User"})"sv,
    R"({"op": "==", "entity": {"__entity": {"type": "User", "id": "a"}}})"sv,
    R"({"op": "is", "entity_type": "User", "in": {"slot": "?principal"}})"sv,
    R"({"op": "in", "entities": [{"type": "Action", "id": "a"}]})"sv,
    R"({"op": "in", "entities": []})"sv,
    R"({"op": "in", "entity": {"type": "Action", "id": "a"}})"sv,
    R"({"op": "is", "entity_type": "User", "in": {"entity": {"type": "User", "id": "a"}}})"sv,
    R"({"op": "All", "x": 1})"sv,
    R"("permit")"sv,
    R"("when")"sv,
    R"({"templateId": "policy0", "newId": "l", "values": {"?principal": {"type": "User", "id": "a"}}})"sv};

using Pieces = std::vector<std::string>;

std::ptrdiff_t place(std::size_t at) {
  return static_cast<std::ptrdiff_t>(at);
}

// A byte where a character begins.
std::size_t character_at(Random& random, std::string_view text) {
  std::size_t at = random.below(text.size() + 1);
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

void change_character(Random& random, std::string& text) {
  const std::size_t at = character_at(random, text);
  const std::size_t size =
      at < text.size() ? codec::utf8_sequence_length(std::string_view(text).substr(at)) : 0;
  switch (random.below(3)) {
    case 0:
      text.insert(at, random.pick(kCharacters));
      break;
    case 1:
      text.erase(at, size);
      break;
    default:
      text.replace(at, size, random.pick(kCharacters));
      break;
  }
}

void change_tokens(Random& random, Pieces& pieces, const Pieces& others, const auto& words) {
  if (pieces.empty()) pieces.emplace_back(" ");
  const std::size_t at = random.below(pieces.size());
  const std::string word = " " + std::string(random.pick(words));
  switch (random.below(9)) {
    case 0:
    case 1:
      pieces.erase(pieces.begin() + place(at));
      break;
    case 2:
      pieces.insert(pieces.begin() + place(at), std::string(pieces[at]));
      break;
    case 3:
      std::swap(pieces[at], pieces[random.below(pieces.size())]);
      break;
    case 4:
      if (at + 1 < pieces.size()) std::swap(pieces[at], pieces[at + 1]);
      break;
    case 5:
      pieces[at] = word;
      break;
    case 6:
      pieces.insert(pieces.begin() + place(at), word);
      break;
    case 7: {
      const std::size_t end = std::min(pieces.size(), at + random.between(1, 8));
      pieces.erase(pieces.begin() + place(at), pieces.begin() + place(end));
      break;
    }
    default: {
      const Pieces& from = others.empty() || random.one_in(2) ? pieces : others;
      const std::size_t begin = random.below(from.size());
      const std::size_t end = std::min(from.size(), begin + random.between(1, 8));
      const Pieces taken(from.begin() + place(begin), from.begin() + place(end));
      pieces.insert(pieces.begin() + place(at), taken.begin(), taken.end());
      break;
    }
  }
}

void collect(codec::Json& json, std::vector<codec::Json*>& places) {
  places.push_back(&json);
  if (codec::Json::Array* array = json.if_array()) {
    for (codec::Json& element : *array) collect(element, places);
  } else if (codec::Json::Object* object = json.if_object()) {
    for (auto& [name, value] : *object) collect(value, places);
  }
}

// Leaves out, renames or adds.
void change_members(Random& random, codec::Json& json, const codec::Json& other) {
  const codec::Json value = other;  // it may lie within what changes
  if (codec::Json::Array* array = json.if_array()) {
    const auto at = place(random.below(array->size() + 1));
    if (random.one_in(2) || array->empty()) {
      array->insert(array->begin() + at, value);
    } else {
      array->erase(array->begin() + std::min(at, place(array->size() - 1)));
    }
  } else if (codec::Json::Object* object = json.if_object()) {
    const std::string name(random.pick(kJsonNames));
    if (object->empty() || random.one_in(3)) {
      json.set(name, value);
    } else if (random.one_in(2)) {
      object->erase(object->begin() + place(random.below(object->size())));
    } else if (json.find(name) == nullptr) {
      (*object)[random.below(object->size())].first = name;
    }
  }
}

// JSON has strings, words and punctuation; Cedar's tokens come close enough.
std::string mutated(Random& random, std::string_view text, std::string_view other, const auto& words) {
  Pieces pieces = tokens_of(text);
  const Pieces others = tokens_of(other);
  std::size_t changes = random.percent(70) ? 1 : random.between(2, 5);
  bool characters = false;
  for (; changes > 0; --changes) {
    if (random.one_in(5)) {
      characters = true;
    } else {
      change_tokens(random, pieces, others, words);
    }
  }
  std::string result = joined(pieces);
  if (characters) change_character(random, result);
  return result;
}

}  // namespace

std::string mutate(Random& random, std::string_view text, std::string_view other) {
  return mutated(random, text, other, kTokens);
}

std::string mutate_json(Random& random, std::string_view text) {
  return mutated(random, text, {}, kJsonTokens);
}

std::string rearrange_json(Random& random, std::string_view text) {
  auto json = codec::parse_json(text, {.max_depth = 1024});
  if (!json) return std::string(text);
  for (std::size_t i = random.percent(70) ? 1 : random.between(2, 4); i > 0; --i) {
    std::vector<codec::Json*> places;
    collect(*json, places);
    codec::Json& place = *random.pick(places);
    if (random.one_in(3)) {
      place = *codec::parse_json(random.pick(kJsonValues));
    } else if (random.one_in(2)) {
      place = codec::Json(*random.pick(places));
    } else {
      change_members(random, place, *random.pick(places));
    }
  }
  return json->dump();
}

std::string respace(Random& random, std::string_view text) {
  std::string result;
  cedar::Lexer lexer(text);
  for (cedar::Token token = lexer.next(); token.kind != cedar::TokenKind::kEnd; token = lexer.next()) {
    // Words need something between them; most other tokens do not.
    const bool apart = !random.one_in(10);
    if (apart) result += random.percent(70) ? " "sv : random.pick(kSpaces);
    if (random.one_in(15)) result += random.pick(kSpaces);
    result += token.text;
  }
  if (random.one_in(3)) result += random.pick(kSpaces);
  return result;
}

}  // namespace writ::differential
