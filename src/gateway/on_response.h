// Requests that the API's own answer decides (`decide: on response`): the gateway asks the API, reads all of
// its answer, and hands it on only when the enforcer permits it with what stands in there.
//
//   Enforcer::ask → GET to the API → AnswerReader → Enforcer::answer → the answer, or Writ's own refusal
//
// Nothing of the answer goes out before its record is written. After the API was asked, every refusal looks
// the same: whatever it answered, whether nothing was there, it refused by itself, what it sent cannot be
// read, or a policy says no. Only that it cannot be reached is told, which says nothing of the resource.
//
// Thread-safe; each request stays on its exchange's loop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "enforce/enforcer.h"
#include "gateway/context_header.h"
#include "gateway/left_out.h"
#include "gateway/routes.h"
#include "http/client.h"
#include "http/loops.h"
#include "http/server.h"
#include "http/workers.h"

namespace writ::gateway {

struct OnResponseLimits {
  std::size_t max_answer_bytes;
  std::chrono::milliseconds deadline;  // from the question to the answer's last byte
};

// What it works with, of the proxy. All outlives it.
struct OnResponseParts {
  http::Loops& loops;
  http::Client& client;
  enforce::Enforcer& enforcer;
  http::Workers& workers;
  LeftOut& left_out;
  std::vector<ContextHeaders>& context_headers;  // by loop
  std::string_view proto, public_origin;
  OnResponseLimits limits;
  std::atomic<std::uint64_t>& forwarded;
  std::atomic<std::uint64_t>& failures;  // of the API
};

// A request, after its route was found.
struct OnResponseRequest {
  http::Exchange exchange;
  std::shared_ptr<const enforce::InForce> in_force;  // that `route` is of
  const Route* route;
  std::vector<std::string_view> values;  // of the path; views into the request
  std::string resource_id;
};

// Answers the request. `keeps` lives as long as it does: what the parts are of.
void decide_on_response(const OnResponseParts& parts, OnResponseRequest request, std::shared_ptr<void> keeps);

// After the API was asked; always the same but for the id.
http::Response refused_by_answer(std::string_view request_id);

}  // namespace writ::gateway
