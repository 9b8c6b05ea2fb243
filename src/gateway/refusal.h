// Refusals as HTTP answers (RFC 6750 §3, RFC 9449 §7.1), and the identifiers that tie an answer to its audit
// record. Pure, but for the random identifiers.
#pragma once

#include <string>
#include <string_view>

#include "audit/record.h"
#include "base/denial.h"
#include "decision/decision.h"
#include "http/response.h"

namespace writ::gateway {

inline constexpr std::string_view kRequestIdHeader = "X-Request-Id";
// The id of an approval of this very call. It never reaches an upstream.
inline constexpr std::string_view kApprovalHeader = "Writ-Approval";

// Unique, not secret; made by us alone, never taken from a request. 22 characters of base64url.
std::string new_request_id();

// 401 for a token that is no good, 403 for an access that is not granted, 503 for what could not be decided.
//   {"error":"access_denied","reason":"task_ended","message":"...","party":"Writ::Agent::\"a\"",
//    "policies":["..."],"request_id":"..."}
// Absent members are left out. `bound`: the token came with the DPoP scheme.
http::Response refusal_response(const decision::Refusal& refusal, std::string_view request_id,
                                bool bound = false);

// 429: the same refusal, for which there is no place to wait in just now.
http::Response too_many(const decision::Refusal& refusal, std::string_view request_id);

// The effect must not happen without its record: 503.
http::Response audit_unavailable(std::string_view request_id);

// What a record says of it: effect, reason, message, party and policies. Views into the refusal.
void add_refusal(audit::Decision& facts, const decision::Refusal& refusal);

// What is no question of authorization (no such route, upstream trouble): {"error","message","request_id"}.
http::Response error_answer(int status, std::string_view code, std::string_view message,
                            std::string_view request_id);

}  // namespace writ::gateway
