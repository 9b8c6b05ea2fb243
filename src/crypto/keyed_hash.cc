#include "crypto/keyed_hash.h"

#include <bit>
#include <cstring>

#include "crypto/random.h"

namespace writ::crypto {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

// Of eight bytes or fewer.
std::uint64_t word(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32) + v3;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t value) noexcept {
    v3 ^= value;
    round();
    v0 ^= value;
  }
};

}  // namespace

KeyedHash::KeyedHash() {
  const auto bytes = random_bytes(2 * sizeof(std::uint64_t));
  key0_ = word(std::string_view(bytes).substr(0, 8));
  key1_ = word(std::string_view(bytes).substr(8));
}

std::uint64_t KeyedHash::operator()(std::string_view bytes) const noexcept {
  State state{key0_ ^ 0x736f6d6570736575, key1_ ^ 0x646f72616e646f6d, key0_ ^ 0x6c7967656e657261,
              key1_ ^ 0x7465646279746573};
  const auto size = static_cast<std::uint64_t>(bytes.size());
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) state.absorb(word(bytes.substr(0, 8)));
  state.absorb(size << 56 | word(bytes));
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace writ::crypto
