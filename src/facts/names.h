// Names: the types and attributes that pushed entities have, each kept once and called by its number. They
// are as many as schemas declare.
//
// NameTable belongs to the one thread that writes; what it published is immutable and shared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cedar/symbols.h"

namespace writ::facts {

struct Names {
  std::shared_ptr<const cedar::Arena> arena;  // that the texts live in
  std::vector<const cedar::Text*> texts;      // by number
};

class NameTable {
 public:
  // Numbers that were given stay.
  std::uint32_t number_of(std::string_view name);
  // All that were given so far.
  std::shared_ptr<const Names> names();

 private:
  std::shared_ptr<cedar::Arena> arena_ = std::make_shared<cedar::Arena>();
  std::unordered_map<std::string_view, std::uint32_t> numbers_;  // views into the arena
  std::vector<const cedar::Text*> texts_;
  std::shared_ptr<const Names> published_;
};

}  // namespace writ::facts
