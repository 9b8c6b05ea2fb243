// From syntax tree to text: policies that parse back to the same tree.
//
// Ids and links have no text form: a set's policies come out in the order in which they were written, the
// links of a template not at all (cedar/policy_json.h keeps both; cedar/link.h makes a policy of a link).
// Pure and thread-safe; every tree that cedar/parse.h or cedar/policy_json.h made can be printed.
#pragma once

#include <string>

#include "cedar/ast.h"

namespace writ::cedar {

// On one line, with no more parentheses than needed.
std::string print_expression(const Expr& expr);
// Laid out as by format_policies (cedar/format.h), with a line break at the end.
std::string print_policy(const Policy& policy);
std::string print_policies(const PolicySet& policies);

}  // namespace writ::cedar
