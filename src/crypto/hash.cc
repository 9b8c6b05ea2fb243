#include "crypto/hash.h"

#include <cstring>

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
  // Sixteen bytes at a time: each becomes two halves, and each half a digit.
  using Block = unsigned char __attribute__((vector_size(16)));
  static_assert(sizeof(Digest) % sizeof(Block) == 0);
  const auto digits_of = [](Block halves) { return halves + '0' + (Block(halves > 9) & ('a' - '0' - 10)); };
  std::array<Block, 2 * sizeof(Digest) / sizeof(Block)> text;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    Block bytes;
    std::memcpy(&bytes, digest.data() + i / 2 * sizeof(Block), sizeof(Block));
    const auto high = digits_of(bytes >> 4), low = digits_of(bytes & 15);
    text[i] = __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    text[i + 1] =
        __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  }
  out.append(reinterpret_cast<const char*>(text.data()), sizeof text);
}

}  // namespace writ::crypto
