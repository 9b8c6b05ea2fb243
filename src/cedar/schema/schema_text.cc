#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/result.h"
#include "cedar/schema/schema_parser.h"
#include "cedar/syntax/escape.h"
#include "codec/utf8.h"

namespace writ::cedar {
namespace {

constexpr std::array<std::string_view, 8> kReservedTypeNames{"Bool", "Boolean", "Entity", "Extension",
                                                             "Long", "Record",  "Set",    "String"};

// The words of the grammar that begin a declaration are no names of it, but may be names everywhere.
bool begins_declaration(const Token& token) {
  return token.is("entity") || token.is("action") || token.is("type") || token.is("namespace") ||
         token.is("@");
}

std::string shown_in_schema(const Token& token) {
  constexpr std::size_t kMaxShown = 40;
  if (token.kind == TokenKind::kEnd) return "the end of the text";
  if (token.text.size() > kMaxShown) return "a long token";
  return fmt::format("`{}`", token.text);
}

}  // namespace

bool is_reserved_type_name(std::string_view text) noexcept {
  return std::find(kReservedTypeNames.begin(), kReservedTypeNames.end(), text) != kReservedTypeNames.end();
}

bool is_type_reference(std::string_view text) noexcept {
  for (;;) {
    const auto end = text.find("::");
    const auto part = text.substr(0, end);
    if (part != "__cedar" && !is_plain_attribute(part)) return false;
    if (end == text.npos) return true;
    text.remove_prefix(end + 2);
  }
}

// Tokens.

void SchemaParser::advance() {
  last_end_ = token_.span.end;
  token_ = lexer_.next();
}

bool SchemaParser::accept(std::string_view text) {
  if (!token_.is(text)) return false;
  advance();
  return true;
}

// The lexer is that of policies, where `?` alone is no token.
bool SchemaParser::accept_question_mark() {
  if (token_.kind != TokenKind::kInvalid || token_.text != "?") return false;
  advance();
  return true;
}

Step<void> SchemaParser::expect(std::string_view text, std::string_view where) {
  if (!token_.is(text)) return unexpected(fmt::format("`{}` {}", text, where));
  advance();
  return {};
}

void SchemaParser::complain(Span span, std::string message, std::string help) {
  if (issues_.size() < kMaxIssues) issues_.push_back(make_issue(text_, span, message, help));
}

std::unexpected<Stop> SchemaParser::stop(Span span, std::string message, std::string help) {
  complain(span, std::move(message), std::move(help));
  return std::unexpected(Stop{});
}

std::unexpected<Stop> SchemaParser::unexpected(std::string_view expected) {
  if (token_.kind == TokenKind::kUnclosedString)
    return stop({token_.span.begin, token_.span.begin + 1}, "this string is not closed",
                "a string ends with `\"`; inside it, write `\\\"`");
  return stop(token_.span, fmt::format("unexpected {}, expected {}", shown_in_schema(token_), expected));
}

// Goes on where a declaration may begin: behind the next `;`, or behind the `}` that closes a namespace.
void SchemaParser::recover() {
  while (token_.kind != TokenKind::kEnd) {
    const bool ends = token_.is(";");
    advance();
    if (ends && (begins_declaration(token_) || token_.is("}"))) return;
  }
}

// Words.

Step<SchemaParser::Word> SchemaParser::identifier(std::string_view expected) {
  if (token_.kind != TokenKind::kIdentifier) return unexpected(expected);
  if (is_reserved_word(token_.text) && token_.text != "__cedar")
    return stop(token_.span, fmt::format("`{}` is a reserved word and cannot be a name", token_.text));
  Word word{std::string(token_.text), token_.span};
  advance();
  return word;
}

Step<SchemaParser::Word> SchemaParser::string() {
  if (token_.kind != TokenKind::kString) return unexpected("a string");
  auto text = unescape_string(token_.text.substr(1, token_.text.size() - 2));
  if (!text) {
    const auto at = token_.span.begin + 1;
    return stop({at + text.error().span.begin, at + text.error().span.end}, text.error().message);
  }
  Word word{*std::move(text), token_.span};
  advance();
  return word;
}

Step<SchemaParser::Word> SchemaParser::name(std::string_view expected) {
  return token_.kind == TokenKind::kString ? string() : identifier(expected);
}

Step<TypeName> SchemaParser::path(std::string_view expected) {
  Word first = TRY(identifier(expected));
  TypeName path{std::move(first.text), first.span};
  while (accept("::")) {
    const Word next = TRY(identifier("the rest of the name after `::`"));
    path.text += "::" + next.text;
    path.span.end = next.span.end;
  }
  return path;
}

Step<std::vector<TypeName>> SchemaParser::entity_types() {
  std::vector<TypeName> types;
  if (!accept("[")) {
    types.push_back(TRY(path("an entity type, or a list of them in brackets")));
    return types;
  }
  if (accept("]")) return types;
  do types.push_back(TRY(path("an entity type")));
  while (accept(","));
  TRY(expect("]", "after the entity types"));
  return types;
}

// `read`, `"read all"`, `Mail::Action::"read"`
Step<ActionName> SchemaParser::action_name() {
  const auto begin = token_.span.begin;
  if (token_.kind == TokenKind::kString) {
    Word id = TRY(string());
    return ActionName{{}, std::move(id.text), id.span};
  }
  std::string type;
  Word last = TRY(identifier("an action"));
  if (!token_.is("::")) return ActionName{{}, std::move(last.text), last.span};
  type = std::move(last.text);
  while (accept("::")) {
    if (token_.kind == TokenKind::kString) {
      Word id = TRY(string());
      return ActionName{std::move(type), std::move(id.text), since(begin)};
    }
    type += "::" + TRY(identifier("the action's id, a string, after `::`")).text;
  }
  return unexpected("`::` and the action's id, a string");
}

// Declarations.

SchemaFragment SchemaParser::schema() {
  SchemaFragment fragment;
  NamespaceDecl unnamed;
  while (token_.kind != TokenKind::kEnd && issues_.size() < kMaxIssues) {
    auto notes = annotations();
    if (!notes) {
      recover();
    } else if (accept("namespace")) {
      named_namespace(fragment, *std::move(notes));
    } else if (!declaration(unnamed, *std::move(notes))) {
      recover();
      if (token_.is("}")) advance();
    }
  }
  if (!unnamed.declares_nothing())
    fragment.namespaces.insert(fragment.namespaces.begin(), std::move(unnamed));
  return fragment;
}

void SchemaParser::named_namespace(SchemaFragment& fragment, std::vector<Annotation> annotations) {
  NamespaceDecl space;
  space.annotations = std::move(annotations);
  auto name = path("the namespace's name");
  if (!name || !expect("{", "after the namespace's name")) return recover();
  space.name = name->text;
  space.span = name->span;
  if (!is_entity_type_name(space.name))
    complain(name->span, fmt::format("`{}` is reserved and cannot be a namespace", space.name));
  const auto same = [&](const NamespaceDecl& other) { return other.name == space.name; };
  if (std::any_of(fragment.namespaces.begin(), fragment.namespaces.end(), same))
    complain(name->span, fmt::format("the namespace `{}` is declared twice", space.name),
             "put all its declarations into one block");
  while (!token_.is("}") && issues_.size() < kMaxIssues) {
    auto notes = this->annotations();
    if (notes && declaration(space, *std::move(notes))) continue;
    if (token_.kind == TokenKind::kEnd) return;
    recover();
  }
  if (accept("}")) fragment.namespaces.push_back(std::move(space));
}

Step<void> SchemaParser::declaration(NamespaceDecl& space, std::vector<Annotation> annotations) {
  depth_ = 0;
  if (accept("entity")) return entity(space, std::move(annotations));
  if (accept("action")) return action(space, std::move(annotations));
  if (accept("type")) return common_type(space, std::move(annotations));
  return unexpected(space.name.empty() ? "`entity`, `action`, `type` or `namespace`"
                                       : "`entity`, `action`, `type` or `}`");
}

void SchemaParser::check_declared_name(const Word& word) {
  if (word.text == "__cedar") complain(word.span, "`__cedar` is reserved and cannot be declared");
}

bool SchemaParser::first_of(std::string_view space, std::string_view kind, const Word& word) {
  if (declared_.insert(fmt::format("{} {} {}", kind, space, word.text)).second) return true;
  complain(word.span, fmt::format("the {} `{}` is declared twice", kind, word.text));
  return false;
}

Step<void> SchemaParser::entity(NamespaceDecl& space, std::vector<Annotation> annotations) {
  std::vector<Word> names;
  do names.push_back(TRY(identifier("the entity type's name")));
  while (accept(","));
  EntityTypeDecl decl;
  decl.annotations = std::move(annotations);
  TRY(entity_body(decl));
  TRY(expect(";", "after the entity type"));
  for (const Word& word : names) {
    check_declared_name(word);
    decl.name = {word.text, word.span};
    if (first_of(space.name, "entity type", word)) space.entity_types.push_back(decl);
  }
  return {};
}

Step<void> SchemaParser::entity_body(EntityTypeDecl& decl) {
  decl.shape.span = {last_end_, last_end_};
  if (accept("enum")) {
    TRY(expect("[", "before the ids of the enumerated entity type"));
    do decl.choices.push_back(TRY(string()).text);
    while (accept(","));
    return expect("]", "after the ids of the enumerated entity type");
  }
  if (accept("in")) decl.parents = TRY(entity_types());
  const bool equals = accept("=");
  if (equals || token_.is("{")) decl.shape = TRY(record());
  if (accept("tags")) decl.tags = TRY(type());
  return {};
}

Step<void> SchemaParser::action(NamespaceDecl& space, std::vector<Annotation> annotations) {
  std::vector<Word> names;
  do names.push_back(TRY(name("the action's name")));
  while (accept(","));
  ActionDecl decl;
  decl.annotations = std::move(annotations);
  decl.applies_to.emplace();
  if (accept("in")) {
    decl.parents.emplace();
    const bool many = accept("[");
    do decl.parents->push_back(TRY(action_name()));
    while (many && accept(","));
    if (many) TRY(expect("]", "after the actions"));
  }
  if (accept("appliesTo")) decl.applies_to = TRY(applies_to(names.front()));
  if (accept("attributes")) {
    TRY(expect("{", "after `attributes`"));
    TRY(expect("}", ": actions have no attributes"));
  }
  TRY(expect(";", "after the action"));
  for (const Word& word : names) {
    decl.id = word.text;
    decl.span = word.span;
    if (first_of(space.name, "action", word)) space.actions.push_back(decl);
  }
  return {};
}

Step<AppliesTo> SchemaParser::applies_to(const Word& action) {
  AppliesTo applies;
  std::set<std::string_view> seen;
  TRY(expect("{", "after `appliesTo`"));
  do TRY(applies_to_item(applies, seen));
  while (accept(",") && !token_.is("}"));
  TRY(expect("}", "or `,` in `appliesTo`"));
  for (const std::string_view part : {"principal", "resource"}) {
    if (!seen.contains(part))
      complain(
          action.span, fmt::format("`appliesTo` of the action `{}` has no `{}`", action.text, part),
          fmt::format("add `{}: [...]`, or leave out `appliesTo` when the action applies to nothing", part));
  }
  return applies;
}

Step<void> SchemaParser::applies_to_item(AppliesTo& applies, std::set<std::string_view>& seen) {
  const Token part = token_;
  if (!part.is("principal") && !part.is("resource") && !part.is("context"))
    return unexpected("`principal`, `resource` or `context`");
  advance();
  TRY(expect(":", "here"));
  if (!seen.insert(part.text).second) complain(part.span, fmt::format("`{}` is given twice", part.text));
  if (!part.is("context")) {
    auto types = TRY(entity_types());
    if (types.empty())
      complain(since(part.span.begin), fmt::format("`{}` has no entity type", part.text),
               "leave out `appliesTo` when the action applies to nothing");
    (part.is("principal") ? applies.principals : applies.resources) = std::move(types);
  } else if (token_.is("{")) {
    applies.context = TRY(record());
  } else {
    TypeName common = TRY(path("a record or the name of a common type"));
    applies.context = {TypeForm::kCommon, std::move(common.text), {}, {}, false, common.span};
  }
  return {};
}

Step<void> SchemaParser::common_type(NamespaceDecl& space, std::vector<Annotation> annotations) {
  const Word word = TRY(identifier("the type's name"));
  TRY(expect("=", "after the type's name"));
  TypeDecl decl = TRY(type());
  TRY(expect(";", "after the type"));
  check_declared_name(word);
  if (is_reserved_type_name(word.text))
    complain(word.span, fmt::format("`{}` is reserved and cannot be the name of a type", word.text));
  if (first_of(space.name, "type", word))
    space.common_types.push_back({{word.text, word.span}, std::move(decl), std::move(annotations)});
  return {};
}

Step<std::vector<Annotation>> SchemaParser::annotations() {
  std::vector<Annotation> list;
  while (token_.is("@")) {
    Annotation annotation;
    const auto begin = token_.span.begin;
    advance();
    if (token_.kind != TokenKind::kIdentifier) return unexpected("the annotation's name after `@`");
    annotation.name = token_.text;
    advance();
    if (accept("(")) {
      annotation.value = TRY(string()).text;
      TRY(expect(")", "after the annotation's value"));
    }
    annotation.span = since(begin);
    const auto same = [&](const Annotation& other) { return other.name == annotation.name; };
    if (std::any_of(list.begin(), list.end(), same))
      complain(annotation.span, fmt::format("the annotation `@{}` is given twice", annotation.name));
    else
      list.push_back(std::move(annotation));
  }
  return list;
}

// Types.

Step<TypeDecl> SchemaParser::type() {
  const auto begin = token_.span.begin;
  if (token_.is("{")) return record();
  TypeName named = TRY(path("a type"));
  if (named.text != "Set" || !token_.is("<"))
    return TypeDecl{TypeForm::kEntityOrCommon, std::move(named.text), {}, {}, false, named.span};
  advance();
  if (++depth_ > kMaxTypeNesting) return stop(named.span, "this type is nested too deeply");
  TypeDecl set;
  set.form = TypeForm::kSet;
  set.element.push_back(TRY(type()));
  TRY(expect(">", "after the set's type"));
  --depth_;
  set.span = since(begin);
  return set;
}

Step<TypeDecl> SchemaParser::record() {
  TypeDecl record;
  const auto begin = token_.span.begin;
  TRY(expect("{", "before the attributes"));
  if (++depth_ > kMaxTypeNesting) return stop(token_.span, "this type is nested too deeply");
  std::map<std::string, std::size_t> places;
  while (!token_.is("}")) {
    AttributeDecl decl = TRY(attribute());
    // Of two attributes with one name the reference keeps the latter; so it is here.
    const auto [place, first] = places.emplace(decl.name, record.attributes.size());
    if (first) {
      record.attributes.push_back(std::move(decl));
    } else {
      record.attributes[place->second] = std::move(decl);
    }
    if (!accept(",")) break;
  }
  TRY(expect("}", "or `,` after the attribute"));
  --depth_;
  record.span = since(begin);
  return record;
}

Step<AttributeDecl> SchemaParser::attribute() {
  AttributeDecl decl;
  decl.annotations = TRY(annotations());
  decl.name = TRY(name("an attribute or `}`")).text;
  decl.required = !accept_question_mark();
  TRY(expect(":", "after the attribute's name"));
  decl.type = TRY(type());
  return decl;
}

Parsed<SchemaFragment> parse_schema_text(std::string_view text) {
  const auto refused = [&](std::string_view message) {
    return std::unexpected(std::vector<Issue>{make_issue(text, {}, message)});
  };
  if (text.size() > kMaxSchemaBytes)
    return refused(fmt::format("the schema has {} bytes, at most {} are read", text.size(), kMaxSchemaBytes));
  if (!codec::valid_utf8(text)) return refused("the text is not valid UTF-8");
  SchemaParser parser(text);
  SchemaFragment fragment = parser.schema();
  if (!parser.issues().empty()) return std::unexpected(std::move(parser.issues()));
  return fragment;
}

}  // namespace writ::cedar
