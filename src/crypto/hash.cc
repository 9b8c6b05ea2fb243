#include "crypto/hash.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

// Fetched once: looking an algorithm up costs more than hashing a token.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  WRIT_CHECK(algorithm != nullptr);
  return algorithm;
}

EVP_MD_CTX* thread_context() {
  thread_local const MdContext context(EVP_MD_CTX_new());
  WRIT_CHECK(context != nullptr);
  return context.get();
}

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest digest;
  auto* context = thread_context();
  WRIT_CHECK(EVP_DigestInit_ex2(context, sha256_algorithm(), nullptr) == 1);
  WRIT_CHECK(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
  WRIT_CHECK(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest digest;
  std::size_t size = 0;
  WRIT_CHECK(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.data(), key.size(), octets(bytes),
                       bytes.size(), digest.data(), digest.size(), &size) != nullptr);
  WRIT_CHECK(size == digest.size());
  return digest;
}

std::string hex(const Digest& digest) {
  std::string text;
  append_hex(text, digest);
  return text;
}

void append_hex(std::string& out, const Digest& digest) {
  // Both digits of a byte at once.
  static constexpr auto kDigits = [] {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<std::array<char, 2>, 256> pairs;
    for (std::size_t byte = 0; byte < pairs.size(); ++byte)
      pairs[byte] = {digits[byte >> 4], digits[byte & 15]};
    return pairs;
  }();
  std::array<std::array<char, 2>, std::tuple_size_v<Digest>> text;
  std::ranges::transform(digest, text.begin(), [](std::uint8_t byte) { return kDigits[byte]; });
  out.append(text.front().data(), sizeof text);
}

}  // namespace writ::crypto
