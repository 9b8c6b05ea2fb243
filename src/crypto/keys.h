// Signature keys: ES256 (ECDSA on P-256 with SHA-256) and EdDSA on Ed25519. There is no other algorithm in
// Writ.
//
// The algorithm belongs to the key, so no message can choose it. Keys are immutable, cheap to copy (they
// share the library's handle) and safe from any thread. Signatures have the form of RFC 7518 §3.4 (r and s,
// 32 bytes each) and RFC 8032 (64 bytes).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

struct evp_pkey_st;

namespace writ::crypto {

enum class Algorithm { kEs256, kEdDsa };

// "ES256" and "EdDSA", as in the JOSE registry.
std::string_view algorithm_name(Algorithm algorithm) noexcept;
std::optional<Algorithm> algorithm_from_name(std::string_view name) noexcept;

class PublicKey {
 public:
  // x and y (64 bytes) for ES256, the public key's 32 bytes for EdDSA. Refuses a point that is not on the
  // curve.
  static Result<PublicKey> from_raw(Algorithm algorithm, std::string_view raw);

  Algorithm algorithm() const noexcept { return algorithm_; }
  std::string_view raw() const noexcept { return raw_; }
  bool verify(std::string_view message, std::string_view signature) const noexcept;

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
