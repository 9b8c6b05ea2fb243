// Requests whose permits oblige (decision/obligations.h): parts of the API's JSON are left out. The request
// was permitted and recorded as any other; the answer is read whole, cut, and only then goes out.
//
//   permit → the API is asked for all of its answer → cut_json() → obligations.fulfilled on record → the rest
//
// What cannot be cut does not go out: an answer that is not JSON in UTF-8, is encoded, a part, or too long.
// Then the caller gets Writ's own refusal, the same whatever the API answered, and why is on record alone.
// An answer without a body has nothing to be cut.
//
// Nothing tells of what was left out: fields that are made of the whole body (validators, digests, lengths,
// signatures) stay behind, a caller's conditions and ranges do not reach the API where it reads only, and a
// request that changes something on the condition of a validator is refused before the API is asked.
//
// Thread-safe; each request stays on its exchange's loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "enforce/enforcer.h"
#include "gateway/routes.h"
#include "gateway/whole_answer.h"
#include "http/client.h"
#include "http/loops.h"
#include "http/server.h"
#include "http/workers.h"

namespace writ::gateway {

// What it works with, of the proxy. All outlives it.
struct ObligedParts {
  http::Loops& loops;
  http::Client& client;
  enforce::Enforcer& enforcer;
  http::Workers& workers;
  std::size_t max_answer_bytes;
  std::chrono::milliseconds deadline;  // from the answer's head to its last byte
  std::atomic<std::uint64_t>& forwarded;
  std::atomic<std::uint64_t>& failures;  // of the API
};

struct ObligedRequest {
  std::shared_ptr<const enforce::InForce> in_force;  // that `route` is of
  const Route* route;
  enforce::RequestId id;
  std::string client;               // empty: nobody was asked for
  std::string resource;             // as Cedar writes it
  std::optional<std::string> body;  // if it was read before the decision
  http::Headers headers;            // for the API
  http::Shares::Party party;
  std::shared_ptr<const codec::JsonCut> obligations;  // not null
  http::Exchange exchange;
};

// Permitted, and on record. On the loop of the exchange. `keeps` lives as long as it does: what the parts are
// of.
void forward_obliged(const ObligedParts& parts, ObligedRequest request, std::shared_ptr<void> keeps);

}  // namespace writ::gateway
