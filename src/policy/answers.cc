#include "policy/answers.h"

#include <fmt/format.h>

namespace writ::policy {

void check_answers(const config::World& world, const cedar::Schema* schema, files::Issues& issues) {
  if (schema == nullptr) return;
  for (const auto& route : world.routes) {
    if (!route.answer) continue;
    const auto& name = route.answer->element_type.empty() ? route.resource_type : route.answer->element_type;
    const auto* type = schema->find_entity_type(name);
    if (type == nullptr) {
      issues.error(route.place, fmt::format("the schema does not have the type `{}` of this route", name));
      continue;
    }
    for (const auto& [attribute, pointer] : route.answer->attributes) {
      if (type->attributes.contains(attribute)) continue;
      issues.error(route.place,
                   fmt::format("the schema does not have the attribute `{}` of `{}`, which this route "
                               "takes from `{}` of the answer",
                               attribute, name, pointer));
    }
  }
}

}  // namespace writ::policy
