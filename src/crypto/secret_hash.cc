#include "crypto/secret_hash.h"

#include <atomic>

#include "base/blocking.h"
#include "codec/base64url.h"
#include "crypto/openssl.h"
#include "crypto/random.h"

namespace writ::crypto {
namespace {

// RFC 7914 §2: N = 2^14, r = 8, p = 1 take 16 MiB. The text before the salt states them; no other cost is
// accepted, so that a stored hash can neither be weakened nor made to exhaust memory.
constexpr std::string_view kPrefix = "$scrypt$ln=14,r=8,p=1$";
constexpr std::uint64_t kCost = 1U << 14;
constexpr std::uint32_t kBlockSize = 8;
constexpr std::uint32_t kParallelism = 1;
constexpr std::uint64_t kMaxMemoryBytes = 32U << 20;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kMaxSecretBytes = 1024;

std::atomic<std::uint64_t> computed_hashes{0};

struct Parts {
  std::string salt;
  std::string hash;
};

Result<Parts> parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return failure(ErrorCode::kInvalid, "secret hash: unknown form or cost");
  text.remove_prefix(kPrefix.size());
  const auto dollar = text.find('$');
  if (dollar == text.npos) return failure(ErrorCode::kInvalid, "secret hash: no hash after the salt");
  auto salt = TRY(codec::base64url_decode(text.substr(0, dollar)));
  auto hash = TRY(codec::base64url_decode(text.substr(dollar + 1)));
  if (salt.size() != kSaltBytes || hash.size() != kHashBytes) {
    return failure(ErrorCode::kInvalid, "secret hash: wrong length of salt or hash");
  }
  return Parts{std::move(salt), std::move(hash)};
}

Result<std::string> scrypt(std::string_view secret, std::string_view salt) {
  may_block("scrypt");
  computed_hashes.fetch_add(1, std::memory_order_relaxed);
  const ErrorQueueGuard guard;
  if (secret.size() > kMaxSecretBytes) return failure(ErrorCode::kLimit, "secret: longer than 1024 bytes");
  const Kdf algorithm(EVP_KDF_fetch(nullptr, "SCRYPT", nullptr));
  const KdfContext context(EVP_KDF_CTX_new(algorithm.get()));
  // OSSL_PARAM has no const; the library only reads.
  std::uint64_t cost = kCost, max_memory = kMaxMemoryBytes;
  std::uint32_t block_size = kBlockSize, parallelism = kParallelism;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, const_cast<char*>(secret.data()),
                                        secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<char*>(salt.data()), salt.size()),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &cost),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &block_size),
      OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &parallelism),
      OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &max_memory),
      OSSL_PARAM_construct_end(),
  };
  std::string hash(kHashBytes, '\0');
  if (!algorithm || !context || EVP_KDF_derive(context.get(), octets(hash), hash.size(), params) != 1) {
    return openssl_failure(ErrorCode::kUnavailable, "secret: cannot compute its hash");
  }
  return hash;
}

}  // namespace

Result<std::string> hash_secret(const Secret& secret) {
  const auto salt = random_bytes(kSaltBytes);
  const auto hash = TRY(scrypt(secret.expose(), salt));
  return std::string(kPrefix) + codec::base64url_encode(salt) + "$" + codec::base64url_encode(hash);
}

bool verify_secret(std::string_view hash, const Secret& secret) {
  const auto parts = parse(hash);
  if (!parts) {
    (void)verify_absent_secret(secret);
    return false;
  }
  const auto computed = scrypt(secret.expose(), parts->salt);
  return computed && constant_time_equal(*computed, parts->hash);
}

bool verify_absent_secret(const Secret& secret) {
  static const std::string salt(kSaltBytes, '\0');
  (void)scrypt(secret.expose(), salt);
  return false;
}

bool valid_secret_hash(std::string_view hash) noexcept {
  return parse(hash).has_value();
}

std::uint64_t secret_hashes_computed() noexcept {
  return computed_hashes.load(std::memory_order_relaxed);
}

}  // namespace writ::crypto
