// JSON Pointer (RFC 6901): one value inside a JSON text. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/json.h"

namespace writ::codec {

// Whether it is a pointer to something inside: `/amount`, `/lines/0/net`; not the empty one, the whole text.
bool is_json_pointer(std::string_view pointer) noexcept;

// Null when there is nothing.
const Json* at_pointer(const Json& json, std::string_view pointer);

// The same, and null also where another reader could find another value: where an object on the way has a
// member that some reader takes for the one that is named (codec/twin.h), or for it and those below in one
// name (`a.b` for `/a/b`). The names in the pointer are ASCII names.
const Json* at_pointer_alone(const Json& json, std::string_view pointer);
// The same, and tells apart what nobody finds (null) from what another reader could find elsewhere
// (kInvalid).
Result<const Json*> find_alone(const Json& json, std::string_view pointer);
// The names in a pointer, from the outside in.
std::vector<std::string> pointer_names(std::string_view pointer);

// A number as it is written, digit by digit; a Json holds one with a fraction as the nearest double. The text
// is one that parse_json() takes. Fails with kInvalid when no number is found there.
Result<std::string> number_text(std::string_view text, std::string_view pointer);

// Values as they are written, as parts of `text`, which is one that parse_json() takes. Member names on the
// way that are written with escapes are not found.
// The items of the array at the pointer (empty: the whole text); of those that are no objects, empty views.
// Fails with kInvalid when there is no array.
Result<std::vector<std::string_view>> object_texts(std::string_view text, std::string_view pointer);
// A number, text, boolean or null. Fails with kInvalid when there is nothing, or an array or object.
Result<std::string_view> scalar_text(std::string_view text, std::string_view pointer);

}  // namespace writ::codec
