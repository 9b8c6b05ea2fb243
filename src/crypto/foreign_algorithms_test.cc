// What Writ verifies and does not sign: RSA, ECDSA on P-384 and P-521.
#include <array>
#include <gtest/gtest.h>

#include "crypto/keys.h"
#include "crypto/testing/foreign_key.h"

namespace writ::crypto::foreign_algorithms_test {
namespace {

using testing::ForeignKey;

constexpr std::array kEvery{Algorithm::kEs256, Algorithm::kEdDsa, Algorithm::kEs384, Algorithm::kEs512,
                            Algorithm::kRs256, Algorithm::kRs384, Algorithm::kRs512, Algorithm::kPs256,
                            Algorithm::kPs384, Algorithm::kPs512};

// An RSA key is made once for all tests: it takes long.
const ForeignKey& key_for(Algorithm algorithm) {
  static const auto rsa = ForeignKey::generate(Algorithm::kRs256);
  static const auto p256 = ForeignKey::generate(Algorithm::kEs256);
  static const auto p384 = ForeignKey::generate(Algorithm::kEs384);
  static const auto p521 = ForeignKey::generate(Algorithm::kEs512);
  static const auto edwards = ForeignKey::generate(Algorithm::kEdDsa);
  if (is_rsa(algorithm)) return rsa;
  if (algorithm == Algorithm::kEs384) return p384;
  if (algorithm == Algorithm::kEs512) return p521;
  return algorithm == Algorithm::kEs256 ? p256 : edwards;
}

PublicKey pinned(Algorithm algorithm) {
  return PublicKey::from_raw(algorithm, key_for(algorithm).public_key().raw()).value();
}

TEST(ForeignAlgorithms, EachVerifiesItsSignaturesAndNoOthers) {
  for (const auto algorithm : kEvery) {
    const auto key = pinned(algorithm);
    const auto signature = key_for(algorithm).sign("message", algorithm);
    EXPECT_TRUE(key.verify("message", signature)) << algorithm_name(algorithm);
    EXPECT_FALSE(key.verify("massage", signature)) << algorithm_name(algorithm);
    for (const auto place : {std::size_t{0}, signature.size() / 2, signature.size() - 1}) {
      auto altered = signature;
      altered[place] = static_cast<char>(altered[place] ^ 1);
      EXPECT_FALSE(key.verify("message", altered)) << algorithm_name(algorithm) << ' ' << place;
    }
    for (const auto& other_length : {signature + '\0', '\0' + signature, signature.substr(1),
                                     signature.substr(0, signature.size() - 1), std::string()})
      EXPECT_FALSE(key.verify("message", other_length)) << algorithm_name(algorithm);
  }
}

// Each signature, under each key, for each algorithm: two of the three apart is refused.
TEST(ForeignAlgorithms, ASignatureOfOneAlgorithmIsNotOneOfAnother) {
  for (const auto signed_by : kEvery) {
    const auto signature = key_for(signed_by).sign("message", signed_by);
    for (const auto key : kEvery) {
      EXPECT_EQ(pinned(key).verify("message", signature), key == signed_by)
          << algorithm_name(signed_by) << " under a key of " << algorithm_name(key);
      for (const auto as : kEvery) {
        const bool may = is_rsa(key) && is_rsa(as);
        EXPECT_EQ(pinned(key).verify_as(as, "message", signature), as == signed_by && (key == as || may))
            << algorithm_name(signed_by) << " as " << algorithm_name(as) << ", " << algorithm_name(key);
      }
    }
  }
}

TEST(ForeignAlgorithms, ASaltOfAnotherLengthIsRefused) {
  const auto key = pinned(Algorithm::kPs256);
  const auto& pair = key_for(Algorithm::kPs256);
  EXPECT_TRUE(key.verify("message", pair.sign("message", Algorithm::kPs256, 32)));
  for (const int salt : {0, 20, 31, 33, 48, 64})
    EXPECT_FALSE(key.verify("message", pair.sign("message", Algorithm::kPs256, salt))) << salt;
}

TEST(ForeignAlgorithms, NothingSignsWithThem) {
  for (const auto algorithm : kEvery) {
    const bool ours = kOwnAlgorithms.contains(algorithm);
    EXPECT_EQ(PrivateKey::generate(algorithm).has_value(), ours) << algorithm_name(algorithm);
    EXPECT_EQ(PrivateKey::from_raw(algorithm, Secret(std::string(32, '\1'))).has_value(), ours)
        << algorithm_name(algorithm);
  }
}

TEST(ForeignAlgorithms, AKeyOfNobodyVerifiesNothing) {
  for (const auto algorithm : kEvery) {
    const auto key = PublicKey::of_nobody(algorithm).value();
    EXPECT_EQ(key.algorithm(), algorithm);
    EXPECT_FALSE(key.verify("message", key_for(algorithm).sign("message", algorithm)));
  }
}

std::string rsa(std::size_t modulus_bytes, char first = '\xAB', char last = '\x01',
                std::string_view exponent = std::string_view("\0\0\0\0\0\1\0\1", 8)) {
  std::string modulus(modulus_bytes, '\x5A');
  modulus.front() = first;
  modulus.back() = last;
  return modulus.append(exponent);
}

bool accepted(const std::string& raw) {
  const auto key = PublicKey::from_raw(Algorithm::kRs256, raw);
  EXPECT_TRUE(key || key.error().code == ErrorCode::kInvalid);
  return key.has_value();
}

TEST(RsaKeys, A1024BitKeyIsRefused) {
  EXPECT_FALSE(accepted(rsa(128)));
}

TEST(RsaKeys, FewerThan2048BitsAndMoreThan8192AreRefused) {
  EXPECT_TRUE(accepted(rsa(256, '\x80')));
  EXPECT_FALSE(accepted(rsa(256, '\x7F')));  // 2047 bits
  EXPECT_TRUE(accepted(rsa(257, '\x01')));   // 2049 bits
  EXPECT_TRUE(accepted(rsa(1024)));
  EXPECT_FALSE(accepted(rsa(1025, '\x01')));
  EXPECT_FALSE(accepted(rsa(4096)));
}

TEST(RsaKeys, AModulusThatIsEvenOrBeginsWithZeroOrIsMissingIsRefused) {
  EXPECT_FALSE(accepted(rsa(256, '\xAB', '\x02')));
  EXPECT_FALSE(accepted(rsa(300, '\0')));
  EXPECT_FALSE(accepted(std::string("\0\0\0\0\0\1\0\1", 8)));
  EXPECT_FALSE(accepted(""));
}

TEST(RsaKeys, AnExponentThatIsOneOrEvenIsRefused) {
  const auto with = [](std::string_view exponent) { return accepted(rsa(256, '\xAB', '\x01', exponent)); };
  EXPECT_TRUE(with(std::string_view("\0\0\0\0\0\0\0\3", 8)));
  EXPECT_TRUE(with("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"));
  EXPECT_FALSE(with(std::string_view("\0\0\0\0\0\0\0\0", 8)));
  EXPECT_FALSE(with(std::string_view("\0\0\0\0\0\0\0\1", 8)));
  EXPECT_FALSE(with(std::string_view("\0\0\0\0\0\0\0\2", 8)));
  EXPECT_FALSE(with(std::string_view("\0\0\0\0\0\1\0\0", 8)));
}

// A power of 65537 is one modulo every prime, as the moduli of the broken generator are.
TEST(RsaKeys, AKeyOfTheRocaGeneratorIsRefused) {
  std::string modulus(2100 / 8, '\0');
  modulus.back() = '\1';
  for (int power = 0; power < 130; ++power) {
    unsigned carry = 0;
    for (std::size_t i = modulus.size(); i-- > 0;) {
      carry += static_cast<unsigned char>(modulus[i]) * 65'537U;
      modulus[i] = static_cast<char>(carry & 0xFF);
      carry >>= 8;
    }
  }
  modulus.erase(0, modulus.find_first_not_of('\0'));
  ASSERT_GE(modulus.size(), 257U);
  modulus += std::string_view("\0\0\0\0\0\1\0\1", 8);
  EXPECT_FALSE(accepted(modulus));
  modulus[100] = static_cast<char>(modulus[100] ^ 1);
  EXPECT_TRUE(accepted(modulus));
}

TEST(Points, ThoseBesideTheirCurveAreRefused) {
  for (const auto algorithm : {Algorithm::kEs384, Algorithm::kEs512}) {
    std::string raw(key_for(algorithm).public_key().raw());
    EXPECT_TRUE(PublicKey::from_raw(algorithm, raw).has_value());
    EXPECT_FALSE(PublicKey::from_raw(algorithm, raw + '\0').has_value());
    EXPECT_FALSE(PublicKey::from_raw(algorithm, raw.substr(1)).has_value());
    EXPECT_FALSE(PublicKey::from_raw(algorithm, std::string(raw.size(), '\0')).has_value());
    raw.back() = static_cast<char>(raw.back() ^ 1);
    EXPECT_FALSE(PublicKey::from_raw(algorithm, raw).has_value());
  }
}

TEST(AlgorithmNames, ComeBackAndRfc9864HasOneMore) {
  for (const auto algorithm : kEvery) EXPECT_EQ(algorithm_from_name(algorithm_name(algorithm)), algorithm);
  EXPECT_EQ(algorithm_from_name("Ed25519"), Algorithm::kEdDsa);
  for (const auto* name : {"none", "HS256", "HS384", "HS512", "es256", "rs256", "RS1", "ES256K", "ESP256",
                           "Ed448", "RSA-OAEP", "ES521", ""})
    EXPECT_EQ(algorithm_from_name(name), std::nullopt) << name;
}

TEST(AlgorithmSets, TellTheirOnlyOne) {
  EXPECT_EQ(AlgorithmSet{}.only(), std::nullopt);
  EXPECT_EQ(AlgorithmSet{Algorithm::kPs512}.only(), Algorithm::kPs512);
  EXPECT_EQ(kOwnAlgorithms.only(), std::nullopt);
  EXPECT_EQ(kOwnAlgorithms.text(), "ES256, EdDSA");
  EXPECT_TRUE((kOwnAlgorithms & kRsaAlgorithms).empty());
  EXPECT_EQ(kAllAlgorithms & kRsaAlgorithms, kRsaAlgorithms);
}

}  // namespace
}  // namespace writ::crypto::foreign_algorithms_test
