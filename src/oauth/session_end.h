// SessionEnds: a provider says that a session, a user's sessions or one token is over, and what came of it
// ends here (docs/logout.md).
//
//   a logout token      OpenID Connect Back-Channel Logout 1.0 §2.6, as strict as it can be read
//   an operator's word  over /v1, of a provider that tells nobody
//
// What ends: the provider's own tokens that are accepted, subject tokens that could be exchanged, Writ's
// tokens that were issued for them and for those, and tasks that were opened with one. It is durable and in
// force when end() returns. Thread-safe; writes to the disk.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/denial.h"
#include "control/authority.h"
#include "oauth/trusted_issuers.h"
#include "task/registry.h"
#include "token/revocation.h"

namespace writ::oauth {

// What is over, as the provider calls it. At least one of them.
struct SessionEnd {
  const TrustedIssuer* by;
  std::optional<std::string> session = {};  // `sid`
  std::optional<std::string> subject = {};  // `sub`: where there is no session, all of the user's
  std::optional<std::string> token = {};    // `jti`
  Instant at;                               // what was issued until then, where it is about a user
  std::string said_by = {};                 // the logout token's id, or the operator
};

// Signature, type, issuer, audience, times and form; not whether it was used before.
std::expected<SessionEnd, Denial> read_logout_token(std::string_view text, const TrustedIssuers& issuers,
                                                    Times now);

// How many ends, revoked tokens and used logout tokens are kept together before nothing more ends this way.
inline constexpr std::size_t kMaxSessionEnds = 1'000'000;

// All that is referred to must outlive it.
struct SessionEndsParts {
  const Clock& clock;
  const TrustedIssuers& issuers;
  token::Revocations& revocations;
  task::Registry& tasks;
  control::Recorder record;
  std::size_t max_kept = kMaxSessionEnds;
};

class SessionEnds {
 public:
  explicit SessionEnds(SessionEndsParts parts) : parts_(std::move(parts)) {}

  // A logout token, once, also across a restart. kIndeterminate: it may be sent again.
  std::expected<void, Denial> take(std::string_view logout_token, std::string_view request_id) const;
  // kIndeterminate: it could not be recorded or kept.
  std::expected<void, Denial> end(const SessionEnd& end, std::string_view request_id) const;
  // Ends tasks that came of what is over, also of what ended before a crash. How many.
  Result<std::size_t> end_tasks(std::string_view request_id = {}) const;

  const SessionEndsParts& parts() const noexcept { return parts_; }

 private:
  SessionEndsParts parts_;
};

}  // namespace writ::oauth
