// Texts that follow the grammar loosely and mean nothing: operators in a row without parentheses, reserved
// words as names, clauses twice or in the wrong place. They show whether both parsers refuse the same.
#pragma once

#include <string>

#include "random.h"

namespace writ::differential {

class WildMaker {
 public:
  // Borrowed.
  explicit WildMaker(Random& random) : random_(random) {}

  std::string expression() { return expression(random_.between(1, 4)); }
  std::string policy();
  std::string schema();

 private:
  // Whether to depart from the grammar now.
  bool odd() { return random_.one_in(12); }

  std::string expression(std::size_t depth);
  std::string relation(std::size_t depth);
  std::string unary(std::size_t depth);
  std::string member(std::size_t depth);
  std::string primary(std::size_t depth);
  std::string record(std::size_t depth);
  std::string arguments(std::size_t depth);
  std::string identifier();
  std::string name();
  std::string string();
  std::string number();
  std::string entity();
  std::string annotations();
  std::string scope(std::string_view variable);
  std::string declaration();
  std::string type(std::size_t depth);
  std::string schema_record(std::size_t depth);
  std::string names();
  std::string action_names();
  std::string list(std::string_view open, std::string_view close, std::size_t most, auto&& item);

  Random& random_;
};

}  // namespace writ::differential
