// Expressions at random, well typed for one request environment of a schema, or with a type error here and
// there. What may be absent is tested with `has` or `hasTag` first, mostly.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cedar/schema.h"

#include "data_maker.h"
#include "random.h"

namespace writ::differential {

// How tightly the parts of an expression hold together; a looser one needs parentheses inside a tighter one.
enum class Binding { kIf, kOr, kAnd, kRelation, kSum, kProduct, kUnary, kMember };

struct Piece {
  std::string text;
  Binding binding = Binding::kMember;
};

class ExpressionMaker {
 public:
  // All but the environment are borrowed.
  ExpressionMaker(Random& random, const cedar::Schema& schema, const Population& population,
                  Environment environment);

  // Boolean, as a `when` or `unless` needs it.
  std::string condition();
  // Of any type.
  std::string expression();

 private:
  // Something that can be read from the request, and what has to be tested before.
  struct Path {
    Piece piece;
    cedar::Type type;
    std::vector<std::string> guards;
  };

  // expression_maker.cc: paths, and expressions of types other than Bool.
  void add_path(Path path, std::size_t depth);
  void add_attributes(const Path& path, const cedar::Attributes& attributes, std::size_t depth);
  const Path* path_of(const cedar::Type& type);
  cedar::Type any_type();
  Piece of(const cedar::Type& type, std::size_t depth);
  Piece compound(const cedar::Type& type, std::size_t depth);
  Piece leaf(const cedar::Type& type, std::size_t depth);
  Piece literal(const cedar::Type& type, std::size_t depth);
  Piece number(std::size_t depth);
  Piece datetime_or_duration(cedar::TypeKind kind, std::size_t depth);
  Piece constructed(std::string_view constructor, std::size_t depth);
  Piece set(const cedar::Type& element, std::size_t depth);
  Piece record(const cedar::Attributes& attributes, std::size_t depth);
  Piece if_then_else(const cedar::Type& type, std::size_t depth);
  Piece from_record(const cedar::Type& type, std::size_t depth);

  // boolean_maker.cc
  Piece boolean(std::size_t depth);
  Piece boolean_operation(std::size_t depth);
  Piece chain(std::size_t depth);
  Piece equality(std::size_t depth);
  Piece order(std::size_t depth);
  Piece membership(std::size_t depth);
  Piece set_operation(std::size_t depth);
  Piece has(std::size_t depth);
  Piece has_tag(std::size_t depth);
  Piece like(std::size_t depth);
  Piece is(std::size_t depth);
  Piece extension_test(std::size_t depth);
  Piece entity(std::size_t depth);
  Piece guarded(Piece body, std::vector<std::string> guards);

  // Whether to get something wrong now; the rarer the larger the number.
  bool mistake(std::size_t one_in = 1);
  // Text that fits where at least this binding is needed; sometimes with parentheses that nobody needs.
  std::string fit(Piece piece, Binding binding);
  Piece binary(Piece left, std::string_view op, Piece right, Binding binding);
  Piece method(Piece object, std::string_view name, const std::vector<Piece>& arguments);
  std::string entity_literal(const cedar::EntityUid& uid);
  std::string entity_type_name();
  std::string key(std::string_view name);
  std::string access(std::string_view object, std::string_view name);
  std::string list(std::vector<std::string> items, std::string_view open, std::string_view close);

  Random& random_;
  const cedar::Schema& schema_;
  const Population& population_;
  std::vector<Path> paths_;
  std::vector<std::string> pending_;  // guards of what was written since the last boolean
  std::size_t mistakes_per_thousand_;
  // Takes values of similar types for each other, which permissive validation often lets pass.
  bool loose_;
  std::size_t nodes_ = 0;
};

}  // namespace writ::differential
