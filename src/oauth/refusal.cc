#include "oauth/refusal.h"

#include <algorithm>
#include <string>

#include "codec/json.h"

namespace writ::oauth {
namespace {

constexpr std::int64_t kPollSeconds = 5;

int status_of(OauthError error) {
  switch (error) {
    case OauthError::kInvalidClient:
      return 401;
    case OauthError::kServerError:
      return 503;
    case OauthError::kSlowDown:
      return 429;
    default:
      return 400;
  }
}

// RFC 6749 §5.2: error_description is printable ASCII without `"` and `\`.
std::string printable(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    const bool allowed = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    out.push_back(allowed ? static_cast<char>(c) : '?');
  }
  return out;
}

}  // namespace

std::string_view error_name(OauthError error) noexcept {
  switch (error) {
    case OauthError::kInvalidRequest:
      return "invalid_request";
    case OauthError::kInvalidClient:
      return "invalid_client";
    case OauthError::kUnauthorizedClient:
      return "unauthorized_client";
    case OauthError::kUnsupportedGrantType:
      return "unsupported_grant_type";
    case OauthError::kUnsupportedTokenType:
      return "unsupported_token_type";
    case OauthError::kInvalidScope:
      return "invalid_scope";
    case OauthError::kInvalidTarget:
      return "invalid_target";
    case OauthError::kInvalidDpopProof:
      return "invalid_dpop_proof";
    case OauthError::kInvalidAuthorizationDetails:
      return "invalid_authorization_details";
    case OauthError::kAuthorizationPending:
      return "authorization_pending";
    case OauthError::kSlowDown:
      return "slow_down";
    case OauthError::kServerError:
      return "server_error";
  }
  return "server_error";
}

OauthError error_of(Reason reason) noexcept {
  switch (reason) {
    case Reason::kCallerUnknown:
    case Reason::kCallerSuspended:
    case Reason::kCallerRetired:
    case Reason::kCallerMismatch:
    case Reason::kDelegationNotAuthorised:
    case Reason::kChainTooDeep:
      return OauthError::kUnauthorizedClient;
    case Reason::kAudienceMismatch:
    case Reason::kPolicyForbid:
    case Reason::kPolicyNoPermit:
    case Reason::kContextMissing:
    case Reason::kStepUpRequired:
      return OauthError::kInvalidTarget;
    case Reason::kIndeterminate:
      return OauthError::kServerError;
    default:
      return OauthError::kInvalidRequest;
  }
}

http::Response to_response(const Refusal& refusal, std::string_view request_id) {
  auto json = codec::Json::object(
      {{"error", error_name(refusal.error)}, {"error_description", printable(refusal.description)}});
  if (refusal.reason) json.set("reason", reason_code(*refusal.reason));
  // RFC 6749 keeps error_description to ASCII without quotes; `message` says the same unchanged.
  json.set("message", refusal.description);
  if (!refusal.party.empty()) json.set("party", refusal.party);
  if (!refusal.policies.empty()) {
    auto policies = codec::Json::array();
    for (const auto& policy : refusal.policies) policies.push(policy);
    json.set("policies", std::move(policies));
  }
  if (refusal.error == OauthError::kAuthorizationPending) {
    json.set("task", refusal.task);
    // RFC 8628 §3.5: so many seconds between two attempts.
    json.set("interval", kPollSeconds);
  }
  if (!request_id.empty()) json.set("request_id", request_id);
  auto response = http::json_response(status_of(refusal.error), json.dump());
  // RFC 6749 §5.1.
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Pragma", "no-cache");
  if (refusal.error == OauthError::kSlowDown || refusal.error == OauthError::kServerError) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(refusal.retry_after).count();
    response.headers.set("Retry-After", std::to_string(std::max<std::int64_t>(seconds, 1)));
  }
  if (refusal.error == OauthError::kInvalidClient)
    response.headers.set("WWW-Authenticate", "Basic realm=\"writ\", charset=\"UTF-8\"");
  return response;
}

}  // namespace writ::oauth
