// DPoP proofs (RFC 9449 §4): that the sender holds a private key, shown for one request.
//
// Used with access tokens by Verifier, and by the token endpoint, where there is no token yet. Thread-safe.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/denial.h"
#include "base/times.h"
#include "token/replay.h"

namespace writ::token {

// RFC 9449 §11.1: a proof is accepted for this long after its `iat`.
inline constexpr Duration kProofLifetime = std::chrono::seconds(60);

// The request a proof must be made for: its method, and its URI without query and fragment.
struct ProofTarget {
  std::string_view method;
  std::string_view uri;
};

// The access token a proof comes with, and the key that token is bound to.
struct BoundToken {
  std::string_view text;
  std::string_view key_thumbprint;
};

// The thumbprint (RFC 7638) of the key that made the proof. With a token, the proof must be for it (`ath`)
// and of its key. A proof is used up by this; what is remembered of it counts as the client's.
std::expected<std::string, Denial> verify_proof(std::string_view proof, const ProofTarget& target,
                                                const std::optional<BoundToken>& token,
                                                std::string_view client, ReplayGuard& replays, Times now);

}  // namespace writ::token
