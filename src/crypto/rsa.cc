#include "crypto/rsa.h"

#include "crypto/keys.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

constexpr int kMinModulusBits = 2048;  // RFC 7518 §3.3
constexpr int kMaxModulusBits = 8192;  // more only costs time

// The primes of such keys are powers of 65537 modulo each of these, so their product is too. Of other moduli
// one in some hundred millions is.
constexpr unsigned kRocaGenerator = 65'537;
constexpr unsigned kRocaPrimes[] = {3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                                    47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
                                    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};

bool is_power_of_generator(unsigned value, unsigned prime) {
  unsigned power = 1;
  do {
    if (power == value) return true;
    power = power * kRocaGenerator % prime;
  } while (power != 1);
  return false;
}

bool has_roca_form(const BIGNUM* modulus) {
  for (const auto prime : kRocaPrimes) {
    if (!is_power_of_generator(static_cast<unsigned>(BN_mod_word(modulus, prime)), prime)) return false;
  }
  return true;
}

Result<void> check_numbers(const BIGNUM* modulus, const BIGNUM* exponent) {
  if (BN_num_bits(modulus) < kMinModulusBits || BN_num_bits(modulus) > kMaxModulusBits)
    return failure(ErrorCode::kInvalid, "key: an RSA key of " + std::to_string(BN_num_bits(modulus)) +
                                            " bits, expected 2048 to 8192");
  if (!BN_is_odd(modulus)) return failure(ErrorCode::kInvalid, "key: the RSA modulus is even");
  if (!BN_is_odd(exponent) || BN_is_one(exponent))
    return failure(ErrorCode::kInvalid, "key: the RSA exponent is 1 or even, expected an odd one from 3 on");
  if (has_roca_form(modulus))
    return failure(ErrorCode::kInvalid, "key: the RSA key can be factored (CVE-2017-15361); make another");
  return {};
}

const char* rsa_digest_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRs256:
    case Algorithm::kPs256:
      return "SHA256";
    case Algorithm::kRs384:
    case Algorithm::kPs384:
      return "SHA384";
    case Algorithm::kRs512:
    case Algorithm::kPs512:
      return "SHA512";
    case Algorithm::kEs256:
    case Algorithm::kEs384:
    case Algorithm::kEs512:
    case Algorithm::kEdDsa:
      break;
  }
  return nullptr;
}

}  // namespace

Result<std::shared_ptr<EVP_PKEY>> make_rsa_key(std::string_view raw) {
  if (raw.size() <= kRsaExponentBytes || raw.front() == '\0')
    return failure(ErrorCode::kInvalid, "key: the RSA modulus is empty or begins with a zero octet");
  const auto modulus_bytes = raw.size() - kRsaExponentBytes;
  if (modulus_bytes > kMaxModulusBits / 8)
    return failure(ErrorCode::kInvalid, "key: an RSA key of more than 8192 bits, expected 2048 to 8192");
  const Bignum modulus(BN_bin2bn(octets(raw), static_cast<int>(modulus_bytes), nullptr));
  const Bignum exponent(BN_bin2bn(octets(raw) + modulus_bytes, kRsaExponentBytes, nullptr));
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!modulus || !exponent || !builder)
    return openssl_failure(ErrorCode::kInternal, "key: cannot describe the key");
  TRY(check_numbers(modulus.get(), exponent.get()));
  if (!OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) ||
      !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()))
    return openssl_failure(ErrorCode::kInternal, "key: cannot describe the key");
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return openssl_failure(ErrorCode::kInvalid, "key: not an RSA key");
  return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
}

bool verify_rsa(EVP_PKEY* key, Algorithm algorithm, std::string_view message, std::string_view signature) {
  const char* digest = rsa_digest_name(algorithm);
  const int size = EVP_PKEY_get_size(key);
  if (digest == nullptr || size <= 0 || signature.size() != static_cast<std::size_t>(size)) return false;
  const MdContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;  // the context's own
  if (!context ||
      EVP_DigestVerifyInit_ex(context.get(), &settings, digest, nullptr, nullptr, key, nullptr) != 1)
    return false;
  if (scheme_of(algorithm) == Scheme::kPss) {
    if (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) != 1)
      return false;
  } else if (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PADDING) != 1) {
    return false;
  }
  return EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                          message.size()) == 1;
}

}  // namespace writ::crypto
