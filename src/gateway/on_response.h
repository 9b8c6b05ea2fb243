// Requests that the API's own answer decides (`decide: on response`): the gateway asks the API
// (gateway/api_question.h), and hands its answer on only when the enforcer permits it with what stands in
// there. Nothing of the answer goes out before its record is written.
//
// Thread-safe; each request stays on its exchange's loop.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api_question.h"
#include "http/server.h"

namespace writ::gateway {

// A request, after its route was found.
struct OnResponseRequest {
  http::Exchange exchange;
  std::shared_ptr<const enforce::InForce> in_force;  // that `route` is of
  const Route* route;
  std::vector<std::string_view> values;  // of the path; views into the request
  std::string resource_id;
};

// Answers the request. `keeps` lives as long as it does: what the parts are of.
void decide_on_response(const ApiQuestionParts& parts, OnResponseRequest request,
                        std::shared_ptr<void> keeps);

}  // namespace writ::gateway
