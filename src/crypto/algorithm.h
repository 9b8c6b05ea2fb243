// The signature algorithms (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1, RFC 9864 §2.2) and sets of them.
//
// Writ signs with ES256 and EdDSA, and its own tokens and proofs know these two alone. The others are for
// verifying what identity providers and clients sign. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace writ::crypto {

enum class Algorithm : std::uint8_t {
  kEs256,
  kEdDsa,  // on Ed25519
  kEs384,
  kEs512,
  kRs256,
  kRs384,
  kRs512,
  kPs256,
  kPs384,
  kPs512,
};
inline constexpr std::size_t kAlgorithms = 10;

// Which kind of key it takes, and what it does with it.
enum class Scheme : std::uint8_t { kEcdsa, kEdwards, kPkcs1, kPss };

// "ES256", "EdDSA" and so on, as in the JOSE registry.
std::string_view algorithm_name(Algorithm algorithm) noexcept;
// Knows EdDSA by RFC 9864's name too: `Ed25519`. That RFC has no other JOSE name for what is here.
std::optional<Algorithm> algorithm_from_name(std::string_view name) noexcept;
Scheme scheme_of(Algorithm algorithm) noexcept;
// "P-256"; empty for RSA.
std::string_view curve_name(Algorithm algorithm) noexcept;
// Of one coordinate of a point; 0 for RSA.
std::size_t coordinate_bytes(Algorithm algorithm) noexcept;
inline bool is_rsa(Algorithm algorithm) noexcept {
  return scheme_of(algorithm) == Scheme::kPkcs1 || scheme_of(algorithm) == Scheme::kPss;
}

class AlgorithmSet {
 public:
  constexpr AlgorithmSet() = default;
  constexpr AlgorithmSet(std::initializer_list<Algorithm> algorithms) {
    for (const auto algorithm : algorithms) insert(algorithm);
  }
  constexpr void insert(Algorithm algorithm) { bits_ |= bit(algorithm); }
  constexpr bool contains(Algorithm algorithm) const { return (bits_ & bit(algorithm)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr AlgorithmSet operator&(AlgorithmSet other) const {
    other.bits_ &= bits_;
    return other;
  }
  friend constexpr bool operator==(AlgorithmSet, AlgorithmSet) = default;

  // Of a set that is not empty.
  Algorithm first() const noexcept;
  // Its only one; nothing where there is none, or a choice.
  std::optional<Algorithm> only() const noexcept;
  // "ES256, EdDSA"
  std::string text() const;

 private:
  static constexpr unsigned bit(Algorithm algorithm) { return 1U << static_cast<unsigned>(algorithm); }
  unsigned bits_ = 0;
};

// What Writ signs with, and all that it reads of its own.
inline constexpr AlgorithmSet kOwnAlgorithms{Algorithm::kEs256, Algorithm::kEdDsa};
inline constexpr AlgorithmSet kRsaAlgorithms{Algorithm::kRs256, Algorithm::kRs384, Algorithm::kRs512,
                                             Algorithm::kPs256, Algorithm::kPs384, Algorithm::kPs512};
inline constexpr AlgorithmSet kAllAlgorithms{
    Algorithm::kEs256, Algorithm::kEdDsa, Algorithm::kEs384, Algorithm::kEs512, Algorithm::kRs256,
    Algorithm::kRs384, Algorithm::kRs512, Algorithm::kPs256, Algorithm::kPs384, Algorithm::kPs512};

}  // namespace writ::crypto
