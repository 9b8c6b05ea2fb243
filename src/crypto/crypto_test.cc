#include <chrono>
#include <gtest/gtest.h>
#include <thread>
#include <unordered_set>
#include <vector>

#include "codec/base64url.h"
#include "crypto/hash.h"
#include "crypto/keyed_hash.h"
#include "crypto/keys.h"
#include "crypto/random.h"
#include "crypto/secret_hash.h"

namespace writ::crypto::crypto_test {
namespace {

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

TEST(Hash, Sha256OfTheVectorsOfFips180) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// What CPython 3.11, which hashes with SipHash-1-3, says with PYTHONHASHSEED=0.
TEST(KeyedHash, IsSipHash) {
  const KeyedHash hash(0, 0);
  EXPECT_EQ(hash("a"), 0x407448d2b89b1813U);
  EXPECT_EQ(hash("writ"), 0x1c5f95c6630a3c29U);
  EXPECT_EQ(hash("abcdefg"), 0x6db12aae9070f506U);
  EXPECT_EQ(hash("abcdefgh"), 0x3f7b849c0b8e35eaU);
  EXPECT_EQ(hash("abcdefghi"), 0xf89b34a3d11eb6e5U);
  EXPECT_EQ(hash(std::string(100, 'a')), 0xdb4f1f048099e5eeU);
}

TEST(KeyedHash, EachHasAKeyOfItsOwn) {
  const KeyedHash one, other;
  EXPECT_EQ(one("a"), one("a"));
  EXPECT_NE(one("a"), other("a"));
  EXPECT_NE(KeyedHash(1, 0)("a"), KeyedHash(0, 1)("a"));
}

TEST(Hash, HmacOfTheVectorsOfRfc4231) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Random, IdentifiersDoNotRepeat) {
  std::unordered_set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto id = random_id();
    EXPECT_EQ(id.size(), 22U);
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_EQ(random_bytes(0).size(), 0U);
}

TEST(Keys, EachAlgorithmVerifiesWhatItSigned) {
  for (const auto algorithm : {Algorithm::kEs256, Algorithm::kEdDsa}) {
    const auto key = PrivateKey::generate(algorithm).value();
    const auto signature = key.sign("message").value();
    EXPECT_EQ(signature.size(), 64U);
    EXPECT_TRUE(key.public_key().verify("message", signature));
    EXPECT_FALSE(key.public_key().verify("massage", signature));
    for (const std::size_t i : {0U, 31U, 32U, 63U}) {
      auto altered = signature;
      altered[i] = static_cast<char>(altered[i] ^ 1);
      EXPECT_FALSE(key.public_key().verify("message", altered));
    }
    EXPECT_FALSE(key.public_key().verify("message", signature + '\0'));
    EXPECT_FALSE(key.public_key().verify("message", signature.substr(1)));
    EXPECT_FALSE(key.public_key().verify("message", ""));
    EXPECT_FALSE(PrivateKey::generate(algorithm).value().public_key().verify("message", signature));
  }
}

TEST(Keys, APrivateKeyComesBackFromItsBytes) {
  for (const auto algorithm : {Algorithm::kEs256, Algorithm::kEdDsa}) {
    const auto key = PrivateKey::generate(algorithm).value();
    const auto again = PrivateKey::from_raw(algorithm, key.raw()).value();
    EXPECT_EQ(again.public_key(), key.public_key());
    EXPECT_TRUE(key.public_key().verify("m", again.sign("m").value()));
  }
}

// RFC 8032 §7.1, test 2.
TEST(Keys, SignsTheEd25519VectorOfRfc8032) {
  const auto key = PrivateKey::from_raw(
                       Algorithm::kEdDsa,
                       Secret(from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")))
                       .value();
  EXPECT_EQ(key.public_key().raw(),
            from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  EXPECT_EQ(key.sign("\x72").value(),
            from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"));
}

// RFC 6979 §A.2.5 gives a P-256 scalar and its point.
TEST(Keys, ComputesTheP256PublicKeyOfAScalar) {
  const auto key = PrivateKey::from_raw(
                       Algorithm::kEs256,
                       Secret(from_hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")))
                       .value();
  EXPECT_EQ(key.public_key().raw(),
            from_hex("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                     "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"));
}

TEST(Keys, RefusesPointsThatAreNotOnTheCurve) {
  const auto key = PrivateKey::generate(Algorithm::kEs256).value();
  std::string raw(key.public_key().raw());
  raw.back() = static_cast<char>(raw.back() ^ 1);
  EXPECT_FALSE(PublicKey::from_raw(Algorithm::kEs256, raw).has_value());
  EXPECT_FALSE(PublicKey::from_raw(Algorithm::kEs256, std::string(64, '\0')).has_value());
  EXPECT_FALSE(PublicKey::from_raw(Algorithm::kEs256, std::string(64, '\xff')).has_value());
}

TEST(Keys, RefusesEd25519PointsOfSmallOrder) {
  for (const auto* text : {"0000000000000000000000000000000000000000000000000000000000000000",
                           "0000000000000000000000000000000000000000000000000000000000000080",
                           "0100000000000000000000000000000000000000000000000000000000000000",
                           "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    EXPECT_FALSE(PublicKey::from_raw(Algorithm::kEdDsa, from_hex(text)).has_value()) << text;
  }
}

TEST(Keys, RefusesWrongLengths) {
  for (const std::size_t size : {0U, 31U, 33U, 63U, 65U}) {
    EXPECT_FALSE(PublicKey::from_raw(Algorithm::kEs256, std::string(size, '\1')).has_value());
    EXPECT_FALSE(PublicKey::from_raw(Algorithm::kEdDsa, std::string(size, '\1')).has_value());
    EXPECT_FALSE(PrivateKey::from_raw(Algorithm::kEs256, Secret(std::string(size, '\1'))).has_value());
    EXPECT_FALSE(PrivateKey::from_raw(Algorithm::kEdDsa, Secret(std::string(size, '\1'))).has_value());
  }
}

TEST(Keys, RefusesScalarsOutOfRange) {
  EXPECT_FALSE(PrivateKey::from_raw(Algorithm::kEs256, Secret(std::string(32, '\0'))).has_value());
  EXPECT_FALSE(PrivateKey::from_raw(Algorithm::kEs256, Secret(std::string(32, '\xff'))).has_value());
}

TEST(Keys, SignAndVerifyFromManyThreads) {
  const auto key = PrivateKey::generate(Algorithm::kEs256).value();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([key, i] {
      const auto message = std::to_string(i);
      for (int round = 0; round < 50; ++round) {
        EXPECT_TRUE(key.public_key().verify(message, key.sign(message).value()));
        EXPECT_EQ(sha256(message), sha256(message));
      }
    });
  }
}

TEST(SecretHash, MatchesOnlyItsSecretAndIsSalted) {
  const auto hash = hash_secret(Secret("correct horse")).value();
  EXPECT_TRUE(hash.starts_with("$scrypt$ln=14,r=8,p=1$")) << hash;
  EXPECT_TRUE(valid_secret_hash(hash));
  EXPECT_TRUE(verify_secret(hash, Secret("correct horse")));
  EXPECT_FALSE(verify_secret(hash, Secret("correct horsf")));
  EXPECT_FALSE(verify_secret(hash, Secret("")));
  EXPECT_NE(hash_secret(Secret("correct horse")).value(), hash);
}

TEST(SecretHash, AMalformedHashMatchesNothing) {
  const auto hash = hash_secret(Secret("s")).value();
  for (const auto& text :
       {std::string(), std::string("s"), hash.substr(1), hash + "A", hash.substr(0, hash.size() - 1),
        "$scrypt$ln=04,r=8,p=1$" + hash.substr(22), "$scrypt$ln=14,r=8,p=1$" + hash.substr(30)}) {
    EXPECT_FALSE(valid_secret_hash(text)) << text;
    EXPECT_FALSE(verify_secret(text, Secret("s"))) << text;
  }
}

TEST(SecretHash, RefusesASecretThatIsTooLong) {
  EXPECT_EQ(hash_secret(Secret(std::string(1025, 'x'))).error().code, ErrorCode::kLimit);
}

TEST(SecretHash, AnAbsentClientCostsOneHashAsAWrongSecretDoes) {
  const auto hash = hash_secret(Secret("s")).value();
  const auto cost = [](auto&& call) {
    const auto before = secret_hashes_computed();
    EXPECT_FALSE(call());
    return secret_hashes_computed() - before;
  };
  EXPECT_EQ(cost([&] { return verify_secret(hash, Secret("wrong")); }), 1u);
  EXPECT_EQ(cost([&] { return verify_secret("not a hash", Secret("wrong")); }), 1u);
  EXPECT_EQ(cost([&] { return verify_absent_secret(Secret("wrong")); }), 1u);
}

}  // namespace
}  // namespace writ::crypto::crypto_test
