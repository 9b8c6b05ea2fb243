// JSON Web Keys (RFC 7517) for the two algorithms Writ speaks: EC P-256 for ES256, OKP Ed25519 for EdDSA (RFC
// 8037).
//
// A Jwk is public; PrivateJwk is another type, so that no function that publishes keys can be handed a
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

class Jwk {
 public:
  // Fails with kUnsupported for a key that is well-formed but not for verifying ES256 or EdDSA signatures
  // (RSA, other curves, `use: enc`), with kInvalid for everything else.
  static Result<Jwk> parse(const codec::Json& json);

  explicit Jwk(crypto::PublicKey key, std::optional<std::string> kid = std::nullopt)
      : key_(std::move(key)), kid_(std::move(kid)) {}

  const crypto::PublicKey& key() const noexcept { return key_; }
  crypto::Algorithm algorithm() const noexcept { return key_.algorithm(); }
  const std::optional<std::string>& kid() const noexcept { return kid_; }

  // With kid, alg and use.
  codec::Json to_json() const;
  // RFC 7638: base64url of the SHA-256 over the required members.
  std::string thumbprint() const;

 private:
  crypto::PublicKey key_;
  std::optional<std::string> kid_;
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
  // Skips keys of kinds Writ does not use (RFC 7517 §5). Refuses, as a whole, a set with a malformed key, a
  // private or symmetric key, two keys of one kid, or more than kMaxKeysInSet keys.
  static Result<JwkSet> parse(const codec::Json& json);
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
