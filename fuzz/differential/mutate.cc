#include "mutate.h"

#include <algorithm>
#include <array>
#include <vector>

#include "cedar/syntax/lexer.h"
#include "codec/json.h"
#include "codec/utf8.h"

#include "odd_pieces.h"
#include "tokens.h"
#include "words.h"

namespace writ::differential {
namespace {

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
