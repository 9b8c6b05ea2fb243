// Makes a case smaller while it still shows the difference.
#pragma once

#include <functional>

#include "case.h"

namespace writ::differential {

// Drops requests, expressions, links, members of JSON, and tokens of policies and schema, as long as
// `still_differs`. Asks at most `max_questions` times.
Case shrink(Case found, const std::function<bool(const Case&)>& still_differs,
            std::size_t max_questions = 3000);

}  // namespace writ::differential
