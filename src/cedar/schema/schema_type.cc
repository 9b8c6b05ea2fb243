#include "cedar/schema_type.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <set>

#include "base/check.h"
#include "cedar/parse.h"

namespace writ::cedar {
namespace {

constexpr std::array<std::pair<std::string_view, TypeKind>, 4> kExtensions{{
    {"ipaddr", TypeKind::kIp},
    {"decimal", TypeKind::kDecimal},
    {"datetime", TypeKind::kDatetime},
    {"duration", TypeKind::kDuration},
}};

constexpr std::size_t kMaxShownTypeBytes = 400;

bool includes(const EntityTypeNames& all, const EntityTypeNames& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

bool same_names(const Attributes& a, const Attributes& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) { return x.first == y.first; });
}

bool attribute_is_subtype(const AttributeType& a, const AttributeType& b, ValidationMode mode) {
  const bool presence =
      mode == ValidationMode::kStrict ? a.required == b.required : a.required || !b.required;
  return presence && is_subtype(a.type, b.type, mode);
}

// Every attribute of `b` is one of `a`, with a subtype.
bool attributes_are_subtype(const Attributes& a, const Attributes& b, ValidationMode mode) {
  return std::all_of(b.begin(), b.end(), [&](const auto& wanted) {
    const auto found = a.find(wanted.first);
    return found != a.end() && attribute_is_subtype(found->second, wanted.second, mode);
  });
}

bool record_is_subtype(const Type& a, const Type& b, ValidationMode mode) {
  if (a.is_open() && !b.is_open()) return false;
  const bool fewer_allowed = b.is_open() && mode == ValidationMode::kPermissive;
  if (!fewer_allowed && !same_names(a.attributes(), b.attributes())) return false;
  return attributes_are_subtype(a.attributes(), b.attributes(), mode);
}

std::optional<AttributeType> attribute_bound(const AttributeType& a, const AttributeType& b,
                                             ValidationMode mode) {
  if (mode == ValidationMode::kStrict && a.required != b.required) return std::nullopt;
  auto type = least_upper_bound(a.type, b.type, mode);
  if (!type) return std::nullopt;
  return AttributeType{*std::move(type), a.required && b.required};
}

std::optional<Type> record_bound(const Type& a, const Type& b, ValidationMode mode) {
  const bool strict = mode == ValidationMode::kStrict;
  const bool same = same_names(a.attributes(), b.attributes());
  if (strict && !same) return std::nullopt;
  Attributes common;
  for (const auto& [name, left] : a.attributes()) {
    const auto right = b.attributes().find(name);
    auto bound = right == b.attributes().end() ? std::nullopt : attribute_bound(left, right->second, mode);
    if (bound) {
      common.emplace(name, *std::move(bound));
    } else if (strict) {
      return std::nullopt;
    }
  }
  const bool all = same && common.size() == a.attributes().size();
  return Type::record(std::move(common), a.is_open() || b.is_open() || !all);
}

std::optional<Type> entity_bound(const Type& a, const Type& b, ValidationMode mode) {
  // In strict mode equal types are subtypes of each other, so what comes here differs.
  if (mode == ValidationMode::kStrict) return std::nullopt;
  if (a.is(TypeKind::kAnyEntity) || b.is(TypeKind::kAnyEntity)) return Type(TypeKind::kAnyEntity);
  EntityTypeNames all;
  std::set_union(a.entity_types().begin(), a.entity_types().end(), b.entity_types().begin(),
                 b.entity_types().end(), std::back_inserter(all));
  return Type::entities(std::move(all));
}

bool has_record_type(const RecordNode& record, const Type& type) {
  for (const auto& field : record) {
    const auto found = type.attributes().find(field.name->view());
    if (found == type.attributes().end()) {
      if (!type.is_open()) return false;
    } else if (!has_type(field.value, found->second.type)) {
      return false;
    }
  }
  return std::all_of(type.attributes().begin(), type.attributes().end(), [&](const auto& attribute) {
    return !attribute.second.required || record.find(attribute.first) != nullptr;
  });
}

void append_type(std::string& out, const Type& type);

void append_record(std::string& out, const Type& type) {
  out += '{';
  const char* separator = "";
  for (const auto& [name, attribute] : type.attributes()) {
    if (out.size() > kMaxShownTypeBytes) break;
    out += separator;
    separator = ", ";
    if (is_plain_attribute(name)) {
      out += name;
    } else {
      out += '"';
      append_escaped(out, name);
      out += '"';
    }
    out += attribute.required ? ": " : "?: ";
    append_type(out, attribute.type);
  }
  if (type.is_open()) out += type.attributes().empty() ? "..." : ", ...";
  out += '}';
}

void append_type(std::string& out, const Type& type) {
  if (out.size() > kMaxShownTypeBytes) {
    out += "...";
    return;
  }
  switch (type.kind()) {
    case TypeKind::kNever:
      out += "Never";
      return;
    case TypeKind::kTrue:
      out += "True";
      return;
    case TypeKind::kFalse:
      out += "False";
      return;
    case TypeKind::kBool:
      out += "Bool";
      return;
    case TypeKind::kLong:
      out += "Long";
      return;
    case TypeKind::kString:
      out += "String";
      return;
    case TypeKind::kEntity:
      out += fmt::format("{}", fmt::join(type.entity_types(), " | "));
      return;
    case TypeKind::kAnyEntity:
      out += "any entity";
      return;
    case TypeKind::kSet:
      out += "Set<";
      append_type(out, type.element());
      out += '>';
      return;
    case TypeKind::kAnySet:
      out += "Set<Any>";
      return;
    case TypeKind::kRecord:
      return append_record(out, type);
    case TypeKind::kIp:
    case TypeKind::kDecimal:
    case TypeKind::kDatetime:
    case TypeKind::kDuration:
      out += extension_type_name(type.kind());
      return;
  }
}

}  // namespace

Type Type::entity(std::string type) {
  return entities({std::move(type)});
}

Type Type::entities(EntityTypeNames types) {
  Type made(TypeKind::kEntity);
  made.content_ = std::make_shared<const EntityTypeNames>(std::move(types));
  return made;
}

Type Type::set(Type element) {
  Type made(TypeKind::kSet);
  made.height_ = static_cast<std::uint16_t>(element.height_ + 1);
  made.size_ = static_cast<std::uint32_t>(std::min(element.size() + 1, kMaxSize + 1));
  made.content_ = std::make_shared<const Type>(std::move(element));
  return made;
}

Type Type::record(Attributes attributes, bool open) {
  Type made(TypeKind::kRecord);
  made.open_ = open;
  std::size_t below = 0;
  std::size_t size = 1;
  for (const auto& [name, attribute] : attributes) {
    below = std::max(below, attribute.type.height());
    size = std::min(size + attribute.type.size(), kMaxSize + 1);
  }
  made.height_ = static_cast<std::uint16_t>(below + 1);
  made.size_ = static_cast<std::uint32_t>(size);
  made.content_ = std::make_shared<const Attributes>(std::move(attributes));
  return made;
}

const EntityTypeNames& Type::entity_types() const noexcept {
  WRIT_CHECK(kind_ == TypeKind::kEntity);
  return *static_cast<const EntityTypeNames*>(content_.get());
}

const Type& Type::element() const noexcept {
  WRIT_CHECK(kind_ == TypeKind::kSet);
  return *static_cast<const Type*>(content_.get());
}

const Attributes& Type::attributes() const noexcept {
  WRIT_CHECK(kind_ == TypeKind::kRecord);
  return *static_cast<const Attributes*>(content_.get());
}

std::string Type::to_string() const {
  std::string out;
  append_type(out, *this);
  return out;
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind_ != b.kind_ || a.open_ != b.open_ || a.size_ != b.size_) return false;
  if (a.content_ == b.content_) return true;
  if (a.kind_ == TypeKind::kEntity) return a.entity_types() == b.entity_types();
  return a.kind_ == TypeKind::kSet ? a.element() == b.element() : a.attributes() == b.attributes();
}

std::optional<Type> extension_type(std::string_view name) {
  for (const auto& [known, kind] : kExtensions) {
    if (known == name) return Type(kind);
  }
  return std::nullopt;
}

std::string_view extension_type_name(TypeKind kind) noexcept {
  for (const auto& [name, known] : kExtensions) {
    if (known == kind) return name;
  }
  return {};
}

bool is_subtype(const Type& a, const Type& b, ValidationMode mode) {
  if (a.is(TypeKind::kNever)) return true;
  if (a.is_bool() && b.is(TypeKind::kBool)) return true;
  if (a.is_set() && b.is(TypeKind::kAnySet)) return true;
  if (b.is(TypeKind::kAnyEntity) && a.is(TypeKind::kEntity)) return mode == ValidationMode::kPermissive;
  if (a.kind() != b.kind()) return false;
  if (a == b) return true;
  switch (a.kind()) {
    case TypeKind::kEntity:
      return mode == ValidationMode::kPermissive && includes(b.entity_types(), a.entity_types());
    case TypeKind::kSet:
      return is_subtype(a.element(), b.element(), mode);
    case TypeKind::kRecord:
      return record_is_subtype(a, b, mode);
    default:
      return true;
  }
}

std::optional<Type> least_upper_bound(const Type& a, const Type& b, ValidationMode mode) {
  if (is_subtype(a, b, mode)) return b;
  if (is_subtype(b, a, mode)) return a;
  if (a.is_bool() && b.is_bool()) return Type(TypeKind::kBool);
  if (a.is(TypeKind::kSet) && b.is(TypeKind::kSet)) {
    auto element = least_upper_bound(a.element(), b.element(), mode);
    if (!element) return std::nullopt;
    return Type::set(*std::move(element));
  }
  if (a.is(TypeKind::kRecord) && b.is(TypeKind::kRecord)) return record_bound(a, b, mode);
  if (a.is_entity() && b.is_entity()) return entity_bound(a, b, mode);
  return std::nullopt;
}

bool are_disjoint(const Type& a, const Type& b) {
  if (!a.is(TypeKind::kEntity) || !b.is(TypeKind::kEntity)) return false;
  return std::none_of(a.entity_types().begin(), a.entity_types().end(), [&](const std::string& type) {
    return std::binary_search(b.entity_types().begin(), b.entity_types().end(), type);
  });
}

bool has_type(Value value, const Type& type) {
  switch (type.kind()) {
    case TypeKind::kNever:
      return false;
    case TypeKind::kTrue:
    case TypeKind::kFalse:
      return value.is(Kind::kBool) && value.as_bool() == type.is(TypeKind::kTrue);
    case TypeKind::kBool:
      return value.is(Kind::kBool);
    case TypeKind::kLong:
      return value.is(Kind::kLong);
    case TypeKind::kString:
      return value.is(Kind::kString);
    case TypeKind::kEntity:
      return value.is(Kind::kEntity) &&
             std::binary_search(type.entity_types().begin(), type.entity_types().end(),
                                value.as_entity().type());
    case TypeKind::kAnyEntity:
      return value.is(Kind::kEntity);
    case TypeKind::kSet:
      return value.is(Kind::kSet) && std::all_of(value.as_set().begin(), value.as_set().end(),
                                                 [&](Value v) { return has_type(v, type.element()); });
    case TypeKind::kAnySet:
      return value.is(Kind::kSet);
    case TypeKind::kRecord:
      return value.is(Kind::kRecord) && has_record_type(value.as_record(), type);
    case TypeKind::kIp:
      return value.is(Kind::kIp);
    case TypeKind::kDecimal:
      return value.is(Kind::kDecimal);
    case TypeKind::kDatetime:
      return value.is(Kind::kDatetime);
    case TypeKind::kDuration:
      return value.is(Kind::kDuration);
  }
  return false;
}

}  // namespace writ::cedar
