// JSON Web Keys (RFC 7517): EC (RFC 7518 §6.2), OKP with Ed25519 (RFC 8037) and, for verifying what others
// sign, RSA (RFC 7518 §6.3).
//
// A key pins the algorithms it may verify: by its curve, by its `alg`, and within the rules of whoever reads
// it. A Jwk is public; PrivateJwk is another type, so that no function that publishes keys can be handed a
// private one. Parsing a public key refuses private members (`d`, `k`, ...). All values are immutable and
// safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "codec/json.h"
#include "crypto/keys.h"

namespace writ::jose {

// More keys than any rotation needs; a larger set is a mistake or an attack.
inline constexpr std::size_t kMaxKeysInSet = 64;
inline constexpr std::size_t kMaxKidBytes = 256;

// Which keys are read, and what they may verify.
struct KeyRules {
  crypto::AlgorithmSet algorithms;
  // Of an RSA key that names no `alg`: it fits several, and its signatures must not choose among more than
  // somebody allowed. Empty: such a key is not read.
  crypto::AlgorithmSet rsa_without_alg = {};
  // Of a SPIFFE bundle, its keys for JWT-SVIDs (jose/provider_keys.h).
  bool jwt_svids = false;
};
// Writ's own, and those of DPoP proofs.
inline constexpr KeyRules kOwnKeys{crypto::kOwnAlgorithms};
// Of clients, for their assertions.
inline constexpr KeyRules kClientKeys{crypto::kAllAlgorithms};

class Jwk {
 public:
  // Fails with kUnsupported for a key that is well-formed but not for verifying signatures within the rules
  // (other curves, `use: enc`), with kInvalid for everything else.
  static Result<Jwk> parse(const codec::Json& json, const KeyRules& rules = kOwnKeys);

  explicit Jwk(crypto::PublicKey key, std::optional<std::string> kid = std::nullopt)
      : key_(std::move(key)), kid_(std::move(kid)), algorithms_({key_.algorithm()}) {}

  const crypto::PublicKey& key() const noexcept { return key_; }
  // The one it pins; of an RSA key that names none, one of them.
  crypto::Algorithm algorithm() const noexcept { return key_.algorithm(); }
  bool allows(crypto::Algorithm algorithm) const noexcept { return algorithms_.contains(algorithm); }
  const std::optional<std::string>& kid() const noexcept { return kid_; }

  // With kid, use, and alg where it pins one.
  codec::Json to_json() const;
  // RFC 7638: base64url of the SHA-256 over the required members.
  std::string thumbprint() const;

 private:
  Jwk(crypto::PublicKey key, std::optional<std::string> kid, crypto::AlgorithmSet algorithms)
      : key_(std::move(key)), kid_(std::move(kid)), algorithms_(algorithms) {}

  crypto::PublicKey key_;
  std::optional<std::string> kid_;
  crypto::AlgorithmSet algorithms_;  // never empty
};

class PrivateJwk {
 public:
  static Result<PrivateJwk> parse(const codec::Json& json);
  // A fresh key; its kid is its thumbprint.
  static Result<PrivateJwk> generate(crypto::Algorithm algorithm);

  const crypto::PrivateKey& key() const noexcept { return key_; }
  const std::string& kid() const noexcept { return kid_; }
  crypto::Algorithm algorithm() const noexcept { return key_.algorithm(); }
  Jwk public_jwk() const { return Jwk(key_.public_key(), kid_); }

  // The JWK text with the private member, for storage.
  Secret serialise() const;

 private:
  PrivateJwk(crypto::PrivateKey key, std::string kid) : key_(std::move(key)), kid_(std::move(kid)) {}

  crypto::PrivateKey key_;
  std::string kid_;
};

class JwkSet {
 public:
  // Skips keys outside the rules (RFC 7517 §5). Refuses, as a whole, a set with a malformed key, a
  // private or symmetric key, two keys of one kid, or more than kMaxKeysInSet keys.
  static Result<JwkSet> parse(const codec::Json& json, const KeyRules& rules = kOwnKeys);
  static Result<JwkSet> of(std::vector<Jwk> keys);

  // The key of that kid. Without a kid: the only key of the set, or null when there is not exactly one.
  const Jwk* find(std::optional<std::string_view> kid) const noexcept;
  const std::vector<Jwk>& keys() const noexcept { return keys_; }
  codec::Json to_json() const;

 private:
  explicit JwkSet(std::vector<Jwk> keys) : keys_(std::move(keys)) {}
  std::vector<Jwk> keys_;
};

}  // namespace writ::jose
