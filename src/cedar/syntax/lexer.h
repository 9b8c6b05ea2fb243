// The tokens of Cedar's policy syntax, with their places. White space and `//` comments are skipped. Private
// to the cedar module.
//
// Total: bytes that begin no token become a kInvalid token, and the parser says so. Text that is not UTF-8 is
// refused before (cedar/parse.h).
#pragma once

#include <cstdint>
#include <string_view>

#include "cedar/ast.h"

namespace writ::cedar {

enum class TokenKind : std::uint8_t {
  kEnd,
  kIdentifier,  // also every reserved word
  kNumber,
  kString,  // with its quotes, escapes not yet read
  kSlot,    // `?principal`
  kPunctuation,
  kInvalid,
  kUnclosedString,
};

struct Token {
  TokenKind kind;
  std::string_view text;
  Span span;

  bool is(std::string_view punctuation_or_word) const noexcept {
    return (kind == TokenKind::kPunctuation || kind == TokenKind::kIdentifier) && text == punctuation_or_word;
  }
};

class Lexer {
 public:
  // The text must outlive the lexer and its tokens, and have less than 4 GiB.
  explicit Lexer(std::string_view text) : text_(text) {}

  Token next();

 private:
  void skip_space_and_comments();
  Token take(TokenKind kind, std::size_t size);
  std::size_t string_size() const;  // zero: not closed

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace writ::cedar
