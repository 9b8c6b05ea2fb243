// Text of a document as Writ's files may have it. Pure.
//
// Every piece that comes from outside goes through one of these, or through init/names.h.
#pragma once

#include <string>
#include <string_view>

namespace writ::init {

// A YAML scalar in quotes, which reads back as this very text.
std::string yaml(std::string_view text);
// One word of a shell command.
std::string shell(std::string_view text);
// A Cedar string literal, with its quotes.
std::string cedar_text(std::string_view text);
// An entity as Cedar writes it.
std::string cedar_entity(std::string_view type, std::string_view id);

}  // namespace writ::init
