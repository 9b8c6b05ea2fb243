// Some parts of JSON, without a tree of the rest.
//
// Members: for what was written by Writ itself and is read by the million, such as records of the audit. The
// text is held against the grammar, UTF-8 and the limits as by parse_json, and of the members that are asked
// for none may stand there twice. What is inside the others is not looked at.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace writ::codec {

// An object with those of the members that are there, in the order of the text. Fails as parse_json does, and
// with kInvalid when the text is no object. At most 64 names.
Result<Json> pick_members(std::string_view text, std::span<const std::string_view> names,
                          const JsonLimits& limits = {});

// What pointers find in a text that all of parse_json()'s rules hold for, in everything that stands there.
struct PickedParts {
  std::string_view kind;                           // of the whole, as Json::kind() names it
  std::vector<Result<std::optional<Json>>> found;  // for each pointer, what find_alone() finds; or nothing
};
// Each pointer is the names in it (pointer_names()), and they are ASCII names. Fails as parse_json does.
Result<PickedParts> pick_alone(std::string_view text, std::span<const std::vector<std::string>> pointers,
                               const JsonLimits& limits = {});

}  // namespace writ::codec
