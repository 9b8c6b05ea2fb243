// Strict JSON (RFC 8259) in and out; the only JSON parser in Writ.
//
// parse_json refuses what other parsers let pass: duplicate member names, invalid UTF-8, lone surrogates, a
// byte order mark, anything after the value, and more nesting or bytes than the limits allow. An integer
// stays exact or, outside int64, is refused rather than rounded; a number with a fraction or an exponent is a
// double.
//
// Json is an owned value tree with members in document order. Values are not thread-safe while being changed;
// const access is.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace writ::codec {

struct JsonLimits {
  std::size_t max_bytes = 1 << 20;
  std::size_t max_depth = 64;  // of arrays and objects; never more than 1024
};

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;  // in document order; names are unique

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(std::int64_t value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  static Json array() { return Json(Array()); }
  static Json object() { return Json(Object()); }
  static Json object(std::initializer_list<Member> members) { return Json(Object(members)); }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_double() const { return std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  // Each returns null when the value is of another kind.
  const bool* if_bool() const { return std::get_if<bool>(&value_); }
  const std::int64_t* if_int() const { return std::get_if<std::int64_t>(&value_); }
  const double* if_double() const { return std::get_if<double>(&value_); }
  const std::string* if_string() const { return std::get_if<std::string>(&value_); }
  const Array* if_array() const { return std::get_if<Array>(&value_); }
  const Object* if_object() const { return std::get_if<Object>(&value_); }
  Array* if_array() { return std::get_if<Array>(&value_); }
  Object* if_object() { return std::get_if<Object>(&value_); }

  // The member of that name, or null when there is none or this is not an object.
  const Json* find(std::string_view name) const;
  // The string member of that name, or null when absent or of another kind.
  const std::string* find_string(std::string_view name) const;

  // Adds or replaces a member; this must be an object.
  Json& set(std::string_view name, Json value);
  // Appends; this must be an array.
  Json& push(Json value);

  // "null", "boolean", "number", "string", "array" or "object", for messages.
  std::string_view kind() const;

  // Compact text, members in order, non-ASCII as UTF-8.
  std::string dump() const;
  // Indented by two spaces, for people.
  std::string pretty() const;

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

// Fails with kInvalid (and the byte offset where known) or kLimit.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// Hands the items of a JSON array to `visit`, in order. Only one item at a time stands as a tree, so a long
// array takes much less room than with parse_json. Fails like parse_json, with kInvalid when the text is no
// array, and with the first failure of `visit`; what comes behind an item may be found wrong only after it
// was visited.
Result<void> for_each_item(std::string_view text, const JsonLimits& limits,
                           const std::function<Result<void>(const Json&)>& visit);

// Appends text as a quoted JSON string.
void append_json_string(std::string& out, std::string_view text);
// Appends a text member: `,"name":"text"`. The name needs no escapes.
void append_json_member(std::string& out, std::string_view name, std::string_view text);

}  // namespace writ::codec
