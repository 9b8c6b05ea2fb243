// Texts that nest, and words that are long: up to Writ's limits and beyond.
#pragma once

#include "case.h"
#include "random.h"

namespace writ::differential {

Case make_deep_case(Random& random);

}  // namespace writ::differential
