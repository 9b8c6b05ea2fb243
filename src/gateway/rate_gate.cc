#include "gateway/rate_gate.h"

#include <fmt/format.h>
#include <string>

#include "base/notice.h"
#include "gateway/http_question.h"
#include "gateway/refusal.h"

namespace writ::gateway {

std::optional<http::Response> RateGate::refuse(http::Exchange& exchange, const Route& route,
                                               const enforce::Enforcer& enforcer,
                                               const http::Headers* shown) {
  const auto* rates = route.rates();
  if (rates == nullptr) return std::nullopt;
  const auto& request = exchange.request();
  const auto source = sources_.guesser(request.peer_ip, proxies_);
  RateCaller caller{.counts_for_all = route.is_public()};
  if (!source.proxied) caller.source = source.source;
  std::optional<token::Verified> token;
  if (rates->by_token() && !route.is_public())
    token = enforcer.token_of(credentials_in(request, shown), request.peer_ip, route.api());
  if (token) {
    caller.client = token->claims().client_id;
    caller.subject = token->claims().subject;
    caller.counts_for_all = true;
  }
  const auto counted = counts_.count(*rates, caller, RateCounts::Moment::clock::now());
  if (!counted.policy.empty()) {
    exchange.add_to_answer("RateLimit-Policy", counted.policy);
    exchange.add_to_answer("RateLimit", counted.limit);
  }
  exchange.keep(counted.place);
  if (counted.over == nullptr || route.observed()) return std::nullopt;
  refused_.fetch_add(1, std::memory_order_relaxed);
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(fmt::format("calls of API `{}` are over its rate per {}, more get 429 ({} times, of all APIs)",
                          route.api(), name_of(counted.over->per), *times));
  auto answer =
      error_answer(429, "rate_limited",
                   counted.over->at_once > 0 ? "too many calls are under way at once; try again later"
                                             : "too many calls came in a short time; try again later",
                   enforce::RequestId::next());
  answer.headers.set("Retry-After", std::to_string(counted.retry_after.count()));
  return answer;
}

}  // namespace writ::gateway
