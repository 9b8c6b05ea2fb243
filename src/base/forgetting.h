// When something that refuses may be forgotten: a revocation, an identifier that was used.
//
// A clock alone does not say so, for it may be wrong. What had ended by a moment may be forgotten when the
// process has run on for `hold` since, by the time that nobody can set, and no reading in between was earlier
// than that moment. `hold` is as long as what is refused can live, so whatever the clock said, its life is
// over. A clock that was wrong at the start, or is set back, makes nothing be forgotten but later.
#pragma once

#include <optional>
#include <utility>

#include "base/clock.h"

namespace writ {

// Not thread-safe.
class Forgetting {
 public:
  explicit Forgetting(Duration hold) : hold_(hold) {}

  // What ended by the instant that it gives may be forgotten; to be asked from time to time.
  std::optional<Instant> until(Instant earliest, Duration running) {
    if (next_ && earliest < next_->end) next_.reset();
    if (agreed_ && earliest < *agreed_) agreed_.reset();
    if (next_ && running - next_->since >= hold_) agreed_ = std::exchange(next_, std::nullopt)->end;
    if (!next_) next_ = {earliest, running};
    return agreed_;
  }

 private:
  struct Moment {
    Instant end;
    Duration since;
  };
  const Duration hold_;
  std::optional<Moment> next_;
  std::optional<Instant> agreed_;
};

}  // namespace writ
