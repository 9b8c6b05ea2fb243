// RateGate: a request to a route that has rates passes it, or is answered 429 (gateway/rates.h).
//
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "enforce/enforcer.h"
#include "gateway/rates.h"
#include "gateway/routes.h"
#include "http/exchange.h"
#include "http/source.h"

namespace writ::gateway {

class RateGate {
 public:
  // The operator's own proxies, which have no rate as a source.
  explicit RateGate(http::Networks proxies) : proxies_(std::move(proxies)) {}

  // Nothing: it passes. Either way its answer tells what is left, and it counts as under way until that has
  // ended. An API that is only observed refuses nobody. On the exchange's loop. `shown`: fields that
  // the token stands in, in place of the request's.
  std::optional<http::Response> refuse(http::Exchange& exchange, const Route& route,
                                       const enforce::Enforcer& enforcer,
                                       const http::Headers* shown = nullptr);

  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  const http::Networks proxies_;
  const http::HiddenKeys sources_;
  RateCounts counts_;
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace writ::gateway
