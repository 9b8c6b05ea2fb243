// Value: what a Cedar expression evaluates to. Sixteen bytes, trivially copyable, and a view: text, sets,
// records and addresses live in the Arena that made them, which must outlive the value.
//
// Equality is Cedar's: by kind and content; sets ignore order and repetition. A value carries a hash, so
// unequal values nearly always differ without a look at their content.
//
//   Arena arena;
//   Value context = make_record(arena, {{"purpose", make_string(arena, "support")},
//                                       {"time", Value::datetime(Datetime::from(now))}});
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/result.h"
#include "cedar/ext_datetime.h"
#include "cedar/ext_decimal.h"
#include "cedar/ext_duration.h"
#include "cedar/ext_ip.h"
#include "cedar/symbols.h"

namespace writ::cedar {

enum class Kind : std::uint8_t {
  kBool,
  kLong,
  kString,
  kEntity,
  kSet,
  kRecord,
  kIp,
  kDecimal,
  kDatetime,
  kDuration,
};

// "bool", "long", "string", "entity", "set", "record", "ipaddr", "decimal", "datetime", "duration".
std::string_view kind_name(Kind kind) noexcept;

struct SetNode;
struct RecordNode;

class Value {
 public:
  static Value boolean(bool value) noexcept { return Value(Kind::kBool, 0, value ? 1 : 0); }
  static Value integer(std::int64_t value) noexcept { return Value(Kind::kLong, 0, value); }
  static Value decimal(Decimal value) noexcept { return Value(Kind::kDecimal, 0, value.ten_thousandths); }
  static Value datetime(Datetime value) noexcept { return Value(Kind::kDatetime, 0, value.epoch_ms); }
  static Value duration(CedarDuration value) noexcept { return Value(Kind::kDuration, 0, value.ms); }
  static Value string(const Text* text) noexcept { return Value(Kind::kString, text->hash, text); }
  static Value entity(EntityRef uid) noexcept { return Value(Kind::kEntity, uid.hash(), uid.raw()); }
  static Value set(const SetNode* node) noexcept;
  static Value record(const RecordNode* node) noexcept;

  Kind kind() const noexcept { return kind_; }
  bool is(Kind kind) const noexcept { return kind_ == kind; }

  // Each needs the value to be of that kind; asking for another is a defect in Writ.
  bool as_bool() const noexcept { return expect(Kind::kBool).bits_ != 0; }
  std::int64_t as_long() const noexcept { return expect(Kind::kLong).bits_; }
  std::string_view as_string() const noexcept { return as_text()->view(); }
  const Text* as_text() const noexcept { return static_cast<const Text*>(expect(Kind::kString).pointer_); }
  EntityRef as_entity() const noexcept {
    return EntityRef(static_cast<const Uid*>(expect(Kind::kEntity).pointer_));
  }
  const SetNode& as_set() const noexcept { return *static_cast<const SetNode*>(expect(Kind::kSet).pointer_); }
  const RecordNode& as_record() const noexcept {
    return *static_cast<const RecordNode*>(expect(Kind::kRecord).pointer_);
  }
  const Ip& as_ip() const noexcept { return *static_cast<const Ip*>(expect(Kind::kIp).pointer_); }
  Decimal as_decimal() const noexcept { return {expect(Kind::kDecimal).bits_}; }
  Datetime as_datetime() const noexcept { return {expect(Kind::kDatetime).bits_}; }
  CedarDuration as_duration() const noexcept { return {expect(Kind::kDuration).bits_}; }

  // As Cedar writes it: `[1, 2]`, `{"a": User::"b"}`, `ip("10.0.0.1/32")`; elements in a stable order.
  std::string to_string() const;

  std::uint32_t hash() const noexcept { return hash_; }

  friend bool operator==(Value a, Value b) noexcept {
    if (a.kind_ != b.kind_ || a.hash_ != b.hash_) return false;
    return a.bits_ == b.bits_ || (a.has_content() && same_content(a, b));
  }
  // A total order that agrees with ==. It is stable within a process only; do not store or show it.
  friend int compare(Value a, Value b) noexcept;
  friend Value make_ip(Arena& arena, const Ip& ip);

 private:
  Value(Kind kind, std::uint32_t hash, std::int64_t bits) noexcept : kind_(kind), hash_(hash), bits_(bits) {}
  Value(Kind kind, std::uint32_t hash, const void* pointer) noexcept
      : kind_(kind), hash_(hash), bits_(reinterpret_cast<std::intptr_t>(pointer)) {}

  const Value& expect(Kind kind) const noexcept {
    WRIT_CHECK(kind_ == kind);
    return *this;
  }
  bool has_content() const noexcept { return kind_ >= Kind::kString && kind_ <= Kind::kIp; }
  static bool same_content(Value a, Value b) noexcept;

  Kind kind_;
  std::uint32_t hash_;
  union {
    std::int64_t bits_;
    const void* pointer_;
  };
};

// The elements are distinct and sorted by compare().
struct SetNode {
  std::uint32_t size;
  std::uint32_t hash;

  const Value* begin() const noexcept { return reinterpret_cast<const Value*>(this + 1); }
  const Value* end() const noexcept { return begin() + size; }
  bool contains(Value value) const noexcept;
  bool contains_all(const SetNode& other) const noexcept;
  bool contains_any(const SetNode& other) const noexcept;
};

// The fields have distinct names and are sorted by the names' hashes, which precede them in memory so that a
// look-up touches nothing else.
struct RecordNode {
  struct Field {
    const Text* name;
    Value value;
  };

  std::uint32_t size;
  std::uint32_t hash;

  const std::uint32_t* name_hashes() const noexcept {
    return reinterpret_cast<const std::uint32_t*>(this + 1);
  }
  const Field* begin() const noexcept {
    return reinterpret_cast<const Field*>(name_hashes() + ((size + 1) & ~std::uint32_t{1}));
  }
  const Field* end() const noexcept { return begin() + size; }
  // Null when there is no such field.
  const Value* find(const Text* name) const noexcept;
  const Value* find(std::string_view name) const noexcept;
};

inline Value Value::set(const SetNode* node) noexcept {
  return Value(Kind::kSet, node->hash, node);
}
inline Value Value::record(const RecordNode* node) noexcept {
  return Value(Kind::kRecord, node->hash, node);
}

using Field = std::pair<std::string_view, Value>;
using TextField = RecordNode::Field;

Value make_string(Arena& arena, std::string_view text);
Value make_entity(Arena& arena, std::string_view type, std::string_view id);
Value make_ip(Arena& arena, const Ip& ip);
Value make_set(Arena& arena, std::span<const Value> elements);
Value make_set(Arena& arena, std::initializer_list<Value> elements);
Value make_string_set(Arena& arena, std::span<const std::string> elements);
// The names must be distinct; a repeated name is a defect in Writ. Parsers check before.
Value make_record(Arena& arena, std::span<const Field> fields);
Value make_record(Arena& arena, std::initializer_list<Field> fields);
Value make_record(Arena& arena, std::span<const TextField> fields);
// The record with another value for a field that it has; one that it lacks is a defect in Writ.
Value with_value(Arena& arena, const RecordNode& record, const Text* name, Value value);
const RecordNode* empty_record() noexcept;
// A deep copy that lives as long as `arena`.
Value copy_value(Arena& arena, Value value);

// Applies the constructor of an extension type (`ip`, `decimal`, `datetime`, `duration`) to text.
// Fails with kInvalid when there is no such constructor or the text is not of its form.
Result<Value> construct_extension(Arena& arena, std::string_view function, std::string_view text);

}  // namespace writ::cedar
