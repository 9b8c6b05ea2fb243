#include "policy/fact_sources.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "gateway/fact_finder.h"

namespace writ::policy {
namespace {

using gateway::FactSpec;

std::string called(const config::DeclaredRoute& route) {
  return fmt::format("route `{} {}`", route.method, route.path);
}

class Checker {
 public:
  Checker(const cedar::Schema* schema, const cedar::Entities& entities, files::Issues& issues)
      : schema_(schema), issues_(issues) {
    for (const cedar::Entity& entity : entities.all()) {
      for (const auto& field : *entity.attributes)
        in_file_.try_emplace({std::string(entity.uid.type()), std::string(field.name->view())},
                             entity.uid.to_string());
    }
  }

  void check(const config::DeclaredRoute& route, const FactSpec& fact) {
    const auto type = gateway::parse_fact_type(fact.type);
    if (!type) return;  // the route says it
    if (fact.of == FactSpec::Of::kInput) return check_input(route, fact, *type);
    check_attribute(route, fact, *type);
    const auto other = in_file_.find({route.resource_type, fact.name});
    if (other != in_file_.end())
      issues_.error(
          route.place,
          fmt::format("{} finds the attribute `{}` of `{}` in the request, and the entities file has "
                      "it for {}: a fact has one source",
                      called(route), fact.name, route.resource_type, other->second),
          "take it out of one of them");
  }

 private:
  void check_input(const config::DeclaredRoute& route, const FactSpec& fact, const cedar::Type& type) {
    const auto [known, added] = inputs_.try_emplace(fact.name, type, called(route));
    if (added || known->second.first == type) return;
    issues_.error(
        route.place,
        fmt::format("{} says that `context.input.{}` is of type `{}`, and {} says `{}`", called(route),
                    fact.name, type.to_string(), known->second.second, known->second.first.to_string()),
        "give one of them another name");
  }

  void check_attribute(const config::DeclaredRoute& route, const FactSpec& fact, const cedar::Type& type) {
    if (schema_ == nullptr) return;
    const auto* resource = schema_->find_entity_type(route.resource_type);
    if (resource == nullptr) return;
    const auto declared = resource->attributes.find(fact.name);
    if (declared == resource->attributes.end())
      return issues_.error(
          route.place,
          fmt::format("{} finds the attribute `{}`, which the schema does not declare for `{}`",
                      called(route), fact.name, route.resource_type),
          "add it to the schema");
    if (declared->second.type != type)
      return issues_.error(
          route.place,
          fmt::format("{} says that the attribute `{}` is of type `{}`, and the schema says `{}`",
                      called(route), fact.name, type.to_string(), declared->second.type.to_string()));
    if (declared->second.required)
      issues_.error(
          route.place,
          fmt::format("{} finds the attribute `{}` in the request, which may lack it, and the schema "
                      "says that every `{}` has it",
                      called(route), fact.name, route.resource_type),
          fmt::format("write `{}?` in the schema, so that policies ask whether it is there", fact.name));
  }

  const cedar::Schema* schema_;
  files::Issues& issues_;
  std::map<std::pair<std::string, std::string>, std::string> in_file_;  // type and attribute, of which entity
  std::map<std::string, std::pair<cedar::Type, std::string>, std::less<>> inputs_;  // by name; and the route
};

std::string called(const config::DeclaredSource& source) {
  return fmt::format("source `{}`", source.settings.name);
}

// Those that are asked, against the schema, the entities file and the routes.
class SourceChecker {
 public:
  SourceChecker(const config::World& world, const cedar::Schema* schema, const cedar::Entities& entities,
                files::Issues& issues)
      : world_(world), schema_(schema), entities_(entities), issues_(issues) {}

  void check(const config::DeclaredSource& source) {
    const auto& reading = source.settings.reading;
    if (schema_ == nullptr)
      return issues_.error(
          source.place,
          fmt::format("the {} needs a schema, which gives what it tells a type", called(source)),
          "name one in `policies.schemas`");
    const auto* type = schema_->find_entity_type(reading.type);
    if (type == nullptr)
      return issues_.error(source.place, fmt::format("the schema does not have the type `{}` of the {}",
                                                     reading.type, called(source)));
    for (const auto& name : reading.attributes) {
      if (!type->attributes.contains(name))
        issues_.error(
            source.place,
            fmt::format("the {} tells the attribute `{}`, which the schema does not declare for `{}`",
                        called(source), name, reading.type),
            "add it to the schema");
      check_file(source, name);
    }
    for (const auto& route : world_.routes) check_route(source, route);
  }

 private:
  void check_file(const config::DeclaredSource& source, const std::string& name) {
    for (const cedar::Entity& entity : entities_.all()) {
      if (entity.uid.type() != source.settings.reading.type || entity.attributes->find(name) == nullptr)
        continue;
      return issues_.error(
          source.place,
          fmt::format("the {} tells the attribute `{}` of `{}`, and the entities file has it for {}: a fact "
                      "has one source",
                      called(source), name, source.settings.reading.type, entity.uid.to_string()),
          "take it out of one of them");
    }
  }

  void check_route(const config::DeclaredSource& source, const config::DeclaredRoute& route) {
    const auto& type = source.settings.reading.type;
    const bool is_element = route.answer && route.answer->element_type == type;
    if (route.resource_type != type && !is_element) return;
    if (route.answer)
      return issues_.error(
          route.place,
          fmt::format("{} decides by the API's answer, and the {} is asked for facts about `{}`: one of them "
                      "decides",
                      called(route), called(source), type),
          "leave out `decide: on response`, or the source");
    if (route.is_public)
      return issues_.error(
          route.place,
          fmt::format("{} is public, and facts about `{}` are asked for: a stranger's request asks nobody",
                      called(route), type),
          "give it a type of its own");
    const auto told = [&](const std::string& name) {
      const auto& names = source.settings.reading.attributes;
      if (std::ranges::find(names, name) == names.end()) return;
      issues_.error(route.place,
                    fmt::format("{} says the attribute `{}` of `{}`, and the {} tells it too: a fact has one "
                                "source",
                                called(route), name, type, called(source)),
                    "take it out of one of them");
    };
    for (const auto& [name, text] : route.attributes) told(name);
    for (const auto& fact : route.facts)
      if (fact.of == FactSpec::Of::kResource) told(fact.name);
  }

  const config::World& world_;
  const cedar::Schema* schema_;
  const cedar::Entities& entities_;
  files::Issues& issues_;
};

}  // namespace

context::OwnPaths own_paths(const config::World& world) {
  context::OwnPaths own;
  for (const auto& route : world.routes) {
    // What is no name the route reports.
    for (const auto& [name, place] : route.amounts) {
      if (task::is_amount_name(name)) own.amounts.try_emplace(name, "decimal");
    }
    for (const auto& fact : route.facts) {
      const auto type = gateway::parse_fact_type(fact.type);
      if (type && fact.of == FactSpec::Of::kInput && task::is_amount_name(fact.name))
        own.input.try_emplace(fact.name, type->to_string());
    }
  }
  return own;
}

void check_facts(const config::World& world, const cedar::Schema* schema, const cedar::Entities& entities,
                 files::Issues& issues) {
  SourceChecker asked(world, schema, entities, issues);
  for (const auto& source : world.sources) asked.check(source);
  const bool any = std::ranges::any_of(world.routes, [](const auto& route) { return !route.facts.empty(); });
  if (!any) return;
  Checker checker(schema, entities, issues);
  for (const auto& route : world.routes) {
    for (const auto& fact : route.facts) checker.check(route, fact);
  }
}

facts::Rules facts_rules(const config::World& world, const decision::PolicySnapshot& policies) {
  facts::Rules rules{policies.schema, policies.entities, {}};
  for (const auto& route : world.routes) {
    // While it is not pushed yet the path's word would count, and then no more.
    for (const auto& [name, text] : route.attributes)
      rules.told.try_emplace({route.resource_type, name}, called(route));
    for (const auto& fact : route.facts) {
      if (fact.of == FactSpec::Of::kResource)
        rules.told.try_emplace({route.resource_type, fact.name}, called(route));
    }
  }
  for (const auto& source : world.sources) {
    for (const auto& name : source.settings.reading.attributes)
      rules.told.try_emplace({source.settings.reading.type, name}, called(source));
  }
  return rules;
}

}  // namespace writ::policy
