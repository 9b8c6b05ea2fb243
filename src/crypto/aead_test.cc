#include "crypto/aead.h"

#include <gtest/gtest.h>

#include "crypto/random.h"

namespace writ::crypto::aead_test {
namespace {

// From hexadecimal.
std::string bytes(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string all;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    all.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  return all;
}

const Secret kKey(std::string(32, 'k'));

TEST(Aead, GivesBackWhatWasSealed) {
  for (const std::string text : {"", "x", "a longer text than one block of sixteen bytes"}) {
    const auto sealed = seal(kKey, "row 1", text).value();
    EXPECT_EQ(sealed.size(), text.size() + 28);
    EXPECT_EQ(unseal(kKey, "row 1", sealed).value().expose(), text);
  }
}

// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
TEST(Aead, OpensAPublishedVector) {
  const Secret key(bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const auto associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const auto sealed = bytes(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(unseal(key, associated, sealed).value().expose(),
            bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"));
}

TEST(Aead, SealsTheSameTextDifferentlyEachTime) {
  EXPECT_NE(seal(kKey, "a", "text").value(), seal(kKey, "a", "text").value());
}

TEST(Aead, RefusesWhatWasChangedAtAnyBit) {
  const auto sealed = seal(kKey, "row 1", "text").value();
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    auto changed = sealed;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    const auto opened = unseal(kKey, "row 1", changed);
    ASSERT_FALSE(opened) << bit;
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  }
}

TEST(Aead, RefusesAnythingThatWasCutOff) {
  const auto sealed = seal(kKey, "row 1", "text").value();
  for (std::size_t length = 0; length < sealed.size(); ++length) {
    const std::string exact(sealed, 0, length);
    EXPECT_FALSE(unseal(kKey, "row 1", exact)) << length;
  }
}

TEST(Aead, RefusesAnotherKeyAndOtherAssociatedBytes) {
  const auto sealed = seal(kKey, "row 1", "text").value();
  EXPECT_FALSE(unseal(Secret(std::string(32, 'l')), "row 1", sealed));
  EXPECT_FALSE(unseal(kKey, "row 2", sealed));
  EXPECT_FALSE(unseal(kKey, "", sealed));
}

TEST(Aead, RefusesKeysOfAnotherSize) {
  for (const std::size_t size : {0u, 16u, 31u, 33u}) {
    const Secret key(std::string(size, 'k'));
    EXPECT_FALSE(seal(key, "", "text")) << size;
    EXPECT_FALSE(unseal(key, "", std::string(40, 'x'))) << size;
  }
}

TEST(Aead, RefusesMoreThanItsLimit) {
  EXPECT_EQ(seal(kKey, "", std::string((1 << 20) + 1, 'x')).error().code, ErrorCode::kLimit);
  EXPECT_EQ(unseal(kKey, "", std::string((1 << 20) + 1, 'x')).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace writ::crypto::aead_test
