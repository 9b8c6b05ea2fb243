#include "tokens.h"

#include "cedar/syntax/lexer.h"

namespace writ::differential {

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  cedar::Lexer lexer(text);
  std::size_t end = 0;
  while (end < text.size()) {
    const cedar::Token token = lexer.next();
    const std::size_t next = token.kind == cedar::TokenKind::kEnd ? text.size() : token.span.end;
    tokens.emplace_back(text.substr(end, next - end));
    end = next;
  }
  return tokens;
}

std::string joined(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

}  // namespace writ::differential
