// From values and plans back to expressions: what the partial evaluator and explanations show. Private to
// the cedar module; pure and thread-safe.
#pragma once

#include <vector>

#include "cedar/ast.h"
#include "cedar/plan/plan.h"
#include "cedar/value.h"

namespace writ::cedar {

// An expression that evaluates to the value, whatever the request.
Expr value_expression(Value value);

// The expression of one node over these operands; those of constants and variables are none.
Expr node_expression(const Plan& plan, NodeIndex at, std::vector<Expr> operands);
// The whole expression below a node.
Expr plan_expression(const Plan& plan, NodeIndex at);

// The nodes below a node, in the order in which they are evaluated.
std::vector<NodeIndex> operands_of(const Plan& plan, NodeIndex at);

// What a constraint of a scope says, as policies write it.
ScopeTerm scope_term(const ScopeConstraint& constraint);

}  // namespace writ::cedar
