#include "gateway/graphql.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "base/characters.h"
#include "codec/utf8.h"

namespace writ::gateway {
namespace {

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
// §2.1: what a document is made of. A text is a token without its value, which no decision reads.
struct Token {
  enum class Kind : std::uint8_t { kEnd, kMark, kName, kNumber, kText };
  Kind kind = Kind::kEnd;
  std::string_view text;  // of a mark or a name
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<Token> next() {
    skip_ignored();
    if (at_ == text_.size()) return Token{};
    if (++tokens_ > kMaxGraphqlTokens)
      return failure(ErrorCode::kLimit, fmt::format("has more than {} tokens", kMaxGraphqlTokens));
    const auto begin = at_;
    const char c = text_[at_];
    if (begins_name(c)) {
      while (at_ < text_.size() && (begins_name(text_[at_]) || is_digit(text_[at_]))) ++at_;
      return Token{Token::Kind::kName, text_.substr(begin, at_ - begin)};
    }
    if (c == '"') return text_.substr(at_, 3) == "\"\"\"" ? block_text() : line_text();
    if (c == '-' || is_digit(c)) return number();
    if (text_.substr(at_, 3) == "...") {
      at_ += 3;
      return Token{Token::Kind::kMark, text_.substr(begin, 3)};
    }
    if (std::string_view("!$&():=@[]{|}").find(c) == std::string_view::npos)
      return invalid("has a character that no token begins with");
    ++at_;
    return Token{Token::Kind::kMark, text_.substr(begin, 1)};
  }

 private:
  // §2.1.7: blanks, line ends, commas, comments, and the mark of Unicode's byte order.
  void skip_ignored() {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
        ++at_;
      } else if (text_.substr(at_, 3) == kByteOrderMark) {
        at_ += 3;
      } else {
        return;
      }
    }
  }

  // §2.9.1, §2.9.2. Neither a name nor another number follows at once.
  Result<Token> number() {
    const auto wrong = [] { return invalid("has a number that is not one"); };
    if (text_[at_] == '-') ++at_;
    const auto whole = digits();
    if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return wrong();
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      if (digits().empty()) return wrong();
    }
    if (at_ < text_.size() && (text_[at_] | 0x20) == 'e') {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (digits().empty()) return wrong();
    }
    if (at_ < text_.size() && (begins_name(text_[at_]) || text_[at_] == '.')) return wrong();
    return Token{Token::Kind::kNumber, {}};
  }

  std::string_view digits() {
    const auto begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // §2.9.4.
  Result<Token> line_text() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20 && c != '\t') return invalid("has a text with a control character");
      if (c == '\\') {
        ++at_;
        if (at_ == text_.size() || !skip_escape()) return invalid("has a text with an unknown escape");
      }
    }
    if (at_ == text_.size()) return invalid("has a text that does not end");
    ++at_;
    return Token{Token::Kind::kText, {}};
  }

  // At the character behind the backslash; leaves at_ at the last one of the escape.
  bool skip_escape() {
    if (std::string_view("\"\\/bfnrt").find(text_[at_]) != std::string_view::npos) return true;
    const auto hex = text_.substr(std::min(at_ + 1, text_.size()), 4);
    if (text_[at_] != 'u' || hex.size() < 4 || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos)
      return false;
    at_ += 4;
    return true;
  }

  Result<Token> block_text() {
    for (at_ += 3; at_ < text_.size(); ++at_) {
      if (text_.substr(at_, 4) == "\\\"\"\"") {
        at_ += 3;
      } else if (text_.substr(at_, 3) == "\"\"\"") {
        at_ += 3;
        return Token{Token::Kind::kText, {}};
      }
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
        return invalid("has a text with a control character");
    }
    return invalid("has a text that does not end");
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t tokens_ = 0;
};

// §2.1.1: control characters are none of a document's. U+2028 and U+2029 ended a line in drafts, so they do
// for readers that are made from an old grammar (graphql-java): behind one, what is a comment here is a field
// there.
bool has_other_line_ends(std::string_view document) {
  const bool control = std::ranges::any_of(document, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
  return control || document.contains("\u0085") || document.contains("\u2028") || document.contains("\u2029");
}

// What stands at the root of an operation or fragment.
struct Selections {
  std::vector<std::string_view> fields, spreads;
};

struct Operation {
  GraphqlKind kind;
  std::string_view name;
  Selections root;
};

// §2.2 to §2.12, by recursive descent. What is below the root is read and forgotten.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<void> read() {
    TRY(advance());
    do {
      TRY(definition());
    } while (token_.kind != Token::Kind::kEnd);
    return {};
  }

  // §6.1.
  Result<const Operation*> pick(std::optional<std::string_view> name) const {
    if (operations_.empty()) return invalid("has no operation");
    for (const auto& each : operations_)
      if (each.name.empty() && operations_.size() > 1)
        return invalid("has an operation without a name beside others");
    if (!name) {
      if (operations_.size() > 1) return invalid("has more than one operation, and none is named");
      return &operations_.front();
    }
    const auto found = std::ranges::find(operations_, *name, &Operation::name);
    if (name->empty() || found == operations_.end())
      return invalid("does not have the operation that is named");
    return &*found;
  }

  Result<std::vector<std::string>> fields_of(const Operation& operation) const {
    std::set<std::string_view> fields, spread;
    std::vector<const Selections*> open{&operation.root};
    while (!open.empty()) {
      const auto* root = open.back();
      open.pop_back();
      fields.insert(root->fields.begin(), root->fields.end());
      for (const auto name : root->spreads) {
        if (!spread.insert(name).second) continue;
        const auto fragment = fragments_.find(name);
        if (fragment == fragments_.end()) return invalid("spreads a fragment that is not there");
        open.push_back(&fragment->second);
      }
    }
    if (fields.empty()) return invalid("has an operation of nothing but fragments that spread each other");
    return std::vector<std::string>(fields.begin(), fields.end());
  }

 private:
  using Kind = Token::Kind;

  Result<void> advance() {
    token_ = TRY(lexer_.next());
    return {};
  }
  bool is(std::string_view mark) const { return token_.kind == Kind::kMark && token_.text == mark; }
  Result<bool> take(std::string_view mark) {
    if (!is(mark)) return false;
    TRY(advance());
    return true;
  }
  Result<void> expect(std::string_view mark) {
    if (!is(mark)) return invalid(fmt::format("lacks a `{}`", mark));
    return advance();
  }
  Result<std::string_view> name() {
    if (token_.kind != Kind::kName) return invalid("lacks a name");
    const auto text = token_.text;
    TRY(advance());
    return text;
  }

  Result<void> definition() {
    if (is("{")) {
      operations_.push_back({GraphqlKind::kQuery, {}, {}});
      return selections(&operations_.back().root, 0);
    }
    const auto word = TRY(name());
    if (word == "fragment") return fragment();
    for (const auto kind : {GraphqlKind::kQuery, GraphqlKind::kMutation, GraphqlKind::kSubscription})
      if (word == kind_name(kind)) return operation(kind);
    return invalid("has a definition that is not an operation and not a fragment");
  }

  Result<void> operation(GraphqlKind kind) {
    Operation made{kind, {}, {}};
    if (token_.kind == Kind::kName) made.name = TRY(name());
    if (!made.name.empty() && !names_.insert(made.name).second)
      return invalid("has two operations of one name");
    if (is("(")) TRY(variables());
    TRY(directives(0));
    TRY(selections(&made.root, 0));
    operations_.push_back(std::move(made));
    return {};
  }

  Result<void> fragment() {
    const auto own = TRY(name());
    if (own == "on") return invalid("has a fragment that is named `on`");
    if (TRY(name()) != "on") return invalid("has a fragment without its type");
    TRY(name());
    TRY(directives(0));
    Selections root;
    TRY(selections(&root, 0));
    if (!fragments_.emplace(own, std::move(root)).second) return invalid("has two fragments of one name");
    return {};
  }

  Result<void> variables() {
    TRY(expect("("));
    do {
      TRY(expect("$"));
      TRY(name());
      TRY(expect(":"));
      TRY(type(0));
      if (TRY(take("="))) TRY(value(0));
      TRY(directives(0));
    } while (!is(")"));
    return advance();
  }

  Result<void> type(std::size_t depth) {
    TRY(check(depth));
    if (TRY(take("["))) {
      TRY(type(depth + 1));
      TRY(expect("]"));
    } else {
      TRY(name());
    }
    TRY(take("!"));
    return {};
  }

  Result<void> directives(std::size_t depth) {
    while (TRY(take("@"))) {
      TRY(name());
      TRY(arguments(depth));
    }
    return {};
  }

  Result<void> arguments(std::size_t depth) {
    if (!TRY(take("("))) return {};
    do {
      TRY(name());
      TRY(expect(":"));
      TRY(value(depth + 1));
    } while (!is(")"));
    return advance();
  }

  Result<void> value(std::size_t depth) {
    TRY(check(depth));
    if (TRY(take("$"))) {
      TRY(name());
      return {};
    }
    if (TRY(take("["))) {
      while (!is("]")) TRY(value(depth + 1));
      return advance();
    }
    if (TRY(take("{"))) {
      while (!is("}")) {
        TRY(name());
        TRY(expect(":"));
        TRY(value(depth + 1));
      }
      return advance();
    }
    if (token_.kind == Kind::kEnd || token_.kind == Kind::kMark) return invalid("lacks a value");
    return advance();
  }

  // `root` is null below it: nobody asks what is there.
  Result<void> selections(Selections* root, std::size_t depth) {
    TRY(check(depth));
    TRY(expect("{"));
    do {
      if (TRY(take("..."))) {
        TRY(spread(root, depth));
      } else {
        TRY(field(root, depth));
      }
    } while (!is("}"));
    return advance();
  }

  Result<void> spread(Selections* root, std::size_t depth) {
    if (token_.kind == Kind::kName && token_.text != "on") {
      const auto fragment = TRY(name());
      if (root != nullptr) root->spreads.push_back(fragment);
      return directives(depth);
    }
    if (token_.kind == Kind::kName) {
      TRY(advance());
      TRY(name());
    }
    TRY(directives(depth));
    return selections(root, depth + 1);
  }

  Result<void> field(Selections* root, std::size_t depth) {
    auto own = TRY(name());
    if (TRY(take(":"))) own = TRY(name());
    if (root != nullptr) root->fields.push_back(own);
    TRY(arguments(depth));
    TRY(directives(depth));
    if (is("{")) return selections(nullptr, depth + 1);
    return {};
  }

  static Result<void> check(std::size_t depth) {
    if (depth < kMaxGraphqlDepth) return {};
    return failure(ErrorCode::kLimit, fmt::format("is more than {} deep", kMaxGraphqlDepth));
  }

  Lexer lexer_;
  Token token_;
  std::vector<Operation> operations_;
  std::set<std::string_view> names_;  // of operations
  std::map<std::string_view, Selections> fragments_;
};

}  // namespace

std::string_view kind_name(GraphqlKind kind) noexcept {
  switch (kind) {
    case GraphqlKind::kQuery:
      return "query";
    case GraphqlKind::kMutation:
      return "mutation";
    case GraphqlKind::kSubscription:
      return "subscription";
  }
  return "";
}

Result<GraphqlOperation> read_graphql(std::string_view document,
                                      std::optional<std::string_view> operation_name) {
  if (!codec::valid_utf8(document)) return invalid("the GraphQL document is not UTF-8");
  constexpr auto kWhat = "the GraphQL document";
  const auto in_document = [](Error error) {
    error.message.insert(0, " ").insert(0, kWhat);
    return std::unexpected(std::move(error));
  };
  Parser parser(document);
  if (auto read = parser.read(); !read) return in_document(std::move(read).error());
  if (has_other_line_ends(document))
    return in_document({ErrorCode::kInvalid,
                        "has a control character, or one at which some readers end a line (U+0085, U+2028, "
                        "U+2029); write it as an escape, or send it in a variable"});
  const auto picked = parser.pick(operation_name);
  if (!picked) return in_document(picked.error());
  auto fields = parser.fields_of(**picked);
  if (!fields) return in_document(std::move(fields).error());
  return GraphqlOperation{(*picked)->kind, std::string((*picked)->name), *std::move(fields)};
}

Result<GraphqlOperation> read_graphql_request(const codec::Json& body) {
  const auto* members = body.if_object();
  if (members == nullptr)
    return invalid(body.is_array() ? "a list of GraphQL requests is not read: send one at a time"
                                   : "the body is not a GraphQL request");
  for (const auto& [name, value] : *members) {
    if (name == "query" || name == "operationName") continue;
    if (name != "variables" && name != "extensions")
      return invalid(fmt::format("`{}` is not a member of a GraphQL request", name));
    if (!value.is_null() && !value.is_object()) return invalid(fmt::format("`{}` is not an object", name));
    if (value.find("persistedQuery") != nullptr && name == "extensions")
      return invalid("a persisted query is not read: send the document");
  }
  const auto* document = body.find_string("query");
  if (document == nullptr) return invalid("the GraphQL request has no document in `query`");
  const auto* name = body.find("operationName");
  if (name == nullptr || name->is_null()) return read_graphql(*document, std::nullopt);
  if (name->if_string() == nullptr) return invalid("`operationName` is not a text");
  return read_graphql(*document, *name->if_string());
}

}  // namespace writ::gateway
