#include "mutate.h"

#include <array>
#include <vector>

#include "cedar/lexer.h"
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
