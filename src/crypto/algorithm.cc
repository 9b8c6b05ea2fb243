#include "crypto/algorithm.h"

#include <array>
#include <bit>

namespace writ::crypto {
namespace {

struct Entry {
  std::string_view name;
  Scheme scheme;
  std::string_view curve;
  std::size_t coordinate_bytes;
};

// By the values of Algorithm.
constexpr std::array<Entry, kAlgorithms> kEntries = {{
    {"ES256", Scheme::kEcdsa, "P-256", 32},
    {"EdDSA", Scheme::kEdwards, "Ed25519", 32},
    {"ES384", Scheme::kEcdsa, "P-384", 48},
    {"ES512", Scheme::kEcdsa, "P-521", 66},
    {"RS256", Scheme::kPkcs1, "", 0},
    {"RS384", Scheme::kPkcs1, "", 0},
    {"RS512", Scheme::kPkcs1, "", 0},
    {"PS256", Scheme::kPss, "", 0},
    {"PS384", Scheme::kPss, "", 0},
    {"PS512", Scheme::kPss, "", 0},
}};
static_assert(static_cast<std::size_t>(Algorithm::kPs512) + 1 == kAlgorithms);

const Entry& entry(Algorithm algorithm) {
  return kEntries[static_cast<std::size_t>(algorithm)];
}

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) noexcept {
  return entry(algorithm).name;
}

std::optional<Algorithm> algorithm_from_name(std::string_view name) noexcept {
  // RFC 9864 §2.2.
  if (name == "Ed25519") return Algorithm::kEdDsa;
  for (std::size_t i = 0; i < kAlgorithms; ++i) {
    if (kEntries[i].name == name) return static_cast<Algorithm>(i);
  }
  return std::nullopt;
}

Scheme scheme_of(Algorithm algorithm) noexcept {
  return entry(algorithm).scheme;
}

std::string_view curve_name(Algorithm algorithm) noexcept {
  return entry(algorithm).curve;
}

std::size_t coordinate_bytes(Algorithm algorithm) noexcept {
  return entry(algorithm).coordinate_bytes;
}

Algorithm AlgorithmSet::first() const noexcept {
  return static_cast<Algorithm>(std::countr_zero(bits_));
}

std::optional<Algorithm> AlgorithmSet::only() const noexcept {
  return std::has_single_bit(bits_) ? std::optional(first()) : std::nullopt;
}

std::string AlgorithmSet::text() const {
  std::string names;
  for (std::size_t i = 0; i < kAlgorithms; ++i) {
    if (!contains(static_cast<Algorithm>(i))) continue;
    if (!names.empty()) names += ", ";
    names += kEntries[i].name;
  }
  return names;
}

}  // namespace writ::crypto
