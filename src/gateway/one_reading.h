// Whether every reader of a request finds the same in it: what is decided on must be what the API acts on.
//
// Not so where another reader could find another value: in a body of another charset, in a member, field or
// parameter whose name some reader takes for the same (codec/twin.h), in a number of more digits than a
// double holds. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "http/headers.h"

namespace writ::gateway {

// RFC 8259 §11, RFC 6839 §3.1: the body is JSON in UTF-8, whole, and not encoded.
bool is_json(const http::Headers& headers);
// Whether no reader finds in the body what stands in the query, though many frameworks hand out the fields of
// a form, the members of a JSON body and the parameters of the query as one. Of what is neither, only types
// that nobody reads parameters from are known to say nothing. A body without a type is a form to some (Rack).
// Nobody knows of a body that was not read (null) if it is JSON, or has no type; empty: there is none.
bool body_says_nothing_of(const http::Headers& headers, std::optional<std::string_view> body,
                          std::string_view name);
// Whether the body is no form, whose fields some frameworks let win over the parameters of the path (Spring's
// binding to an object does).
bool body_is_no_form(const http::Headers& headers, std::optional<std::string_view> body);
// The name of a parameter that no reader spells in two ways: letters, digits, `_`, `-` and `$`.
bool is_parameter_name(std::string_view name);
// Whether every reader of the query finds what we do: the parameter `name` where it is spelt so, and nowhere
// else.
bool reads_in_one_way(std::string_view query, std::string_view name);
// Whether no reader finds in the query what stands elsewhere.
bool query_says_nothing_of(std::string_view query, std::string_view name);
// The field of that name where it is given once, and no other could be taken for it.
std::optional<std::string_view> only_field(const http::Headers& headers, std::string_view name);
// Whether a number is the same to a reader that holds it as a double.
bool fits_double(std::string_view number) noexcept;

}  // namespace writ::gateway
