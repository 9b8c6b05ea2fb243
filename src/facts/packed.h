// Packed: one entity in as few bytes as it takes, made once when it is pushed, and unpacked into the arena of
// a request that reads it. The bytes never leave the process. Pure.
#pragma once

#include <string>

#include "cedar/entities.h"
#include "cedar/entity_json.h"
#include "facts/names.h"

namespace writ::facts {

std::string pack(const cedar::EntityDraft& entity, NameTable& names);
// Without ancestors.
cedar::Entity unpack(const char* bytes, const Names& names, cedar::Arena& arena);
// Whether it is the entity of that name.
bool is_of(const char* bytes, const Names& names, cedar::EntityRef uid) noexcept;

}  // namespace writ::facts
