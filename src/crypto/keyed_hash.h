// A hash with a secret key (SipHash-1-3, Aumasson and Bernstein 2012), for tables whose keys others choose:
// who does not know the key can neither fill one bucket nor learn anything from where a text is looked for.
//
// Not a signature and not for storage. Immutable; safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace writ::crypto {

class KeyedHash {
 public:
  KeyedHash();  // with a random key of its own
  constexpr KeyedHash(std::uint64_t key0, std::uint64_t key1) noexcept : key0_(key0), key1_(key1) {}

  std::uint64_t operator()(std::string_view bytes) const noexcept;

 private:
  std::uint64_t key0_, key1_;
};

}  // namespace writ::crypto
