// The recursive-descent parser of Cedar's schema syntax; private to the cedar module (cedar/schema_syntax.h).
//
// As in cedar/syntax/parser.h: whoever returns Stop has recorded the issue, and the parser goes on behind the
// next
// `;` or `}`.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/schema_fragment.h"
#include "cedar/schema_syntax.h"
#include "cedar/syntax/lexer.h"
#include "cedar/syntax/parser.h"

namespace writ::cedar {

class SchemaParser {
 public:
  explicit SchemaParser(std::string_view text) : text_(text), lexer_(text), token_(lexer_.next()) {}

  SchemaFragment schema();
  std::vector<Issue>& issues() noexcept { return issues_; }

 private:
  struct Word {
    std::string text;
    Span span;
  };

  // Tokens.
  void advance();
  bool accept(std::string_view text);
  bool accept_question_mark();
  Step<void> expect(std::string_view text, std::string_view where);
  std::unexpected<Stop> unexpected(std::string_view expected);
  std::unexpected<Stop> stop(Span span, std::string message, std::string help = {});
  void complain(Span span, std::string message, std::string help = {});
  void recover();
  Span since(std::uint32_t begin) const { return {begin, last_end_}; }

  // Words.
  Step<Word> identifier(std::string_view expected);
  Step<Word> name(std::string_view expected);  // an identifier or a string
  Step<Word> string();
  Step<TypeName> path(std::string_view expected);
  Step<std::vector<TypeName>> entity_types();
  Step<ActionName> action_name();

  // Declarations.
  void named_namespace(SchemaFragment& fragment, std::vector<Annotation> annotations);
  Step<void> declaration(NamespaceDecl& space, std::vector<Annotation> annotations);
  Step<void> entity(NamespaceDecl& space, std::vector<Annotation> annotations);
  Step<void> entity_body(EntityTypeDecl& decl);
  Step<void> action(NamespaceDecl& space, std::vector<Annotation> annotations);
  Step<AppliesTo> applies_to(const Word& action);
  Step<void> applies_to_item(AppliesTo& applies, std::set<std::string_view>& seen);
  Step<void> common_type(NamespaceDecl& space, std::vector<Annotation> annotations);
  Step<std::vector<Annotation>> annotations();
  Step<TypeDecl> type();
  Step<TypeDecl> record();
  Step<AttributeDecl> attribute();

  void check_declared_name(const Word& word);
  // Complains of a second declaration of one name; answers whether it is the first.
  bool first_of(std::string_view space, std::string_view kind, const Word& word);

  std::string_view text_;
  Lexer lexer_;
  Token token_;
  std::uint32_t last_end_ = 0;
  std::size_t depth_ = 0;
  std::vector<Issue> issues_;
  std::set<std::string> declared_;
};

}  // namespace writ::cedar
