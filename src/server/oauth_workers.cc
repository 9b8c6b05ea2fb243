#include "server/oauth_workers.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/notice.h"
#include "oauth/refusal.h"

namespace writ::server {
namespace {

using Standing = oauth::ClientAuthentication::Standing;

http::Response busy() {
  return oauth::to_response({oauth::OauthError::kServerError,
                             "too many requests of this kind are waiting; try again later", std::nullopt});
}

}  // namespace

// A token request on its way from worker to worker.
struct OauthWorkers::Call {
  http::Exchange exchange;
  std::unique_ptr<oauth::TokenCall> step;
};

// Most of them wait for the audit's disk, which one sync serves for all.
OauthWorkers::OauthWorkers(const oauth::ClientAuthentication& clients, const Clock& clock,
                           std::size_t threads)
    : clients_(clients),
      clock_(clock),
      known_({.threads = 4, .max_queued = 256, .max_queued_per_source = 128}),
      assertions_({.threads = 2, .max_queued = 256, .max_queued_per_source = 32}),
      secrets_({.threads = std::max<std::size_t>(threads / 2, 1),
                .max_queued = 128,
                .max_queued_per_source = 16,
                .background = true}),
      guesses_({.threads = 1, .max_queued = 128, .max_queued_per_source = 16, .background = true}),
      logouts_({.threads = 1, .max_queued = 256, .max_queued_per_source = 32}) {}

void OauthWorkers::gate(http::Exchange exchange, http::Endpoints::Pass pass) const {
  const bool known = clients_.glance(exchange.request(), clock_.now()).standing == Standing::kKnown;
  pass(std::move(exchange), known ? http::BodyOf::kKnown : http::BodyOf::kStranger);
}

http::Workers& OauthWorkers::pool_of(const Glance& glance) {
  switch (glance.standing) {
    case Standing::kKnown:
      return known_;
    case Standing::kAssertion:
      return assertions_;
    case Standing::kSecret:
      return secrets_;
    case Standing::kGuess:
      break;
  }
  return guesses_;
}

void OauthWorkers::hand_to(http::Workers& pool, const Glance& glance, http::Exchange exchange,
                           std::move_only_function<void(http::Exchange)> work) {
  auto held = std::make_shared<http::Exchange>(std::move(exchange));
  http::Task task = [held, work = std::move(work)]() mutable { work(std::move(*held)); };
  http::Task refused = [held] { held->respond(busy()); };
  if (pool.post(glance.turn, glance.proxied, task, refused)) return;
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(
        fmt::format("the workers of {} are all busy and their queue is full, requests get 503 ({} times)",
                    held->request().path, *times));
  held->respond(busy());
}

void OauthWorkers::issue(const oauth::TokenEndpoint& endpoint, http::Exchange exchange,
                         const std::function<void(const http::Response&)>& answered) {
  const auto glance = clients_.glance(exchange.request(), clock_.now());
  hand_to(pool_of(glance), glance, std::move(exchange),
          [this, &endpoint, glance, &answered](http::Exchange held) {
            auto begun = endpoint.begin(held.request());
            if (!begun) return answer(held, std::move(begun).error(), answered);
            const auto call = std::make_shared<Call>(std::move(held), *std::move(begun));
            std::move_only_function<void()> go_on = [this, glance, call, &answered] {
              hand_to(pool_of(glance), glance, std::move(call->exchange),
                      [this, glance, call, &answered](http::Exchange back) {
                        call->exchange = std::move(back);
                        authenticate(call, glance, answered);
                      });
            };
            // No worker waits for a platform or a provider, and so nobody else does.
            if (call->step->wait_for_client_keys(go_on)) return;
            authenticate(call, glance, answered);
          });
}

void OauthWorkers::authenticate(const std::shared_ptr<Call>& call, const Glance& glance,
                                const Answered& answered) {
  if (auto refused = call->step->authenticate()) return answer(call->exchange, *std::move(refused), answered);
  // From here on it is known.
  std::move_only_function<void()> go_on = [this, glance, call, &answered] {
    hand_to(known_, glance, std::move(call->exchange),
            [call, &answered](http::Exchange back) { answer(back, call->step->issue(), answered); });
  };
  if (call->step->wait_for_keys(go_on)) return;
  if (glance.standing != Standing::kKnown) return go_on();
  answer(call->exchange, call->step->issue(), answered);
}

void OauthWorkers::answer(http::Exchange& to, http::Response response, const Answered& answered) {
  answered(response);
  to.respond(std::move(response));
}

void OauthWorkers::take_logout(const oauth::LogoutEndpoint& endpoint, http::Exchange exchange) {
  const auto glance = clients_.glance(exchange.request(), clock_.now());
  hand_to(logouts_, glance, std::move(exchange), [this, &endpoint, glance](http::Exchange taken) {
    const auto held = std::make_shared<http::Exchange>(std::move(taken));
    std::move_only_function<void()> go_on = [this, &endpoint, glance, held] {
      hand_to(logouts_, glance, std::move(*held), [&endpoint](http::Exchange back) {
        auto response = endpoint.handle(back.request());
        back.respond(std::move(response));
      });
    };
    if (endpoint.wait_for_keys(held->request(), go_on)) return;
    auto response = endpoint.handle(held->request());
    held->respond(std::move(response));
  });
}

void OauthWorkers::serve(std::function<http::Response(const http::Request&)> function,
                         http::Exchange exchange) {
  const auto glance = clients_.glance(exchange.request(), clock_.now());
  hand_to(pool_of(glance), glance, std::move(exchange),
          [function = std::move(function)](http::Exchange held) {
            auto response = function(held.request());
            held.respond(std::move(response));
          });
}

}  // namespace writ::server
