// Type: what the schema says a value is, and what the validator finds an expression to be. The validator's
// extra types (the type of no value, of `true` alone, of any entity, unions of entity types, open records)
// never come from a schema.
//
// Immutable and cheap to copy; copies share their content. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/value.h"

namespace writ::cedar {

enum class TypeKind : std::uint8_t {
  kNever,  // of no value
  kTrue,
  kFalse,
  kBool,
  kLong,
  kString,
  kEntity,     // one of some entity types
  kAnyEntity,  // of every entity type
  kSet,        // all elements are of one type
  kAnySet,     // of every set
  kRecord,
  kIp,
  kDecimal,
  kDatetime,
  kDuration,
};

struct AttributeType;
using Attributes = std::map<std::string, AttributeType, std::less<>>;
using EntityTypeNames = std::vector<std::string>;  // sorted, distinct, not empty

enum class ValidationMode : std::uint8_t { kStrict, kPermissive };

class Type {
 public:
  // How deep sets and records may nest. It bounds every recursion over types.
  static constexpr std::size_t kMaxHeight = 500;
  // How many types a type may hold, counted as often as they are used; it bounds what a walk over it costs.
  static constexpr std::size_t kMaxSize = 1 << 20;

  // Of the kinds without content.
  explicit Type(TypeKind kind) noexcept : kind_(kind) {}
  static Type boolean(bool value) noexcept { return Type(value ? TypeKind::kTrue : TypeKind::kFalse); }
  static Type entity(std::string type);
  static Type entities(EntityTypeNames types);
  static Type set(Type element);
  // An open record may have more attributes than are named.
  static Type record(Attributes attributes, bool open = false);

  TypeKind kind() const noexcept { return kind_; }
  bool is(TypeKind kind) const noexcept { return kind_ == kind; }
  bool is_bool() const noexcept { return kind_ >= TypeKind::kTrue && kind_ <= TypeKind::kBool; }
  bool is_entity() const noexcept { return is(TypeKind::kEntity) || is(TypeKind::kAnyEntity); }
  bool is_set() const noexcept { return is(TypeKind::kSet) || is(TypeKind::kAnySet); }
  bool is_extension() const noexcept { return kind_ >= TypeKind::kIp; }
  bool is_open() const noexcept { return open_; }
  // Each needs a type of that kind.
  const EntityTypeNames& entity_types() const noexcept;
  const Type& element() const noexcept;
  const Attributes& attributes() const noexcept;
  std::size_t height() const noexcept { return height_; }
  std::size_t size() const noexcept { return size_; }

  // As a schema writes it: `Set<Billing::Invoice>`.
  std::string to_string() const;

  friend bool operator==(const Type& a, const Type& b);

 private:
  TypeKind kind_;
  bool open_ = false;
  std::uint16_t height_ = 0;
  std::uint32_t size_ = 1;  // not above kMaxSize + 1
  std::shared_ptr<const void> content_;
};

struct AttributeType {
  Type type;
  bool required = true;
  friend bool operator==(const AttributeType&, const AttributeType&) = default;
};

// `ipaddr`, `decimal`, `datetime`, `duration`.
std::optional<Type> extension_type(std::string_view name);
std::string_view extension_type_name(TypeKind kind) noexcept;

// Whether every value of `a` is one of `b`. Strict mode knows no subtypes among entities and no records with
// more or fewer attributes.
bool is_subtype(const Type& a, const Type& b, ValidationMode mode);
// The smallest type above both, where there is one.
std::optional<Type> least_upper_bound(const Type& a, const Type& b, ValidationMode mode);
// Whether surely no value is of both types. Only told for entities.
bool are_disjoint(const Type& a, const Type& b);
// Whether the value is of that type.
bool has_type(Value value, const Type& type);

}  // namespace writ::cedar
