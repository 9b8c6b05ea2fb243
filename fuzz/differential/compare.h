// Where two answers to one case differ.
#pragma once

#include <string>
#include <vector>

#include "codec/json.h"

#include "case.h"

namespace writ::differential {

struct Difference {
  std::string path;  // "requests[2].outcome.allow"
  std::string writ;  // JSON; empty when absent
  std::string reference;

  // The path without indices and ids: two differences of the same kind likely have the same cause.
  std::string kind() const;
  std::string to_string() const;
};

// All differences, in the order of the answers; none when they agree. What stands under `complaints` and
// `printed` is not compared. Sets and records may list what they hold in any order.
std::vector<Difference> differences(const codec::Json& writ, const codec::Json& reference);

}  // namespace writ::differential
