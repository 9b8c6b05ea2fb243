// Refusals as HTTP answers (RFC 6750 §3, RFC 9449 §7.1). Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/denial.h"
#include "decision/decision.h"
#include "enforce/outcome.h"
#include "http/response.h"

namespace writ::gateway {

inline constexpr std::string_view kRequestIdHeader = "X-Request-Id";
// 401 for a token that is no good, 403 for an access that is not granted, 503 for what could not be decided.
//   {"error":"access_denied","reason":"task_ended","message":"...","party":"Writ::Agent::\"a\"",
//    "policies":["..."],"request_id":"..."}
// Absent members are left out. `bound`: the token came with the DPoP scheme.
http::Response refusal_response(const decision::Refusal& refusal, std::string_view request_id,
                                bool bound = false);

// The effect must not happen without its record: 503.
http::Response audit_unavailable(std::string_view request_id);

// What the enforcer refused: one of the above; 429 where there is no room to wait for an approval, and
// `slow_down` where too many tokens that are not good came from one source. For want of memory, the status
// alone.
http::Response response_of(const enforce::Refused& refused) noexcept;

// What is no question of authorization (no such route, upstream trouble): {"error","message","request_id"}.
http::Response error_answer(int status, std::string_view code, std::string_view message,
                            std::string_view request_id);

}  // namespace writ::gateway
