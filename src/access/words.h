// What is left of a policy, in words.
//
//   context.purpose == "support" && resource.owner == principal
//   → the purpose is `support`, and the resource's owner is the caller
//
// Pure.
#pragma once

#include <string>

#include "cedar/ast.h"

namespace writ::access {

std::string words_of(const cedar::Expr& expr);
// Of what a scope still says of the resource and what is left of the conditions; "" when that is nothing.
std::string words_of(const cedar::Policy& residual);
// Whether it reads attributes, tags or groups of entities that only a request names.
bool follows_entities(const cedar::Policy& residual);
// The same as Cedar writes it.
std::string cedar_of(const cedar::Policy& residual);

}  // namespace writ::access
