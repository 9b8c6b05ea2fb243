// OauthWorkers: who waits for whom at the token, the revocation and the logout endpoint.
//
// Five pools of workers, each with its own bounded queue that is fair by source (http/workers.h):
//
//   known       clients whose secret was found right a short while ago, or that proved themselves just now
//   assertions  whoever brings an assertion: a signature is looked at, for a tenth of a millisecond
//   secrets     whoever brings a secret that has to be hashed, which takes some hundred times as long, with
//               what others leave of the processor
//   guesses     the same, for sources that were wrong in the last ten minutes
//   logouts     whoever posts a logout token: a signature is looked at
//
// So strangers wait for strangers: neither forged assertions nor wrong secrets take the time of clients that
// are known, and guesses not that of a client that is about to be. Which pool it is, the request's head
// tells, before its body is read. Thread-safe.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "http/endpoints.h"
#include "http/workers.h"
#include "oauth/client_authentication.h"
#include "oauth/logout_endpoint.h"
#include "oauth/token_endpoint.h"

namespace writ::server {

class OauthWorkers {
 public:
  // What it refers to must outlive it. `threads`: of the loops; half as many hash secrets.
  OauthWorkers(const oauth::ClientAuthentication& clients, const Clock& clock, std::size_t threads);

  // For http::Endpoints::guard: whose body it is.
  void gate(http::Exchange exchange, http::Endpoints::Pass pass) const;
  // Answers a token request; `answered`, which outlives it, is called with each answer, on any thread.
  void issue(const oauth::TokenEndpoint& endpoint, http::Exchange exchange,
             const std::function<void(const http::Response&)>& answered);
  // A signature is looked at, once its key is there.
  void take_logout(const oauth::LogoutEndpoint& endpoint, http::Exchange exchange);
  // Answers what one step answers.
  void serve(std::function<http::Response(const http::Request&)> function, http::Exchange exchange);

  // For /metrics.
  http::WorkerStats known() const noexcept { return known_.stats(); }
  http::WorkerStats assertions() const noexcept { return assertions_.stats(); }
  http::WorkerStats secrets() const noexcept { return secrets_.stats(); }
  http::WorkerStats guesses() const noexcept { return guesses_.stats(); }

 private:
  using Glance = oauth::ClientAuthentication::Glance;
  using Answered = std::function<void(const http::Response&)>;
  struct Call;
  void authenticate(const std::shared_ptr<Call>& call, const Glance& glance, const Answered& answered);
  static void answer(http::Exchange& to, http::Response response, const Answered& answered);
  http::Workers& pool_of(const Glance& glance);
  // Answers 503 when the pool is full.
  static void hand_to(http::Workers& pool, const Glance& glance, http::Exchange exchange,
                      std::move_only_function<void(http::Exchange)> work);

  const oauth::ClientAuthentication& clients_;
  const Clock& clock_;
  http::Workers known_, assertions_, secrets_, guesses_, logouts_;
};

}  // namespace writ::server
