// Entities and requests for a schema, at random: conforming, or with a flaw here and there.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cedar/schema.h"

#include "case.h"
#include "random.h"

namespace writ::differential {

// The ids that entities of each type have in one case. Policies, entities and requests draw from the same
// few.
using Population = std::map<std::string, std::vector<std::string>, std::less<>>;
Population make_population(Random& random, const cedar::Schema& schema);

// Of the population mostly; any id otherwise.
cedar::EntityUid any_entity(Random& random, const Population& population, std::string_view type);

// Which types of principal and resource ask for which action.
struct Environment {
  std::string principal;
  const cedar::SchemaAction* action;
  std::string resource;
};

class DataMaker {
 public:
  // All three are borrowed.
  DataMaker(Random& random, const cedar::Schema& schema, const Population& population);

  std::string entities();
  // Of this environment, or nearly.
  AskedRequest request(const Environment& environment);

 private:
  bool flawed() { return flaws_per_thousand_ > 0 && random_.below(1000) < flaws_per_thousand_; }
  std::string text(std::string_view text) { return json_text(text); }
  std::string json_text(std::string_view text);
  std::string value(const cedar::Type& type, std::size_t depth = 0);
  std::string wrong_value();
  std::string any_reference();
  std::string reference(const cedar::EntityUid& uid, bool escaped);
  std::string extension(std::string_view constructor);
  std::string set(const cedar::Type& type, std::size_t depth);
  std::string record(const cedar::Attributes& attributes, std::size_t depth);
  std::string entity(const cedar::SchemaEntityType& type, const std::string& id);
  std::string parents(const cedar::SchemaEntityType& type, const std::string& id);
  std::string action(const cedar::SchemaAction& action);
  std::string object(std::vector<std::string> members);

  Random& random_;
  const cedar::Schema& schema_;
  const Population& population_;
  std::size_t flaws_per_thousand_;
  std::size_t implicit_percent_;  // how often escapes are left out, which only a schema allows
};

}  // namespace writ::differential
