// Nearest: which of some names was most likely meant by a word that is none of them. Pure.
#pragma once

#include <span>
#include <string_view>

namespace writ::codec {

// Empty when none is near: a third of the letters may be wrong, and of the shortest words one. `names` is
// borrowed by what is returned.
std::string_view nearest(std::string_view word, std::span<const std::string_view> names);

}  // namespace writ::codec
