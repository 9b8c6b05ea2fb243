// What a token costs beside the cryptography in it, in one run: verifying one that was never seen beside
// OpenSSL's raw verify of the same bytes, verifying one that was seen, and minting beside a raw signature.
// Processor time of this thread, so that other programs are measured as little as can be: what is compared
// runs in short turns, one after the other, and the medians of the turns and of their ratios are printed.
//
// usage: token_speed [TOKENS]
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <functional>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string>
#include <vector>

#include "oauth/testing/accepted.h"
#include "token/minter.h"

namespace writ::oauth {
namespace {

using codec::Json;
using crypto::Algorithm;

constexpr std::size_t kRounds = 7;
constexpr std::size_t kTurn = 20;     // tokens
constexpr std::size_t kWarm = 2'000;  // uses of seen ones in a turn

// OpenSSL's handles live as long as this program.
EVP_PKEY* public_handle(const crypto::PublicKey& key) {
  const auto raw = std::string(key.raw());
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  if (key.algorithm() == Algorithm::kEdDsa)
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes, raw.size());
  const std::string point = '\x04' + raw;
  auto* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  EVP_PKEY* handle = nullptr;
  auto* context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  WRIT_CHECK(EVP_PKEY_fromdata_init(context) == 1);
  WRIT_CHECK(EVP_PKEY_fromdata(context, &handle, EVP_PKEY_PUBLIC_KEY, OSSL_PARAM_BLD_to_param(builder)) == 1);
  return handle;
}

const char* digest_of(Algorithm algorithm) {
  return algorithm == Algorithm::kEdDsa ? nullptr : "SHA256";
}

// A token as the library verifies it: the bytes that are signed, and the signature in its form.
struct Raw {
  std::string input, signature;
};

Raw raw_of(const std::string& token, Algorithm algorithm) {
  const auto dot = token.rfind('.');
  auto signature = codec::base64url_decode(std::string_view(token).substr(dot + 1)).value();
  if (algorithm == Algorithm::kEs256) {
    const auto number = [&](std::size_t from) {
      return BN_bin2bn(reinterpret_cast<const unsigned char*>(signature.data()) + from, 32, nullptr);
    };
    auto* both = ECDSA_SIG_new();
    WRIT_CHECK(ECDSA_SIG_set0(both, number(0), number(32)) == 1);
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(both, &der);
    signature.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  }
  return {token.substr(0, dot), std::move(signature)};
}

bool verify_raw(EVP_PKEY* key, Algorithm algorithm, const Raw& raw) {
  auto* context = EVP_MD_CTX_new();
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  const bool good =
      EVP_DigestVerifyInit_ex(context, nullptr, digest_of(algorithm), nullptr, nullptr, key, nullptr) == 1 &&
      EVP_DigestVerify(context, bytes(raw.signature), raw.signature.size(), bytes(raw.input),
                       raw.input.size()) == 1;
  EVP_MD_CTX_free(context);
  return good;
}

std::string sign_raw(EVP_PKEY* key, Algorithm algorithm, const std::string& input) {
  auto* context = EVP_MD_CTX_new();
  std::string signature(512, '\0');
  std::size_t size = signature.size();
  WRIT_CHECK(EVP_DigestSignInit_ex(context, nullptr, digest_of(algorithm), nullptr, nullptr, key, nullptr) ==
             1);
  WRIT_CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                            reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return signature;
}

double micros() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

double median(std::vector<double> figures) {
  std::ranges::sort(figures);
  return figures[figures.size() / 2];
}

// One of a pair, for the token of that number.
using Work = std::function<void(std::size_t)>;

class Pair {
 public:
  Pair(std::string what, std::string than, double aim)
      : what_(std::move(what)), than_(std::move(than)), aim_(aim) {}

  // `count` of the first in a turn, and `others` of the second.
  void turn(std::size_t from, std::size_t count, const Work& ours, std::size_t others, const Work& theirs) {
    const auto each = [from](std::size_t of, const Work& work) {
      const double began = micros();
      for (std::size_t i = 0; i < of; ++i) work(from + i);
      return (micros() - began) / static_cast<double>(of);
    };
    theirs_.push_back(each(others, theirs));
    ours_.push_back(each(count, ours));
    ratios_.push_back(theirs_.back() / ours_.back());
  }
  ~Pair() {
    fmt::print("{:<22} {:>9.3f} us   {:<15} {:>9.3f} us   {:>8.2f} x   (aim {})\n", what_, median(ours_),
               than_, median(theirs_), median(ratios_), aim_);
  }
  Pair(const Pair&) = delete;

 private:
  const std::string what_, than_;
  const double aim_;
  std::vector<double> ours_, theirs_, ratios_;
};

token::AccessClaims claims_of(std::size_t number) {
  auto claims = token::testing::valid_claims(enforce::testing::kNow);
  claims.jti = fmt::format("speed-{:08}-0123456789", number);
  claims.purpose = "support";
  claims.tenant = "north";
  return claims;
}

// Writ's own tokens.
void own(Algorithm algorithm, std::size_t tokens) {
  const auto key = jose::PrivateJwk::generate(algorithm).value();
  const auto ring = token::KeyRing::of({key}).value();
  const token::Minter minter(*ring);
  std::vector<std::string> texts;
  std::vector<Raw> raws;
  for (std::size_t i = 0; i < tokens; ++i) {
    texts.push_back(minter.mint(claims_of(i)).value());
    raws.push_back(raw_of(texts.back(), algorithm));
  }
  auto* handle = public_handle(key.key().public_key());
  const token::Revocations revocations;
  token::MemoryReplayGuard replays;
  // The library signs with a key of its own: what a signature costs does not depend on whose it is.
  auto* own_key =
      algorithm == Algorithm::kEs256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  const auto name = std::string(crypto::algorithm_name(algorithm));
  Pair minted(name + ", minted", "raw signature", 0.85), warm(name + ", seen before", "never seen", 50),
      cold(name + ", never seen", "raw verify", 0.9);
  const auto now = enforce::testing::kNow;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const token::Verifier first({.issuer = "https://writ.example"}, ring->snapshot()->public_keys,
                                revocations, replays);
    const token::Verifier second({.issuer = "https://writ.example"}, ring->snapshot()->public_keys,
                                 revocations, replays);
    for (std::size_t from = 0; from + kTurn <= tokens; from += kTurn) {
      cold.turn(
          from, kTurn, [&](std::size_t i) { WRIT_CHECK(first.glance(texts[i], now).has_value()); }, kTurn,
          [&](std::size_t i) { WRIT_CHECK(verify_raw(handle, algorithm, raws[i])); });
      warm.turn(
          from, kWarm,
          [&](std::size_t i) {
            WRIT_CHECK(second.glance(texts[from + (i - from) % kTurn], now).has_value());
          },
          kTurn, [&](std::size_t i) { WRIT_CHECK(second.glance(texts[i], now).has_value()); });
      minted.turn(
          from, kTurn, [&](std::size_t i) { WRIT_CHECK(minter.mint(claims_of(i)).has_value()); }, kTurn,
          [&](std::size_t i) { WRIT_CHECK(!sign_raw(own_key, algorithm, raws[i].input).empty()); });
    }
  }
}

// A provider's, with RSA.
void rsa(std::size_t tokens) {
  constexpr auto kAlgorithm = Algorithm::kRs256;
  auto* key = EVP_RSA_gen(2048);
  BIGNUM* modulus = nullptr;
  WRIT_CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(modulus)), '\0');
  BN_bn2bin(modulus, reinterpret_cast<unsigned char*>(bytes.data()));
  const auto jwk = Json::object({{"kty", "RSA"},
                                 {"alg", "RS256"},
                                 {"kid", "rsa-1"},
                                 {"n", codec::base64url_encode(bytes)},
                                 {"e", "AQAB"}});
  testing::AcceptedWorld world([&](TrustedIssuer& issuer) {
    issuer.keys =
        jose::JwkSet::of({jose::Jwk::parse(jwk, jose::KeyRules{crypto::kAllAlgorithms}).value()}).value();
  });
  std::vector<std::string> texts;
  std::vector<Raw> raws;
  const auto header =
      codec::base64url_encode(Json::object({{"alg", "RS256"}, {"kid", "rsa-1"}, {"typ", "at+jwt"}}).dump());
  for (std::size_t i = 0; i < tokens; ++i) {
    const auto claims = world.with({{"jti", Json(fmt::format("speed-{}", i))}});
    const auto input = header + "." + codec::base64url_encode(claims.dump());
    auto signature = sign_raw(key, kAlgorithm, input);
    texts.push_back(input + "." + codec::base64url_encode(signature));
    raws.push_back({input, std::move(signature)});
  }
  Pair cold("RS256, never seen", "raw verify", 0.75);
  for (std::size_t round = 0; round < kRounds; ++round) {
    const token::Verifier verifier(
        {.issuer = std::string(enforce::testing::kIssuer), .foreign = &world.accepted},
        world.tokens.ring->snapshot()->public_keys, world.tokens.revocations, world.tokens.replays);
    for (std::size_t from = 0; from + kTurn <= tokens; from += kTurn)
      cold.turn(
          from, kTurn,
          [&](std::size_t i) { WRIT_CHECK(verifier.glance(texts[i], world.clock.now()).has_value()); }, kTurn,
          [&](std::size_t i) { WRIT_CHECK(verify_raw(key, kAlgorithm, raws[i])); });
  }
}

}  // namespace
}  // namespace writ::oauth

int main(int argc, char** argv) {
  const std::size_t tokens = argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 500;
  writ::oauth::own(writ::crypto::Algorithm::kEs256, tokens);
  writ::oauth::own(writ::crypto::Algorithm::kEdDsa, tokens);
  writ::oauth::rsa(tokens);
}
