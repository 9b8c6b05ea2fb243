// JSON Web Signatures in compact form (RFC 7515), and the JWTs they carry (RFC 7519).
//
// parse_jws reads the form without trusting it; verify() is the only way to a payload that may be believed.
// The key pins the algorithm: a header whose `alg` the key does not allow is refused, and keys named or
// embedded in the header (`jwk`, `jku`, `x5c`) are never used. `crit` and `b64` are refused, because no
// extension is understood. The JSON serialisations are not read. Values are immutable and safe from any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"
#include "jose/jwk.h"

namespace writ::jose {

inline constexpr std::size_t kMaxJwsBytes = 16 * 1024;
inline constexpr std::size_t kMaxJoseDepth = 16;  // of the header's and the claims' JSON

// Whose algorithms a header may name. Writ's own tokens and proofs know kOwnAlgorithms, each by one name;
// what providers and clients sign may have any that Writ verifies, by RFC 9864's names too.
enum class Signers { kOwn, kOthers };

class UnverifiedJws {
 public:
  const codec::Json& header() const noexcept { return header_; }
  std::string_view alg() const noexcept;
  std::optional<std::string_view> kid() const noexcept;
  std::optional<std::string_view> typ() const noexcept;

  // For choosing which key to verify with, and nothing else.
  const std::string& unverified_payload() const noexcept { return payload_; }

  // Nothing where Writ does not know it.
  std::optional<crypto::Algorithm> algorithm() const noexcept;

  // The payload, if this key made the signature. Fails with kUnsupported when the key does not allow `alg`,
  // with kInvalid when the signature is wrong.
  Result<std::string> verify(const Jwk& key) const;

 private:
  friend Result<UnverifiedJws> parse_jws(std::string_view text, Signers signers);
  UnverifiedJws(codec::Json header, std::string payload, std::string signing_input, std::string signature);

  codec::Json header_;
  std::string payload_;
  std::string signing_input_;
  std::string signature_;
};

Result<UnverifiedJws> parse_jws(std::string_view text, Signers signers = Signers::kOwn);

// Signs payload under a header of alg, kid, and typ where given.
Result<std::string> sign_jws(const PrivateJwk& key, std::string_view payload,
                             std::optional<std::string_view> typ);

// Parses claims: a JSON object within the limits of this header.
Result<codec::Json> parse_claims(std::string_view payload);

}  // namespace writ::jose
