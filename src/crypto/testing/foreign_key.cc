#include "crypto/testing/foreign_key.h"

#include <cstdlib>

#include "crypto/openssl.h"

namespace writ::crypto::testing {
namespace {

constexpr std::size_t kRsaBits = 2048;

// A test cannot go on without.
void check(bool good) {
  if (!good) std::abort();
}

std::string bytes_of(const BIGNUM* number, std::size_t size) {
  std::string bytes(size, '\0');
  check(BN_bn2binpad(number, octets(bytes), static_cast<int>(size)) >= 0);
  return bytes;
}

std::string number_of(const EVP_PKEY* key, const char* name, std::size_t size) {
  BIGNUM* number = nullptr;
  check(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  const Bignum owned(number);
  return bytes_of(number, size == 0 ? static_cast<std::size_t>(BN_num_bytes(number)) : size);
}

const char* digest_of(Algorithm algorithm) {
  const auto name = algorithm_name(algorithm);
  if (name.ends_with("256")) return "SHA256";
  if (name.ends_with("384")) return "SHA384";
  return name.ends_with("512") ? "SHA512" : nullptr;
}

std::string raw_from_der(std::string_view der, std::size_t coordinate) {
  const auto* in = octets(der);
  const EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())));
  check(signature != nullptr);
  return bytes_of(ECDSA_SIG_get0_r(signature.get()), coordinate) +
         bytes_of(ECDSA_SIG_get0_s(signature.get()), coordinate);
}

}  // namespace

ForeignKey ForeignKey::generate(Algorithm algorithm) {
  EVP_PKEY* key = nullptr;
  if (is_rsa(algorithm)) {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", kRsaBits);
  } else if (algorithm == Algorithm::kEdDsa) {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  } else {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve_name(algorithm).data());
  }
  check(key != nullptr);
  return ForeignKey(algorithm, std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

PublicKey ForeignKey::public_key() const {
  std::string raw;
  if (is_rsa(algorithm_)) {
    raw = number_of(handle_.get(), OSSL_PKEY_PARAM_RSA_N, 0) +
          number_of(handle_.get(), OSSL_PKEY_PARAM_RSA_E, kRsaExponentBytes);
  } else if (algorithm_ == Algorithm::kEdDsa) {
    std::size_t size = coordinate_bytes(algorithm_);
    raw.resize(size);
    check(EVP_PKEY_get_raw_public_key(handle_.get(), octets(raw), &size) == 1);
  } else {
    const auto size = coordinate_bytes(algorithm_);
    raw = number_of(handle_.get(), OSSL_PKEY_PARAM_EC_PUB_X, size) +
          number_of(handle_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, size);
  }
  return PublicKey::from_raw(algorithm_, raw).value();
}

std::string ForeignKey::sign(std::string_view message, std::optional<Algorithm> as,
                             std::optional<int> salt_bytes) const {
  const auto algorithm = as.value_or(algorithm_);
  const MdContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  check(EVP_DigestSignInit_ex(context.get(), &settings, digest_of(algorithm), nullptr, nullptr, handle_.get(),
                              nullptr) == 1);
  if (scheme_of(algorithm) == Scheme::kPss) {
    check(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1);
    check(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, salt_bytes.value_or(RSA_PSS_SALTLEN_DIGEST)) == 1);
  }
  std::size_t size = 0;
  check(EVP_DigestSign(context.get(), nullptr, &size, octets(message), message.size()) == 1);
  std::string signature(size, '\0');
  check(EVP_DigestSign(context.get(), octets(signature), &size, octets(message), message.size()) == 1);
  signature.resize(size);
  if (scheme_of(algorithm) == Scheme::kEcdsa) return raw_from_der(signature, coordinate_bytes(algorithm));
  return signature;
}

}  // namespace writ::crypto::testing
