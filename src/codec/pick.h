// Some members of a large object: JSON of which only these are looked at.
//
// For what was written by Writ itself and is read by the million, such as records of the audit. The text is
// held against the grammar, UTF-8 and the limits as by parse_json, and of the members that are asked for none
// may stand there twice. What is inside the others is not looked at.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace writ::codec {

// An object with those of the members that are there, in the order of the text. Fails as parse_json does, and
// with kInvalid when the text is no object. At most 64 names.
Result<Json> pick_members(std::string_view text, std::span<const std::string_view> names,
                          const JsonLimits& limits = {});

}  // namespace writ::codec
