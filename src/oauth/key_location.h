// Where the keys of a provider are, when that is a URL, and how often they are fetched (oauth/issuer_keys.h).
// Plain values.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "base/clock.h"

namespace writ::oauth {

struct RefreshRules {
  std::chrono::seconds usual{15 * 60};  // where the answer does not say for how long it is fresh
  std::chrono::seconds least{60};       // whatever it says
  std::chrono::seconds most{60 * 60};
  Duration keep = std::chrono::hours(24);               // the last good set, when no other one can be had
  std::chrono::milliseconds apart{10'000};              // two fetches for unknown keys
  std::chrono::milliseconds first_pause{5'000};         // after a failure; doubled with each further one
  std::chrono::milliseconds longest_pause{5 * 60'000};  //

  // Until the next fetch, after one that said so, or nothing, of how long it is fresh.
  std::chrono::seconds pause(std::optional<std::chrono::seconds> fresh_for) const {
    return std::clamp(fresh_for.value_or(usual), least, most);
  }
  // After so many failures, one after the other.
  std::chrono::milliseconds pause_after(std::uint64_t failures) const {
    const auto doubled = std::clamp<std::uint64_t>(failures, 1, 16) - 1;
    return std::min(first_pause * (std::int64_t{1} << doubled), longest_pause);
  }
};

struct KeyLocation {
  std::string jwks_uri = {};  // empty: where the issuer's discovery document says
  RefreshRules refresh = {};
};

}  // namespace writ::oauth
