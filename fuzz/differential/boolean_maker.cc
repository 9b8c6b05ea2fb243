// The boolean half of ExpressionMaker: every operator and every test.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "expression_maker.h"
#include "words.h"

namespace writ::differential {
namespace {

using namespace std::literals;
using cedar::Type;
using cedar::TypeKind;

}  // namespace

Piece ExpressionMaker::guarded(Piece body, std::vector<std::string> guards) {
  // In the order in which they were needed, each once; a few are forgotten.
  std::vector<std::string> kept;
  for (std::string& guard : guards) {
    if (std::find(kept.begin(), kept.end(), guard) == kept.end() && !mistake() && !random_.one_in(80))
      kept.push_back(std::move(guard));
  }
  if (kept.empty()) return body;
  const std::string test = fmt::format("{}", fmt::join(kept, " && "));
  switch (random_.below(12)) {
    case 0:
      return {fmt::format("if {} then {} else {}", test, fit(std::move(body), Binding::kIf),
                          random_.one_in(2) ? "false" : "true"),
              Binding::kIf};
    case 1:
      return {fmt::format("!({}) || {}", test, fit(std::move(body), Binding::kAnd)), Binding::kOr};
    default:
      return {fmt::format("{} && {}", test, fit(std::move(body), Binding::kRelation)), Binding::kAnd};
  }
}

Piece ExpressionMaker::boolean(std::size_t depth) {
  ++nodes_;
  if (mistake()) return of(any_type(), depth / 2);
  if (depth == 0 && random_.one_in(3)) return leaf(Type(TypeKind::kBool), 0);
  if (random_.one_in(2)) return boolean_operation(depth);
  auto outer = std::exchange(pending_, {});
  Piece body = boolean_operation(depth);
  auto guards = std::exchange(pending_, std::move(outer));
  return guarded(std::move(body), std::move(guards));
}

Piece ExpressionMaker::boolean_operation(std::size_t depth) {
  const std::size_t less = depth > 0 ? depth - 1 : 0;
  if (depth > 0 && nodes_ < 40) {
    switch (random_.below(12)) {
      case 0:
      case 1:
        return chain(less);
      case 2:
        return {std::string(random_.one_in(8) ? random_.between(2, 5) : 1, '!') +
                    fit(boolean(less), Binding::kMember),
                Binding::kUnary};
      case 3:
        if (random_.one_in(2)) return if_then_else(Type(TypeKind::kBool), depth);
        return from_record(Type(TypeKind::kBool), depth);
      default:
        break;
    }
  }
  switch (random_.below(24)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return equality(less);
    case 4:
    case 5:
    case 6:
      return order(less);
    case 7:
    case 8:
    case 9:
      return membership(less);
    case 10:
    case 11:
    case 12:
      return set_operation(less);
    case 13:
    case 14:
      return has(less);
    case 15:
      return has_tag(less);
    case 16:
    case 17:
      return like(less);
    case 18:
    case 19:
      return is(less);
    case 20:
    case 21:
    case 22:
      return extension_test(less);
    default:
      return leaf(Type(TypeKind::kBool), 0);
  }
}

Piece ExpressionMaker::chain(std::size_t depth) {
  const bool all = random_.one_in(2);
  const Binding binding = all ? Binding::kAnd : Binding::kOr;
  Piece piece = boolean(depth);
  for (std::size_t i = random_.between(1, 3); i > 0; --i)
    piece = binary(std::move(piece), all ? "&&" : "||", boolean(depth), binding);
  return piece;
}

Piece ExpressionMaker::equality(std::size_t depth) {
  const Type type = any_type();
  return binary(of(type, depth), random_.percent(70) ? "==" : "!=", of(type, depth), Binding::kRelation);
}

Piece ExpressionMaker::order(std::size_t depth) {
  constexpr std::array kOperators{"<"sv, "<="sv, ">"sv, ">="sv};
  constexpr std::array kKinds{TypeKind::kLong, TypeKind::kLong, TypeKind::kDatetime, TypeKind::kDuration};
  const Type type(random_.pick(kKinds));
  return binary(of(type, depth), random_.pick(kOperators), of(type, depth), Binding::kRelation);
}

// Of any type, from the request or literal.
Piece ExpressionMaker::entity(std::size_t depth) {
  for (int tries = 0; tries < 8; ++tries) {
    const Type& type = random_.pick(paths_).type;
    if (type.is(TypeKind::kEntity)) return of(type, depth);
  }
  return of(paths_[random_.below(2)].type, depth);
}

Piece ExpressionMaker::membership(std::size_t depth) {
  const Path& path = random_.pick(paths_);
  const Type type = path.type.is(TypeKind::kEntity) ? path.type : paths_.front().type;
  Type above = type;
  const std::string& name = type.entity_types().front();
  const auto* declared = schema_.find_entity_type(name);
  if (declared != nullptr && !declared->ancestors.empty() && random_.percent(75))
    above = Type::entity(random_.pick(declared->ancestors)->name);
  const Type group = random_.percent(35) ? Type::set(above) : above;
  return binary(of(type, depth), "in", of(group, depth), Binding::kRelation);
}

Piece ExpressionMaker::set_operation(std::size_t depth) {
  Type element = any_type();
  for (int tries = 0; tries < 4; ++tries) {
    const Type& type = random_.pick(paths_).type;
    if (!type.is(TypeKind::kSet)) continue;
    element = type.element();
    break;
  }
  const Type set = Type::set(element);
  switch (random_.below(4)) {
    case 0:
      return method(of(set, depth), "contains", {of(element, depth)});
    case 1:
      return method(of(set, depth), "containsAll", {of(set, depth)});
    case 2:
      return method(of(set, depth), "containsAny", {of(set, depth)});
    default:
      return method(of(set, depth), "isEmpty", {});
  }
}

Piece ExpressionMaker::has(std::size_t depth) {
  Piece object;
  if (random_.one_in(8)) {
    object = of(any_type(), depth);
  } else {
    const Path* path = &random_.pick(paths_);
    for (int tries = 0; tries < 6 && !path->type.is(TypeKind::kEntity) && !path->type.is(TypeKind::kRecord);
         ++tries)
      path = &random_.pick(paths_);
    pending_.insert(pending_.end(), path->guards.begin(), path->guards.end());
    object = path->piece;
  }
  std::string names;
  if (random_.one_in(4)) {
    names = any_identifier(random_);
    for (std::size_t i = random_.between(1, 2); i > 0; --i)
      names += fmt::format(".{}", any_identifier(random_));
  } else {
    names = key(any_attribute(random_));
  }
  return {fmt::format("{} has {}", fit(std::move(object), Binding::kSum), names), Binding::kRelation};
}

Piece ExpressionMaker::has_tag(std::size_t depth) {
  Piece name = random_.percent(70) ? Piece{string_literal(random_, any_attribute(random_))}
                                   : of(Type(TypeKind::kString), depth);
  return method(entity(depth), random_.one_in(8) ? "getTag" : "hasTag", {std::move(name)});
}

Piece ExpressionMaker::like(std::size_t depth) {
  std::string pattern;
  for (std::size_t i = random_.below(4); i > 0; --i) {
    const std::string piece = string_literal(random_, any_string(random_), true);
    pattern += piece.substr(1, piece.size() - 2);
    if (random_.percent(70)) pattern += random_.one_in(8) ? "**" : "*";
  }
  if (random_.one_in(3)) pattern.insert(0, "*");
  if (random_.one_in(4)) {
    // Many ways to match.
    const auto any = [&](std::string_view characters, std::size_t most) {
      std::string text;
      for (std::size_t i = random_.below(most); i > 0; --i) text += random_.pick(characters);
      return text;
    };
    return {fmt::format("\"{}\" like \"{}\"", any("aab", 12), any("aab**", 10)), Binding::kRelation};
  }
  return {fmt::format("{} like \"{}\"", fit(of(Type(TypeKind::kString), depth), Binding::kSum), pattern),
          Binding::kRelation};
}

std::string ExpressionMaker::entity_type_name() {
  const auto& types = schema_.entity_types();
  if (types.empty() || random_.one_in(60)) return "Nobody";
  if (random_.one_in(40)) return "Action";
  return std::next(types.begin(), static_cast<std::ptrdiff_t>(random_.below(types.size())))->first;
}

Piece ExpressionMaker::is(std::size_t depth) {
  Piece object = entity(depth);
  std::string text = fmt::format("{} is {}", fit(std::move(object), Binding::kSum), entity_type_name());
  if (random_.one_in(3)) {
    const Type group = Type::entity(entity_type_name());
    text += " in " + fit(of(random_.one_in(3) ? Type::set(group) : group, depth), Binding::kSum);
  }
  return {std::move(text), Binding::kRelation};
}

Piece ExpressionMaker::extension_test(std::size_t depth) {
  const Type ip(TypeKind::kIp);
  const Type decimal(TypeKind::kDecimal);
  constexpr std::array kOfIp{"isIpv4"sv, "isIpv6"sv, "isLoopback"sv, "isMulticast"sv};
  constexpr std::array kOfDecimal{"lessThan"sv, "lessThanOrEqual"sv, "greaterThan"sv, "greaterThanOrEqual"sv};
  switch (random_.below(3)) {
    case 0:
      return method(of(ip, depth), random_.pick(kOfIp), {});
    case 1:
      return method(of(ip, depth), "isInRange", {of(ip, depth)});
    default:
      return method(of(decimal, depth), random_.pick(kOfDecimal), {of(decimal, depth)});
  }
}

}  // namespace writ::differential
