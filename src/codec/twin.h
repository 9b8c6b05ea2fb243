// Twins: names that another reader could take for one and the same. `Amount`, `amount `, `a-mount`, and
// `ａｍｏｕｎｔ` in full width are all `amount` to some reader that ignores case, trims, binds to a
// language's own names, or normalises Unicode. So is `amount\0x` to one that holds names as C does, which end
// at a NUL.
//
// Own rules instead of Unicode's tables, and stricter than any of those readers: a character outside ASCII
// counts as whatever would make a twin, so nothing depends on which version of which table a reader has. Only
// letters of scripts that no case folding and no normalisation (UAX #15, NFKC) turns into ASCII are known not
// to be: Greek to Khmer and Mongolian, kana, ideographs and hangul. Names in those scripts stand beside an
// ASCII name without being its twin. Pure.
#pragma once

#include <string_view>

namespace writ::codec {

// Whether it has letters and digits of ASCII, at least one, and else at most other visible ASCII.
bool is_ascii_name(std::string_view name) noexcept;

// Could some reader take `other` for `name`, which is an ASCII name? The same name is its own twin.
bool may_read_as(std::string_view other, std::string_view name);

}  // namespace writ::codec
