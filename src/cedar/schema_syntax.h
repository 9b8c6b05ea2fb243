// From text to schema fragment, and back: Cedar's schema syntax and its JSON form.
//
// Issues of the Cedar syntax carry their place. Issues of the JSON form have no place (line 0); their message
// names the declaration instead. Resolving the names is the business of cedar/schema.h.
//
// Pure and thread-safe. Limits end in an issue: the size of the text, the nesting of types, the number of
// issues (cedar/parse.h).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cedar/issue.h"
#include "cedar/parse.h"
#include "cedar/schema_fragment.h"
#include "codec/json.h"

namespace writ::cedar {

inline constexpr std::size_t kMaxSchemaBytes = 16 << 20;
inline constexpr std::size_t kMaxTypeNesting = 100;  // of sets and records within one declaration

Parsed<SchemaFragment> parse_schema_text(std::string_view text);
Parsed<SchemaFragment> parse_schema_json(std::string_view text);
Parsed<SchemaFragment> schema_fragment_from_json(const codec::Json& json);

// Both print what parses to a fragment of the same meaning. An action without principals or resources loses
// its `appliesTo` in the Cedar syntax, as in the reference: it applies to nothing.
codec::Json schema_to_json(const SchemaFragment& fragment);
// Fails with kUnsupported where the Cedar syntax has no words for the fragment.
Result<std::string> schema_to_text(const SchemaFragment& fragment);

// A name of identifiers that are not reserved, joined by `::`; `__cedar` may be among them.
bool is_type_reference(std::string_view text) noexcept;
// `Bool`, `Set`, `Entity`, ...: no common type may be called so.
bool is_reserved_type_name(std::string_view text) noexcept;

}  // namespace writ::cedar
