// How the token endpoint says no: an OAuth error (RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 8707 §2, RFC 9396 §5,
// RFC 8628 §3.5) with a sentence for people and Writ's reason code.
//
// A value that travels through std::expected, so that TRY ends a grant at the first refusal.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/denial.h"
#include "http/response.h"

namespace writ::oauth {

enum class OauthError {
  kInvalidRequest,
  kInvalidClient,
  kUnauthorizedClient,
  kUnsupportedGrantType,
  kUnsupportedTokenType,  // RFC 7009 §2.2.1
  kInvalidScope,
  kInvalidTarget,
  kInvalidDpopProof,             // RFC 9449 §5
  kInvalidAuthorizationDetails,  // RFC 9396 §5
  kAuthorizationPending,         // RFC 8628 §3.5: people have not approved yet; try again
  kSlowDown,                     // RFC 8628 §3.5, here of secrets that were wrong too often; 429
  kServerError,                  // something of ours broke; nothing was issued
};

std::string_view error_name(OauthError error) noexcept;
// RFC 6749 §5.2 and RFC 8693 §2.2.2 have fewer errors than Writ has reasons: who asks is at fault, or the
// target is out of reach, or the request does not hold together.
OauthError error_of(Reason reason) noexcept;

struct Refusal {
  OauthError error;
  std::string description;
  std::optional<Reason> reason;            // where Writ's vocabulary has one
  std::string party = {};                  // the party at fault as Cedar writes it; empty when it is none's
  std::vector<std::string> policies = {};  // that said no
  std::string task = {};                   // kAuthorizationPending: the task that waits
  Duration retry_after{0};                 // kSlowDown
  // What the audit is told instead of the description, since the caller may not know it; empty: the same.
  std::string for_audit = {};

  const std::string& recorded() const noexcept { return for_audit.empty() ? description : for_audit; }
};

template <class T>
using Outcome = std::expected<T, Refusal>;

inline std::unexpected<Refusal> refuse(OauthError error, std::string description,
                                       std::optional<Reason> reason = std::nullopt) {
  return std::unexpected(Refusal{error, std::move(description), reason});
}
inline std::unexpected<Refusal> refuse(OauthError error, Denial denial) {
  return std::unexpected(Refusal{error, std::move(denial.message), denial.reason});
}

inline std::string in_backquotes(std::string_view text) {
  return "`" + std::string(text) + "`";
}

// With `Cache-Control: no-store`, and `WWW-Authenticate` where the client must authenticate another way.
http::Response to_response(const Refusal& refusal, std::string_view request_id = {});

}  // namespace writ::oauth
