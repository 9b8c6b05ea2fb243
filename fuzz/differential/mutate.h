// Texts with something wrong in them: tokens left out, doubled, swapped and replaced, odd characters,
// comments and white space where nobody puts them. What goes in as UTF-8 comes out as UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "random.h"

namespace writ::differential {

// For policies, expressions and schemas. `other` is a text to take pieces from; may be empty.
std::string mutate(Random& random, std::string_view text, std::string_view other);
// For JSON.
std::string mutate_json(Random& random, std::string_view text);
// For JSON, value by value: what comes out is JSON again.
std::string rearrange_json(Random& random, std::string_view text);
// Text of the same tokens, laid out in another way.
std::string respace(Random& random, std::string_view text);

}  // namespace writ::differential
