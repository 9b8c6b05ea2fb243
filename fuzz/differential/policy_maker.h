// Policies for a schema, at random: scopes that admit one request environment or many, templates and their
// links, annotations, and conditions that are mostly well typed.
#pragma once

#include <string>
#include <vector>

#include "cedar/ast.h"
#include "cedar/schema.h"

#include "data_maker.h"
#include "expression_maker.h"
#include "random.h"

namespace writ::differential {

class PolicyMaker {
 public:
  // All are borrowed.
  PolicyMaker(Random& random, const cedar::Schema& schema, const Population& population);

  // False when the schema allows no request at all; then only an unconditional policy can be made.
  bool has_environments() const noexcept { return !environments_.empty(); }
  std::string policies(std::size_t count, std::vector<cedar::TemplateLink>& links);
  std::string expression();
  // Must have environments.
  const Environment& environment();

 private:
  std::string policy(std::size_t number, std::vector<cedar::TemplateLink>& links);
  std::string annotations();
  // A scope for the principal or the resource; true in `slot` when it has a slot.
  std::string scope(std::string_view variable, const std::string& type, bool& slot);
  std::string action_scope(const cedar::SchemaAction& action);
  cedar::EntityUid group_of(const std::string& type);
  std::string uid(const cedar::EntityUid& uid);

  Random& random_;
  const cedar::Schema& schema_;
  const Population& population_;
  std::vector<Environment> environments_;
  std::vector<Environment> focus_;
};

}  // namespace writ::differential
