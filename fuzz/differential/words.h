// The words that generated texts are made of: few enough that policies and data often mean the same, and odd
// enough that quoting, escaping and comparing go wrong where they can.
#pragma once

#include <string>
#include <string_view>

#include "random.h"

namespace writ::differential {

// Of an attribute, tag or record: some are no identifiers, some are reserved.
std::string_view any_attribute(Random& random);
std::string_view any_identifier(Random& random);
std::string_view any_entity_id(Random& random);
std::string_view any_string(Random& random);
std::int64_t any_long(Random& random);
// An argument of a constructor: mostly right, often at a boundary, sometimes wrong.
std::string any_ip(Random& random);
std::string any_decimal(Random& random);
std::string any_datetime(Random& random);
std::string any_duration(Random& random);
// By the constructor's name.
std::string any_argument(Random& random, std::string_view constructor);
// Whether the constructor takes it.
bool is_argument(std::string_view constructor, std::string_view text);

// A literal with its quotes; characters may be written as escapes. In a pattern a star stands for itself.
std::string string_literal(Random& random, std::string_view text, bool pattern = false);
std::string json_literal(Random& random, std::string_view text);

}  // namespace writ::differential
