#include "crypto/aead.h"

#include "crypto/openssl.h"
#include "crypto/random.h"

namespace writ::crypto {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kMaxTextBytes = 1 << 20;  // far from where int ends

using CipherContext = Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

// One way or the other, with what both need.
Result<CipherContext> begin(const Secret& key, std::string_view nonce, std::string_view associated,
                            bool sealing) {
  if (key.expose().size() != kAeadKeyBytes)
    return failure(ErrorCode::kInvalid, "aead: not a key of 32 bytes");
  CipherContext context(EVP_CIPHER_CTX_new());
  int length = 0;
  if (!context ||
      EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, octets(key.expose()), octets(nonce),
                        sealing ? 1 : 0) != 1 ||
      EVP_CipherUpdate(context.get(), nullptr, &length, octets(associated),
                       static_cast<int>(associated.size())) != 1)
    return openssl_failure(ErrorCode::kInternal, "aead: cannot begin");
  return context;
}

}  // namespace

Result<std::string> seal(const Secret& key, std::string_view associated, std::string_view text) {
  const ErrorQueueGuard guard;
  if (text.size() > kMaxTextBytes || associated.size() > kMaxTextBytes)
    return failure(ErrorCode::kLimit, "aead: longer than 1 MiB");
  const std::string nonce = random_bytes(kNonceBytes);
  const auto context = TRY(begin(key, nonce, associated, true));
  std::string body(text.size(), '\0'), tag(kTagBytes, '\0');
  int length = 0, rest = 0;
  if (EVP_CipherUpdate(context.get(), octets(body), &length, octets(text), static_cast<int>(text.size())) !=
          1 ||
      EVP_CipherFinal_ex(context.get(), octets(body) + length, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, octets(tag)) != 1)
    return openssl_failure(ErrorCode::kInternal, "aead: cannot seal");
  return nonce + body + tag;
}

Result<Secret> unseal(const Secret& key, std::string_view associated, std::string_view sealed) {
  const ErrorQueueGuard guard;
  if (sealed.size() < kNonceBytes + kTagBytes || sealed.size() > kMaxTextBytes)
    return failure(ErrorCode::kCorrupt, "aead: not of a size that a sealed text has");
  const auto nonce = sealed.substr(0, kNonceBytes);
  const auto body = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  const auto context = TRY(begin(key, nonce, associated, false));
  std::string text(body.size(), '\0');
  int length = 0, rest = 0;
  const bool whole = EVP_CipherUpdate(context.get(), octets(text), &length, octets(body),
                                      static_cast<int>(body.size())) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, octets(tag)) == 1 &&
                     EVP_CipherFinal_ex(context.get(), octets(text) + length, &rest) == 1;
  Secret opened(std::move(text));  // wiped, whichever way this ends
  if (!whole) return failure(ErrorCode::kCorrupt, "aead: it was not sealed with this key, or was changed");
  return opened;
}

}  // namespace writ::crypto
