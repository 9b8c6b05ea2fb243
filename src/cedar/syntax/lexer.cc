#include "cedar/syntax/lexer.h"

#include <array>

#include "base/characters.h"

namespace writ::cedar {
namespace {

bool is_identifier_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_identifier_part(char c) {
  return is_identifier_start(c) || is_digit(c);
}

// The size of one character of Unicode's White_Space at the beginning of the text; zero when there is none.
std::size_t space_size(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0);
  if (first == ' ' || (first >= '\t' && first <= '\r')) return 1;
  if (first == 0xc2) return byte(1) == 0x85 || byte(1) == 0xa0 ? 2 : 0;
  const unsigned rest = byte(1) << 8 | byte(2);
  if (first == 0xe1) return rest == 0x9a80 ? 3 : 0;  // U+1680
  if (first == 0xe3) return rest == 0x8080 ? 3 : 0;  // U+3000
  if (first != 0xe2) return 0;
  const bool blank = (rest >= 0x8080 && rest <= 0x808a) || rest == 0x80a8 || rest == 0x80a9 ||
                     rest == 0x80af || rest == 0x819f;  // U+2000-200A, 2028, 2029, 202F, 205F
  return blank ? 3 : 0;
}

std::size_t character_size(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0xf0) return 4;
  if (byte >= 0xe0) return 3;
  return byte >= 0xc0 ? 2 : 1;
}

constexpr std::array<std::string_view, 7> kTwoCharacters{"::", "==", "!=", "<=", ">=", "||", "&&"};
constexpr std::string_view kOneCharacter = "@.,;:(){}[]<>+-*/%!=";

}  // namespace

void Lexer::skip_space_and_comments() {
  for (;;) {
    const auto rest = text_.substr(at_);
    if (const auto size = space_size(rest)) {
      at_ += size;
    } else if (rest.starts_with("//")) {
      at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    } else {
      return;
    }
  }
}

Token Lexer::take(TokenKind kind, std::size_t size) {
  size = std::min(size, text_.size() - at_);
  const Token token{kind,
                    text_.substr(at_, size),
                    {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + size)}};
  at_ += size;
  return token;
}

std::size_t Lexer::string_size() const {
  for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] == '"') return i + 1 - at_;
    if (text_[i] != '\\') continue;
    ++i;  // an escaped character, whichever, except a line break
    if (i < text_.size() && text_[i] == '\n') return 0;
  }
  return 0;
}

Token Lexer::next() {
  skip_space_and_comments();
  const auto rest = text_.substr(at_);
  if (rest.empty()) return take(TokenKind::kEnd, 0);
  const char first = rest[0];
  const auto run = [&](std::size_t from, auto&& belongs) {
    std::size_t size = from;
    while (size < rest.size() && belongs(rest[size])) ++size;
    return size;
  };
  if (is_identifier_start(first)) return take(TokenKind::kIdentifier, run(1, is_identifier_part));
  if (is_digit(first)) return take(TokenKind::kNumber, run(1, is_digit));
  if (first == '"') {
    const auto size = string_size();
    return size > 0 ? take(TokenKind::kString, size) : take(TokenKind::kUnclosedString, rest.size());
  }
  if (first == '?' && rest.size() > 1 && is_identifier_start(rest[1]))
    return take(TokenKind::kSlot, run(2, is_identifier_part));
  for (const auto two : kTwoCharacters) {
    if (rest.starts_with(two)) return take(TokenKind::kPunctuation, 2);
  }
  if (kOneCharacter.find(first) != std::string_view::npos) return take(TokenKind::kPunctuation, 1);
  return take(TokenKind::kInvalid, character_size(first));
}

}  // namespace writ::cedar
