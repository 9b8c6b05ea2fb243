#include "crypto/keys.h"

#include <algorithm>
#include <array>
#include <new>

#include "crypto/hash.h"
#include "crypto/openssl.h"
#include "crypto/random.h"
#include "crypto/rsa.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kCoordinateBytes = 32;  // of P-256, the only curve of ECDSA that Writ signs on
constexpr std::size_t kEd25519KeyBytes = 32;  // RFC 8032 §5.1.5
constexpr std::size_t kPrivateKeyBytes = 32;  // the scalar of P-256, the seed of Ed25519
constexpr std::size_t kEd25519SignatureBytes = 64;
constexpr char kUncompressedPoint = '\x04';         // SEC 1 §2.3.3
constexpr std::size_t kMaxDerSignatureBytes = 144;  // of P-521

using KeyHandle = std::shared_ptr<EVP_PKEY>;

KeyHandle share(EVP_PKEY* key) {
  return KeyHandle(key, EVP_PKEY_free);
}

std::unexpected<Error> not_a_point(std::string_view curve) {
  return openssl_failure(ErrorCode::kInvalid, "key: not a point of " + std::string(curve));
}

// An EC key from its point (04 ‖ x ‖ y) and, where given, its scalar.
Result<KeyHandle> make_ec_key(std::string_view curve, std::string_view point, const BIGNUM* scalar) {
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      !OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.data(),
                                       curve.size()) ||
      !OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) ||
      (scalar != nullptr && !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar))) {
    return openssl_failure(ErrorCode::kInternal, "key: cannot describe the key");
  }
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, scalar == nullptr ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                        params.get()) != 1) {
    return not_a_point(curve);
  }
  auto handle = share(key);

  // The point is on the curve, is not the point at infinity, and has the curve's order.
  const PkeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!check || EVP_PKEY_public_check(check.get()) != 1) return not_a_point(curve);
  return handle;
}

// 04 ‖ x ‖ y of the scalar's public point. Refuses a scalar outside [1, order).
Result<std::string> public_point(const BIGNUM* scalar) {
  const EcGroup group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  if (!group) return openssl_failure(ErrorCode::kInternal, "key: P-256 is not available");
  if (BN_is_zero(scalar) || BN_cmp(scalar, EC_GROUP_get0_order(group.get())) >= 0) {
    return failure(ErrorCode::kInvalid, "key: private key out of range");
  }
  const EcPoint point(EC_POINT_new(group.get()));
  std::string encoded(1 + 2 * kCoordinateBytes, '\0');
  if (!point || EC_POINT_mul(group.get(), point.get(), scalar, nullptr, nullptr, nullptr) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, octets(encoded),
                         encoded.size(), nullptr) != encoded.size()) {
    return openssl_failure(ErrorCode::kInternal, "key: cannot compute the public key");
  }
  return encoded;
}

// RFC 7518 §3.4: r and s, each in the size of a coordinate. The library wants a DER sequence. Empty when it
// cannot be one.
std::string der_from_raw(std::string_view raw, std::size_t coordinate) {
  if (raw.size() != 2 * coordinate) return {};
  Bignum r(BN_bin2bn(octets(raw), static_cast<int>(coordinate), nullptr));
  Bignum s(BN_bin2bn(octets(raw) + coordinate, static_cast<int>(coordinate), nullptr));
  const EcdsaSignature signature(ECDSA_SIG_new());
  if (!r || !s || !signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();  // the signature owns them now
  (void)s.release();
  std::string der(kMaxDerSignatureBytes, '\0');
  auto* out = octets(der);
  const int size = i2d_ECDSA_SIG(signature.get(), &out);
  if (size <= 0 || static_cast<std::size_t>(size) > der.size()) return {};
  der.resize(static_cast<std::size_t>(size));
  return der;
}

Result<std::string> raw_from_der(std::string_view der) {
  const auto* in = octets(der);
  const EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())));
  std::string raw(2 * kCoordinateBytes, '\0');
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), octets(raw), kCoordinateBytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), octets(raw) + kCoordinateBytes, kCoordinateBytes) < 0) {
    return openssl_failure(ErrorCode::kInternal, "sign: unexpected form of signature");
  }
  return raw;
}

// The y coordinates, in the encoding of RFC 8032 §5.1.2, of Ed25519's points of small order, and two that
// stand for them without being reduced. Under such a "key" a signature can fit any message.
constexpr std::array<std::string_view, 7> kSmallOrderPoints = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

bool has_small_order(std::string_view raw) {
  Digest y;  // not a digest, but 32 bytes that can be written in hexadecimal
  std::ranges::copy(raw, y.begin());
  y.back() &= 0x7F;  // without the sign of x
  return std::ranges::find(kSmallOrderPoints, hex(y)) != kSmallOrderPoints.end();
}

// Ed25519 has its own hash inside; ECDSA is told which.
const char* ecdsa_digest_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kEs256:
      return "SHA256";
    case Algorithm::kEs384:
      return "SHA384";
    case Algorithm::kEs512:
      return "SHA512";
    default:
      return nullptr;
  }
}

std::unexpected<Error> only_verified() {
  return failure(ErrorCode::kUnsupported, "key: Writ signs with ES256 and EdDSA alone");
}

std::string modulus_of_nobody() {
  auto modulus = random_bytes(256);
  modulus.front() = static_cast<char>(modulus.front() | '\x80');
  modulus.back() = static_cast<char>(modulus.back() | '\x01');
  return modulus + std::string("\0\0\0\0\0\1\0\1", kRsaExponentBytes);
}

Result<std::string> point_of_nobody(std::string_view curve) {
  const auto key = share(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve.data()));
  std::string point(1 + 2 * 66, '\0');
  std::size_t size = 0;
  if (!key || EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY, octets(point), point.size(),
                                              &size) != 1) {
    return openssl_failure(ErrorCode::kInternal, "key: cannot generate");
  }
  return point.substr(1, size - 1);
}

}  // namespace

PublicKey::PublicKey(Algorithm algorithm, std::string raw, KeyHandle handle)
    : algorithm_(algorithm), raw_(std::move(raw)), handle_(std::move(handle)) {}

Result<PublicKey> PublicKey::from_raw(Algorithm algorithm, std::string_view raw) {
  const ErrorQueueGuard guard;
  if (is_rsa(algorithm)) {
    auto handle = TRY(make_rsa_key(raw));
    return PublicKey(algorithm, std::string(raw), std::move(handle));
  }
  if (scheme_of(algorithm) == Scheme::kEcdsa) {
    const auto curve = curve_name(algorithm);
    const auto size = 2 * coordinate_bytes(algorithm);
    if (raw.size() != size)
      return failure(ErrorCode::kInvalid,
                     "key: a " + std::string(curve) + " key has " + std::to_string(size) + " bytes");
    auto handle = TRY(make_ec_key(curve, std::string(1, kUncompressedPoint).append(raw), nullptr));
    return PublicKey(algorithm, std::string(raw), std::move(handle));
  }
  if (raw.size() != kEd25519KeyBytes) return failure(ErrorCode::kInvalid, "key: an Ed25519 key has 32 bytes");
  if (has_small_order(raw)) return failure(ErrorCode::kInvalid, "key: a point of small order");
  auto handle = share(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, octets(raw), raw.size()));
  if (!handle) return openssl_failure(ErrorCode::kInvalid, "key: not an Ed25519 key");
  return PublicKey(algorithm, std::string(raw), std::move(handle));
}

Result<PublicKey> PublicKey::of_nobody(Algorithm algorithm) {
  const ErrorQueueGuard guard;
  switch (scheme_of(algorithm)) {
    case Scheme::kPkcs1:
    case Scheme::kPss:
      return from_raw(algorithm, modulus_of_nobody());
    case Scheme::kEcdsa:
      return from_raw(algorithm, TRY(point_of_nobody(curve_name(algorithm))));
    case Scheme::kEdwards:
      break;
  }
  return TRY(PrivateKey::generate(algorithm)).public_key();
}

// What there is no memory to check is not good.
bool PublicKey::verify_as(Algorithm algorithm, std::string_view message,
                          std::string_view signature) const noexcept try {
  const ErrorQueueGuard guard;
  if (is_rsa(algorithm_))
    return is_rsa(algorithm) && verify_rsa(handle_.get(), algorithm, message, signature);
  if (algorithm != algorithm_) return false;
  std::string der;
  if (scheme_of(algorithm_) == Scheme::kEcdsa) {
    der = der_from_raw(signature, coordinate_bytes(algorithm_));
    if (der.empty()) return false;
    signature = der;
  } else if (signature.size() != kEd25519SignatureBytes) {
    return false;
  }
  const MdContext context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit_ex(context.get(), nullptr, ecdsa_digest_name(algorithm_), nullptr, nullptr,
                                 handle_.get(), nullptr) == 1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                          message.size()) == 1;
} catch (const std::bad_alloc&) {
  return false;
}

PrivateKey::PrivateKey(PublicKey public_key, std::shared_ptr<const Secret> raw, KeyHandle handle)
    : public_key_(std::move(public_key)), raw_(std::move(raw)), handle_(std::move(handle)) {}

Result<PrivateKey> PrivateKey::generate(Algorithm algorithm) {
  const ErrorQueueGuard guard;
  if (!kOwnAlgorithms.contains(algorithm)) return only_verified();
  const auto handle = share(algorithm == Algorithm::kEs256 ? EVP_EC_gen("P-256")
                                                           : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!handle) return openssl_failure(ErrorCode::kInternal, "key: cannot generate");
  std::string raw(kPrivateKeyBytes, '\0');
  if (algorithm == Algorithm::kEs256) {
    BIGNUM* scalar = nullptr;
    if (EVP_PKEY_get_bn_param(handle.get(), OSSL_PKEY_PARAM_PRIV_KEY, &scalar) != 1) {
      return openssl_failure(ErrorCode::kInternal, "key: cannot read what was generated");
    }
    const Bignum owned(scalar);
    if (BN_bn2binpad(scalar, octets(raw), kPrivateKeyBytes) < 0) {
      return openssl_failure(ErrorCode::kInternal, "key: cannot read what was generated");
    }
  } else {
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_private_key(handle.get(), octets(raw), &size) != 1 || size != kPrivateKeyBytes) {
      return openssl_failure(ErrorCode::kInternal, "key: cannot read what was generated");
    }
  }
  return from_raw(algorithm, Secret(std::move(raw)));
}

Result<PrivateKey> PrivateKey::from_raw(Algorithm algorithm, const Secret& raw) {
  const ErrorQueueGuard guard;
  if (!kOwnAlgorithms.contains(algorithm)) return only_verified();
  const auto bytes = raw.expose();
  if (bytes.size() != kPrivateKeyBytes)
    return failure(ErrorCode::kInvalid, "key: a private key has 32 bytes");
  auto shared = std::make_shared<const Secret>(std::string(bytes));

  if (algorithm == Algorithm::kEs256) {
    const Bignum scalar(BN_secure_new());
    if (!scalar || BN_bin2bn(octets(bytes), kPrivateKeyBytes, scalar.get()) == nullptr) {
      return openssl_failure(ErrorCode::kInternal, "key: out of memory");
    }
    BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
    const auto point = TRY(public_point(scalar.get()));
    auto handle = TRY(make_ec_key("P-256", point, scalar.get()));
    auto public_key = TRY(PublicKey::from_raw(algorithm, std::string_view(point).substr(1)));
    return PrivateKey(std::move(public_key), std::move(shared), std::move(handle));
  }

  auto handle =
      share(EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, octets(bytes), bytes.size()));
  std::string public_bytes(kEd25519KeyBytes, '\0');
  std::size_t size = public_bytes.size();
  if (!handle || EVP_PKEY_get_raw_public_key(handle.get(), octets(public_bytes), &size) != 1) {
    return openssl_failure(ErrorCode::kInvalid, "key: not an Ed25519 key");
  }
  auto public_key = TRY(PublicKey::from_raw(algorithm, public_bytes));
  return PrivateKey(std::move(public_key), std::move(shared), std::move(handle));
}

Result<std::string> PrivateKey::sign(std::string_view message) const {
  const ErrorQueueGuard guard;
  const MdContext context(EVP_MD_CTX_new());
  std::string signature(kMaxDerSignatureBytes, '\0');
  std::size_t size = signature.size();
  if (!context ||
      EVP_DigestSignInit_ex(context.get(), nullptr, ecdsa_digest_name(algorithm()), nullptr, nullptr,
                            handle_.get(), nullptr) != 1 ||
      EVP_DigestSign(context.get(), octets(signature), &size, octets(message), message.size()) != 1) {
    return openssl_failure(ErrorCode::kInternal, "sign: the library failed");
  }
  signature.resize(size);
  if (algorithm() == Algorithm::kEs256) return raw_from_der(signature);
  return signature;
}

}  // namespace writ::crypto
