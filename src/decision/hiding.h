// Hiding a claim: which policies give more to a request that says less? Policies are free to, so it is
// reported
// (`writ check`), not forbidden.
//
//   forbid (...) when { context has purpose && context.purpose == "export" };   // leave out the purpose
//   permit (...) unless { context has task };                                   // leave out the task
//
// Found in the text alone, by whether `context has` stands where its being false helps. A policy that the
// validator accepts reads what is optional nowhere else. Pure.
#pragma once

#include <string>
#include <vector>

#include "cedar/ast.h"

namespace writ::decision {

// The paths whose absence may help a request, as policies write them: `context.purpose`; each once, in the
// order of the text. Parts that help and hurt at the same time (`(context has a) == (context has b)`) count.
std::vector<std::string> helpful_absences(const cedar::Policy& policy);

}  // namespace writ::decision
