#include "expression_maker.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "words.h"

namespace writ::differential {
namespace {

using namespace std::literals;
using cedar::Type;
using cedar::TypeKind;

constexpr std::size_t kMaxPaths = 120;
constexpr std::size_t kMaxNodes = 60;
constexpr std::array kBasicKinds{TypeKind::kBool,     TypeKind::kLong,    TypeKind::kString,
                                 TypeKind::kIp,       TypeKind::kLong,    TypeKind::kDecimal,
                                 TypeKind::kDatetime, TypeKind::kDuration};

std::string_view constructor_of(TypeKind kind) {
  return kind == TypeKind::kIp ? "ip" : cedar::extension_type_name(kind);
}

}  // namespace

ExpressionMaker::ExpressionMaker(Random& random, const cedar::Schema& schema, const Population& population,
                                 Environment environment)
    : random_(random), schema_(schema), population_(population) {
  const std::size_t kind = random.below(20);
  loose_ = random.one_in(6);
  mistakes_per_thousand_ = kind < 16 ? 0 : kind < 18 ? 12 : 70;
  const std::size_t depth = random.below(4);
  add_path({{"principal"}, Type::entity(environment.principal), {}}, depth);
  add_path({{"resource"}, Type::entity(environment.resource), {}}, depth);
  add_path({{"context"}, environment.action->context, {}}, std::max<std::size_t>(depth, 1));
  add_path({{"action"}, Type::entity(environment.action->uid.type), {}}, 1);
}

std::string ExpressionMaker::condition() {
  nodes_ = 0;
  pending_.clear();
  Piece piece = boolean(random_.between(1, 4));
  return fit(guarded(std::move(piece), std::move(pending_)), Binding::kIf);
}

std::string ExpressionMaker::expression() {
  nodes_ = 0;
  pending_.clear();
  const Type type = any_type();
  Piece piece = of(type, random_.between(1, 4));
  if (!pending_.empty() && random_.one_in(2)) {
    Piece test{fmt::format("{}", fmt::join(pending_, " && ")), Binding::kAnd};
    piece = {fmt::format("if {} then {} else {}", test.text, piece.text, leaf(type, 0).text), Binding::kIf};
  }
  return fit(std::move(piece), Binding::kIf);
}

bool ExpressionMaker::mistake(std::size_t one_in) {
  return mistakes_per_thousand_ > 0 && random_.below(1000) < mistakes_per_thousand_ && random_.one_in(one_in);
}

// Paths.

void ExpressionMaker::add_path(Path path, std::size_t depth) {
  if (paths_.size() >= kMaxPaths) return;
  paths_.push_back(path);
  if (depth == 0) return;
  if (path.type.is(TypeKind::kRecord)) return add_attributes(path, path.type.attributes(), depth);
  if (!path.type.is(TypeKind::kEntity)) return;
  const auto* type = schema_.find_entity_type(path.type.entity_types().front());
  if (type == nullptr) return;
  add_attributes(path, type->attributes, depth);
  if (!type->tags) return;
  const std::string tag = string_literal(random_, any_attribute(random_));
  Path child{{fmt::format("{}.getTag({})", path.piece.text, tag)}, *type->tags, path.guards};
  child.guards.push_back(fmt::format("{}.hasTag({})", path.piece.text, tag));
  add_path(std::move(child), depth - 1);
}

void ExpressionMaker::add_attributes(const Path& path, const cedar::Attributes& attributes,
                                     std::size_t depth) {
  for (const auto& [name, attribute] : attributes) {
    Path child{{access(path.piece.text, name)}, attribute.type, path.guards};
    if (!attribute.required || random_.one_in(12)) {
      // `x has a` and then `x.a has b` is `x has a.b`.
      const auto dot = path.piece.text.rfind('.');
      const std::string before = dot == std::string::npos ? "" : path.piece.text.substr(0, dot) + " has ";
      const bool joined = !before.empty() && !child.guards.empty() && cedar::is_plain_attribute(name) &&
                          child.guards.back() == before + path.piece.text.substr(dot + 1) &&
                          random_.one_in(2);
      if (joined) {
        child.guards.back() += "." + name;
      } else {
        child.guards.push_back(fmt::format("{} has {}", path.piece.text, key(name)));
      }
    }
    add_path(std::move(child), depth - 1);
  }
}

const ExpressionMaker::Path* ExpressionMaker::path_of(const Type& type) {
  const Path* found = nullptr;
  std::size_t seen = 0;
  for (const Path& path : paths_) {
    const bool fits = path.type == type || (loose_ && path.type.kind() == type.kind() && random_.one_in(2));
    if (fits && random_.one_in(++seen)) found = &path;
  }
  return found;
}

Type ExpressionMaker::any_type() {
  if (random_.percent(65)) return random_.pick(paths_).type;
  if (random_.one_in(12)) return Type::set(Type(random_.pick(kBasicKinds)));
  return Type(random_.pick(kBasicKinds));
}

// Text.

std::string ExpressionMaker::fit(Piece piece, Binding binding) {
  const bool needed = piece.binding < binding;
  if (needed ? !mistake(100) : random_.one_in(25)) return "(" + piece.text + ")";
  return std::move(piece.text);
}

Piece ExpressionMaker::binary(Piece left, std::string_view op, Piece right, Binding binding) {
  // Relations do not chain; the others group to the left.
  const auto tighter = static_cast<Binding>(static_cast<int>(binding) + 1);
  const Binding on_left = binding == Binding::kRelation ? tighter : binding;
  return {fmt::format("{} {} {}", fit(std::move(left), on_left), op, fit(std::move(right), tighter)),
          binding};
}

Piece ExpressionMaker::method(Piece object, std::string_view name, const std::vector<Piece>& arguments) {
  std::vector<std::string> texts;
  for (const Piece& argument : arguments) texts.push_back(fit(argument, Binding::kIf));
  return {fmt::format("{}.{}{}", fit(std::move(object), Binding::kMember), name,
                      list(std::move(texts), "(", ")"))};
}

std::string ExpressionMaker::list(std::vector<std::string> items, std::string_view open,
                                  std::string_view close) {
  const bool comma = !items.empty() && random_.one_in(30);
  return fmt::format("{}{}{}{}", open, fmt::join(items, ", "), comma ? "," : "", close);
}

std::string ExpressionMaker::key(std::string_view name) {
  return cedar::is_plain_attribute(name) && random_.percent(85) ? std::string(name)
                                                                : string_literal(random_, name);
}

std::string ExpressionMaker::access(std::string_view object, std::string_view name) {
  if (cedar::is_plain_attribute(name) && random_.percent(88)) return fmt::format("{}.{}", object, name);
  return fmt::format("{}[{}]", object, string_literal(random_, name));
}

std::string ExpressionMaker::entity_literal(const cedar::EntityUid& uid) {
  return uid.type + "::" + string_literal(random_, uid.id);
}

// Expressions of any type.

Piece ExpressionMaker::of(const Type& type, std::size_t depth) {
  ++nodes_;
  if (mistake()) return of(any_type(), depth / 2);
  if (type.is_bool()) return boolean(depth);
  if (depth == 0 || nodes_ > kMaxNodes || random_.percent(45)) return leaf(type, depth);
  return compound(type, depth);
}

Piece ExpressionMaker::compound(const Type& type, std::size_t depth) {
  if (random_.one_in(10)) return if_then_else(type, depth);
  if (random_.one_in(20)) return from_record(type, depth);
  if (loose_ && random_.one_in(3)) return if_then_else(type, depth);
  switch (type.kind()) {
    case TypeKind::kLong:
      return number(depth);
    case TypeKind::kDatetime:
    case TypeKind::kDuration:
      return datetime_or_duration(type.kind(), depth);
    case TypeKind::kSet:
      return set(type.element(), depth);
    case TypeKind::kRecord:
      return record(type.attributes(), depth);
    case TypeKind::kIp:
    case TypeKind::kDecimal:
      return constructed(constructor_of(type.kind()), depth);
    default:
      return leaf(type, depth);
  }
}

Piece ExpressionMaker::leaf(const Type& type, std::size_t depth) {
  const Path* path = random_.percent(75) ? path_of(type) : nullptr;
  if (path == nullptr) return literal(type, depth);
  pending_.insert(pending_.end(), path->guards.begin(), path->guards.end());
  return path->piece;
}

Piece ExpressionMaker::literal(const Type& type, std::size_t depth) {
  switch (type.kind()) {
    case TypeKind::kTrue:
    case TypeKind::kFalse:
    case TypeKind::kBool:
      return {random_.one_in(2) ? "true" : "false"};
    case TypeKind::kLong: {
      const std::int64_t value = any_long(random_);
      if (mistake(10)) return {"9223372036854775808"};
      if (random_.one_in(60)) return {fmt::format("00{}", static_cast<std::uint64_t>(value) >> 1)};
      return {std::to_string(value), value < 0 ? Binding::kUnary : Binding::kMember};
    }
    case TypeKind::kString:
      return {string_literal(random_, any_string(random_))};
    case TypeKind::kEntity: {
      const std::string& name = random_.pick(type.entity_types());
      if (!cedar::is_action_type(name)) return {entity_literal(any_entity(random_, population_, name))};
      const auto& actions = schema_.actions();
      return {entity_literal(
          std::next(actions.begin(), static_cast<std::ptrdiff_t>(random_.below(actions.size())))->first)};
    }
    case TypeKind::kIp:
    case TypeKind::kDecimal:
    case TypeKind::kDatetime:
    case TypeKind::kDuration:
      return constructed(constructor_of(type.kind()), 0);
    case TypeKind::kSet:
      return set(type.element(), depth / 2);
    case TypeKind::kRecord:
      return record(type.attributes(), depth / 2);
    default:
      return {"[]"};
  }
}

Piece ExpressionMaker::number(std::size_t depth) {
  const Type number(TypeKind::kLong);
  switch (random_.below(8)) {
    case 0:
    case 1:
      return binary(of(number, depth - 1), "+", of(number, depth - 1), Binding::kSum);
    case 2:
      return binary(of(number, depth - 1), "-", of(number, depth - 1), Binding::kSum);
    case 3:
    case 4:
      return binary(of(number, depth - 1), "*", of(number, depth - 1), Binding::kProduct);
    case 5: {
      const std::string inner = fit(of(number, depth - 1), Binding::kMember);
      return {std::string(random_.one_in(8) ? random_.between(2, 5) : 1, '-') + inner, Binding::kUnary};
    }
    default: {
      constexpr std::array kUnits{"toMilliseconds"sv, "toSeconds"sv, "toMinutes"sv, "toHours"sv, "toDays"sv};
      return method(of(Type(TypeKind::kDuration), depth - 1), random_.pick(kUnits), {});
    }
  }
}

Piece ExpressionMaker::datetime_or_duration(TypeKind kind, std::size_t depth) {
  const Type datetime(TypeKind::kDatetime);
  const Type duration(TypeKind::kDuration);
  if (random_.one_in(3)) return constructed(constructor_of(kind), depth);
  if (kind == TypeKind::kDatetime) {
    if (random_.one_in(3)) return method(of(datetime, depth - 1), "toDate", {});
    return method(of(datetime, depth - 1), "offset", {of(duration, depth - 1)});
  }
  if (random_.one_in(3)) return method(of(datetime, depth - 1), "toTime", {});
  return method(of(datetime, depth - 1), "durationSince", {of(datetime, depth - 1)});
}

Piece ExpressionMaker::constructed(std::string_view constructor, std::size_t depth) {
  // Strict validation wants a literal; permissive takes any string.
  if (depth > 0 && random_.one_in(40))
    return {fmt::format("{}({})", constructor, fit(of(Type(TypeKind::kString), depth - 1), Binding::kIf))};
  if (random_.one_in(300))
    return {fmt::format("{}({})", constructor, random_.one_in(2) ? "" : "\"1.0\", \"1.0\"")};
  return {fmt::format("{}({})", constructor, string_literal(random_, any_argument(random_, constructor)))};
}

Piece ExpressionMaker::set(const Type& element, std::size_t depth) {
  std::vector<std::string> elements;
  const std::size_t least = random_.one_in(60) ? 0 : 1;
  for (std::size_t i = random_.between(least, random_.one_in(40) ? 12 : 3); i > 0; --i)
    elements.push_back(fit(of(element, depth > 0 ? depth - 1 : 0), Binding::kIf));
  return {list(std::move(elements), "[", "]")};
}

Piece ExpressionMaker::record(const cedar::Attributes& attributes, std::size_t depth) {
  std::vector<std::string> members;
  for (const auto& [name, attribute] : attributes) {
    if (!attribute.required && random_.one_in(2)) continue;
    if (mistake()) continue;
    members.push_back(
        fmt::format("{}: {}", key(name), fit(of(attribute.type, depth > 0 ? depth - 1 : 0), Binding::kIf)));
  }
  return {list(std::move(members), "{", "}")};
}

Piece ExpressionMaker::if_then_else(const Type& type, std::size_t depth) {
  Piece test = boolean(depth - 1);
  Piece then = of(type, depth - 1);
  Piece otherwise = of(type, depth - 1);
  return {fmt::format("if {} then {} else {}", fit(std::move(test), Binding::kIf),
                      fit(std::move(then), Binding::kIf), fit(std::move(otherwise), Binding::kIf)),
          Binding::kIf};
}

Piece ExpressionMaker::from_record(const Type& type, std::size_t depth) {
  const std::string_view name = any_attribute(random_);
  std::string members = fmt::format("{}: {}", key(name), fit(of(type, depth - 1), Binding::kIf));
  const std::string_view other = any_attribute(random_);
  if (other != name || random_.one_in(30))
    members += fmt::format(", {}: {}", key(other), fit(leaf(any_type(), 0), Binding::kIf));
  return {access("{" + members + "}", name)};
}

}  // namespace writ::differential
