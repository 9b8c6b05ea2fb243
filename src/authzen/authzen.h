// AuthZEN 1.0, POST /access/v1/evaluation: may this subject take this action on this resource?
//
// One Cedar question with the caller's own types, asked of the policies in force. Who asks is authorized like
// any user of Writ's API (`evaluate`), unless `authzen.access` is open. AuthZEN's `properties` fill in where
// the entities say nothing; those of the action are `context.action`. Of identities in the inventory Writ's
// own records count, and a suspended one is refused. docs/authzen.md has the mapping.
//
// Facts about a resource that a source tells are asked for as the gateway asks (enforce/walk_source.cc):
// where nothing refuses without them, whatever `properties` say of them. Then every refusal has the same
// words.
//
// Thread-safe. Answers on the loop, on a source's thread, or on the audit's thread once the record is
// durable.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "audit/log.h"
#include "base/clock.h"
#include "config/config.h"
#include "enforce/enforcer.h"
#include "enforce/record.h"
#include "http/endpoints.h"
#include "http/workers.h"
#include "sources/sources.h"

namespace writ::authzen {

// All that is referred to must outlive it.
struct AuthzenParts {
  const Clock& clock;
  enforce::Enforcer& enforcer;
  const enforce::Current& current;
  std::function<void(audit::Record, audit::Log::Done)> record;
  std::string origin;  // how callers reach it, for DPoP proofs
};

class Authzen {
 public:
  Authzen(config::AuthzenSettings settings, AuthzenParts parts)
      : settings_(std::move(settings)), parts_(std::move(parts)) {}

  Result<void> add_to(http::Endpoints& endpoints);

  // For /metrics. Monotone.
  std::uint64_t permits() const noexcept { return permits_.load(std::memory_order_relaxed); }
  http::WorkerStats workers() const noexcept { return workers_.stats(); }
  std::uint64_t denies() const noexcept { return denies_.load(std::memory_order_relaxed); }

 private:
  struct Evaluation;
  struct Posed;
  void gate(http::Exchange exchange, http::Endpoints::Pass pass);
  void begin(http::Exchange exchange);
  void evaluate(http::Exchange exchange, std::string_view caller, enforce::RequestId request_id,
                std::shared_ptr<const enforce::InForce> in_force);
  void ask(http::Exchange exchange, Posed posed, const sources::SourceQuery& query,
           const enforce::InForce& in_force);
  void ask_source(http::Exchange exchange, Posed posed, const sources::SourceQuery& query,
                  const enforce::InForce& in_force);
  void evaluate_on(http::Exchange exchange, Posed posed, const enforce::InForce& in_force,
                   const sources::AskedSource::Answer& said);
  // `told` says who asked what, and what came of it; `shown` is what the caller is told of a refusal;
  // `left_out` is what Cedar cannot hold of the question (authzen/held.h).
  void answer(http::Exchange exchange, enforce::RequestId request_id, enforce::Told told,
              const decision::Refusal* refusal, const decision::Refusal* shown,
              const std::vector<std::string>& left_out);
  void evaluate_apart(http::Exchange exchange, std::string caller, enforce::RequestId request_id);

  config::AuthzenSettings settings_;
  AuthzenParts parts_;
  http::Workers workers_{{.threads = 1, .max_queued = 128, .max_queued_per_source = 32}};
  std::atomic<std::uint64_t> permits_{0}, denies_{0};
};

}  // namespace writ::authzen
