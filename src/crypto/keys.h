// Signature keys: ECDSA on P-256, P-384 and P-521, EdDSA on Ed25519, and RSA for verifying alone.
//
// The algorithm belongs to the key, so no message can choose it; an RSA key may be told to verify as another
// of RSA's algorithms, by the caller who knows that it may. Private keys are of ES256 and EdDSA only. Keys
// are immutable, cheap to copy (they share the library's handle) and safe from any thread. Signatures have
// the form of RFC 7518 §3.3 to §3.5 (ECDSA: r and s in the size of a coordinate; RSA: the size of the
// modulus) and RFC 8032 (64 bytes).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/algorithm.h"

struct evp_pkey_st;

namespace writ::crypto {

inline constexpr std::size_t kRsaExponentBytes = 8;

class PublicKey {
 public:
  // ECDSA: x and y, each in the size of a coordinate. EdDSA: the public key's 32 bytes. RSA: the modulus
  // without leading zeros, then the exponent in kRsaExponentBytes. Refuses a point that is not on the curve,
  // and RSA keys that are weak (crypto/rsa.h).
  static Result<PublicKey> from_raw(Algorithm algorithm, std::string_view raw);
  // A key whose private half nobody has: to verify in vain, in the time that it takes.
  static Result<PublicKey> of_nobody(Algorithm algorithm);

  Algorithm algorithm() const noexcept { return algorithm_; }
  std::string_view raw() const noexcept { return raw_; }
  bool verify(std::string_view message, std::string_view signature) const noexcept {
    return verify_as(algorithm_, message, signature);
  }
  // By another algorithm than its own, which only RSA keys can: any other answer is false.
  bool verify_as(Algorithm algorithm, std::string_view message, std::string_view signature) const noexcept;

  friend bool operator==(const PublicKey& a, const PublicKey& b) noexcept {
    return a.algorithm_ == b.algorithm_ && a.raw_ == b.raw_;
  }

 private:
  PublicKey(Algorithm algorithm, std::string raw, std::shared_ptr<evp_pkey_st> handle);

  Algorithm algorithm_;
  std::string raw_;
  std::shared_ptr<evp_pkey_st> handle_;
};

class PrivateKey {
 public:
  // Each fails with kUnsupported for what is not in kOwnAlgorithms.
  static Result<PrivateKey> generate(Algorithm algorithm);
  // The scalar d (ES256) or the seed (EdDSA), 32 bytes.
  static Result<PrivateKey> from_raw(Algorithm algorithm, const Secret& raw);

  Algorithm algorithm() const noexcept { return public_key_.algorithm(); }
  const PublicKey& public_key() const noexcept { return public_key_; }
  const Secret& raw() const noexcept { return *raw_; }
  Result<std::string> sign(std::string_view message) const;

 private:
  PrivateKey(PublicKey public_key, std::shared_ptr<const Secret> raw, std::shared_ptr<evp_pkey_st> handle);

  PublicKey public_key_;
  std::shared_ptr<const Secret> raw_;
  std::shared_ptr<evp_pkey_st> handle_;
};

}  // namespace writ::crypto
