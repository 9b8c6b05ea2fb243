// Where tests find data that is not theirs: in this source tree, and in the conformance data that lies beside
// it.
//
// They are functions that are compiled once, not macros, so that the same test compiles to the same object
// wherever the tree lies, and the compiler's cache finds it.
#pragma once

#include <string>
#include <string_view>

namespace writ {

// "/tests/cases/…" of this source tree; the path begins with a slash.
std::string source_path(std::string_view path = {});
// A folder of the conformance data: "json", "cedar". It may be absent.
std::string conformance_path(std::string_view folder);

}  // namespace writ
