// Writ's base schema: the types of everything that policies see of Writ itself (docs/policy-context.md), in
// the Cedar syntax. Its `Context` is made from the vocabulary (context/vocabulary.h). Schemas of APIs name
// its types: `principal: [Writ::User], context: Writ::Context`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cedar/schema_fragment.h"
#include "context/vocabulary.h"

namespace writ::policy {

std::string_view base_schema_text();
// The same with what a configuration names below `context.amounts` and `context.input`.
std::string base_schema_text(const context::OwnPaths& own);

// The base schema without what the fragments declare themselves in the namespace `Writ`: an operator may give
// Writ's types further attributes by declaring them anew.
cedar::SchemaFragment base_schema_beside(const std::vector<cedar::SchemaFragment>& fragments,
                                         const context::OwnPaths& own = {});

}  // namespace writ::policy
