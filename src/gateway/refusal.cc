#include "gateway/refusal.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>

#include "codec/json.h"

namespace writ::gateway {
namespace {

constexpr Duration kWaitForPeople = std::chrono::minutes(1);

// What the caller can mend with another token: RFC 6750 §3.1 calls all of these invalid_token.
bool is_about_token(Reason reason) noexcept {
  return reason <= Reason::kSenderBindingMismatch;
}

int status_of(Reason reason) noexcept {
  // RFC 9470 §3: another token helps, of a user that has logged in as it says.
  if (is_about_token(reason) || reason == Reason::kStepUpRequired) return 401;
  return reason == Reason::kIndeterminate ? 503 : 403;
}

std::string challenge(const decision::Refusal& refusal, bool bound) {
  const auto reason = refusal.reason;
  // RFC 9449 §7.2: a bound token that came as a bearer token is told how it must come.
  bound = bound || reason == Reason::kSenderBindingMissing;
  std::string text = bound ? R"(DPoP realm="writ", algs="ES256 EdDSA")" : R"(Bearer realm="writ")";
  // RFC 6750 §3.1: a request without a token is told no error code.
  if (reason == Reason::kTokenMissing) return text;
  text += reason == Reason::kStepUpRequired ? R"(, error="insufficient_user_authentication")"
                                            : R"(, error="invalid_token")";
  text += fmt::format(R"(, error_description="{}")", reason_code(reason));
  // A quoted-string (RFC 9110 §5.6.4); what could end it, or is not ASCII, is in no `acr` of RFC 6711.
  const auto quotable = [](char byte) { return byte > ' ' && byte < 127 && byte != '"' && byte != '\\'; };
  if (!refusal.acr.empty() && std::ranges::all_of(refusal.acr, quotable))
    text += fmt::format(R"(, acr_values="{}")", refusal.acr);
  if (refusal.new_login) text += R"(, max_age="0")";
  return text;
}

http::Response answer(int status, const codec::Json& body, std::string_view request_id) {
  auto response = http::json_response(status, body.dump());
  response.headers.set("Cache-Control", "no-store");
  response.headers.set(kRequestIdHeader, request_id);
  return response;
}

// 429: the same refusal, for which there is no place to wait in just now, or which was not looked into.
http::Response too_many(std::string_view error, const decision::Refusal& refusal, std::string_view request_id,
                        Duration retry_after) {
  auto body = codec::Json::object();
  body.set("error", error);
  body.set("reason", reason_code(refusal.reason));
  body.set("message", refusal.message);
  body.set("request_id", request_id);
  auto response = answer(429, body, request_id);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(retry_after).count();
  response.headers.set("Retry-After", std::to_string(seconds));
  return response;
}

}  // namespace

http::Response refusal_response(const decision::Refusal& refusal, std::string_view request_id, bool bound) {
  const int status = status_of(refusal.reason);
  auto body = codec::Json::object();
  const bool step_up = refusal.reason == Reason::kStepUpRequired;
  body.set("error", step_up         ? "insufficient_user_authentication"
                    : status == 401 ? "invalid_token"
                    : status == 403 ? "access_denied"
                                    : "indeterminate");
  body.set("reason", reason_code(refusal.reason));
  body.set("message", refusal.message);
  if (!refusal.party.empty()) body.set("party", refusal.party);
  if (!refusal.path.empty()) body.set("path", refusal.path);
  if (!refusal.acr.empty()) body.set("acr_values", refusal.acr);
  if (refusal.new_login) body.set("max_age", 0);
  if (!refusal.approval.empty()) body.set("approval", refusal.approval);
  if (!refusal.policies.empty()) {
    auto policies = codec::Json::array();
    for (const auto& policy : refusal.policies) policies.push(policy);
    body.set("policies", std::move(policies));
  }
  body.set("request_id", request_id);
  auto response = answer(status, body, request_id);
  // RFC 6750 §3, RFC 9449 §7.1.
  if (status == 401) response.headers.set("WWW-Authenticate", challenge(refusal, bound));
  if (status == 503) response.headers.set("Retry-After", "1");
  return response;
}

http::Response audit_unavailable(std::string_view request_id) {
  return error_answer(503, "audit_unavailable",
                      "the request can't be recorded, and nothing is done without a record", request_id);
}

http::Response response_of(const enforce::Refused& refused) noexcept {
  using Kind = enforce::Refused::Kind;
  try {
    switch (refused.kind) {
      case Kind::kDecided:
        return refusal_response(refused.refusal, refused.request_id, refused.bound);
      case Kind::kNoRoom:
        return too_many("too_many_waiting", refused.refusal, refused.request_id, kWaitForPeople);
      case Kind::kSlowDown:
        return too_many("slow_down", refused.refusal, refused.request_id, refused.retry_after);
      case Kind::kNotRecorded:
        break;
    }
    return audit_unavailable(refused.request_id);
  } catch (const std::exception&) {
    return {.status = 503, .headers = {}, .body = {}};
  }
}

http::Response error_answer(int status, std::string_view code, std::string_view message,
                            std::string_view request_id) {
  // Not in a list of initial members: where memory ends in the middle of one, g++ 12 cleans up what is not
  // there.
  auto body = codec::Json::object();
  body.set("error", code);
  body.set("message", message);
  body.set("request_id", request_id);
  auto response = answer(status, body, request_id);
  if (status == 503) response.headers.set("Retry-After", "1");
  return response;
}

}  // namespace writ::gateway
