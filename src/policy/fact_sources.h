// What routes find in requests and sources are asked for, held against the schema and against each other: a
// fact has one type and one source (docs/facts.md, docs/asked-facts.md). Used where policies are loaded.
// Pure.
#pragma once

#include "cedar/entities.h"
#include "cedar/schema.h"
#include "config/world.h"
#include "context/vocabulary.h"
#include "decision/decision.h"
#include "facts/registry.h"
#include "files/issue.h"

namespace writ::policy {

// What the configuration names below `context.amounts` and `context.input`. Of a name with two types the
// first; check_facts() reports it.
context::OwnPaths own_paths(const config::World& world);

// `schema` may be null: then types are checked against each other only.
void check_facts(const config::World& world, const cedar::Schema* schema, const cedar::Entities& entities,
                 files::Issues& issues);

// What entities that are pushed are held against.
facts::Rules facts_rules(const config::World& world, const decision::PolicySnapshot& policies);

}  // namespace writ::policy
