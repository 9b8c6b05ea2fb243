// A document that somebody else wrote, JSON or YAML, as one tree: an OpenAPI document for example.
//
// What begins with `{` is JSON (codec/json.h), everything else YAML (files/yaml.h). Both are read as strictly
// as Writ's own files, but may be nested deeper, have anchors, aliases and merge keys (`<<`) within a limit,
// and empty keys. A number that fits no 64 bits becomes the nearest double. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "files/issue.h"

namespace writ::files {

inline constexpr std::size_t kMaxDocumentBytes = 64 << 20;
inline constexpr int kMaxDocumentDepth = 256;

// Nothing when there are errors; they are in `issues`.
std::optional<codec::Json> parse_document(std::string_view text, const std::string& file, Issues& issues);

}  // namespace writ::files
