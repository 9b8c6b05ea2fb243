// Page: a long list in pieces, the newest first. Each piece says how to ask for the next one, by what was
// last in it and not by a number, so that what comes or goes meanwhile neither hides nor repeats anything.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"

namespace writ::control {

// In one answer.
inline constexpr std::size_t kMaxListed = 1000;
// Looked at for one answer: a caller that may see few of very many gets short pages, and others their turn.
inline constexpr std::size_t kMaxExamined = 10'000;

struct Page {
  using Place = std::pair<Instant, std::string>;  // when it began, and its id; as task::Registry::Place

  std::size_t limit = kMaxListed;
  std::optional<Place> after = {};

  // Does it come later in the list?
  bool shows(Instant at, const std::string& id) const { return !after || Place(at, id) < *after; }
};

// The same of what has no time: in the order of ids.
struct IdPage {
  std::size_t limit = kMaxListed;
  std::string after = {};  // an id, which need not be there (any more)
};

}  // namespace writ::control
