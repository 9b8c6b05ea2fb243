// The vectors of Project Wycheproof and of the RFC 7520 cookbook: the answers agree with theirs for every
// algorithm that Writ verifies; symmetric ones are refused, also where the vectors call the signature valid.

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "base/testing/folders.h"
#include "codec/json.h"
#include "jose/jws.h"
#include "jose/provider_keys.h"

namespace writ::jose::conformance_test {
namespace {

using codec::Json;
namespace fs = std::filesystem;

fs::path folder() {
  return conformance_path("jose");
}

Json load(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return codec::parse_json(text, {.max_bytes = 8 << 20}).value();
}

constexpr KeyRules kEvery{crypto::kAllAlgorithms, crypto::kRsaAlgorithms};

// The key of a group: a single key, or the set's key for the JWS. Private halves are not read.
bool verifies(const Json& group, const std::string& text) {
  const auto jws = parse_jws(text, Signers::kOthers);
  if (!jws) return false;
  const auto* key_json = group.find("public");
  if (key_json == nullptr) key_json = group.find("private");  // symmetric keys have no public half
  if (key_json == nullptr) return false;
  if (key_json->find("keys") != nullptr) {
    const auto set = JwkSet::parse(*key_json, kEvery);
    const auto* key = set ? set->find(jws->kid()) : nullptr;
    return key != nullptr && jws->verify(*key).has_value();
  }
  const auto key = Jwk::parse(*key_json, kEvery);
  return key && jws->verify(*key).has_value();
}

// Does a group's key, or any key of its set, belong to an algorithm that Writ verifies?
bool ours(const Json& group) {
  const auto* key = group.find("public");
  if (key == nullptr) return false;
  if (const auto* keys = key->find("keys")) {
    return !keys->if_array()->empty() && Jwk::parse(keys->if_array()->front(), kEvery).has_value();
  }
  return Jwk::parse(*key, kEvery).has_value();
}

// Called valid although the key's `alg` pins another algorithm than the signature has: PS256 for PS384, and
// the misspelt ES521 for ES512. The same files want both refused elsewhere (UsingPS384,
// mismatchedAlgAndCurve).
bool contradicts_its_key(const Json& group, const std::string& text) {
  const auto* key = group.find("public");
  const auto* alg = key == nullptr ? nullptr : key->find_string("alg");
  const auto jws = parse_jws(text, Signers::kOthers);
  return alg != nullptr && jws && jws->alg() != *alg;
}

struct Counts {
  int valid = 0;
  int refused_as_invalid = 0;
  int refused_as_unsupported = 0;
};

Counts run(const Json& file) {
  Counts counts;
  for (const auto& group : *file.find("testGroups")->if_array()) {
    for (const auto& test : *group.find("tests")->if_array()) {
      const auto& result = *test.find_string("result");
      const bool expected =
          ours(group) && result == "valid" && !contradicts_its_key(group, *test.find_string("jws"));
      EXPECT_EQ(verifies(group, *test.find_string("jws")), expected) << "tcId " << test.find("tcId")->dump();
      if (expected) {
        ++counts.valid;
      } else if (result == "valid") {
        ++counts.refused_as_unsupported;
      } else {
        ++counts.refused_as_invalid;
      }
    }
  }
  return counts;
}

TEST(Wycheproof, JsonWebSignature) {
  if (!fs::exists(folder())) GTEST_SKIP() << "no conformance data in " << folder();
  const auto counts = run(load(folder() / "json_web_signature_test.json"));
  // Not accepted although valid: those of symmetric keys, and four that contradict their keys.
  EXPECT_EQ(counts.valid, 32);
  EXPECT_EQ(counts.refused_as_invalid, 355);
  EXPECT_EQ(counts.refused_as_unsupported, 14);
}

TEST(Wycheproof, JsonWebKey) {
  if (!fs::exists(folder())) GTEST_SKIP() << "no conformance data in " << folder();
  const auto counts = run(load(folder() / "json_web_key_test.json"));
  EXPECT_EQ(counts.valid, 1);  // the other valid sets of the file are symmetric
  EXPECT_GT(counts.refused_as_invalid, 10);
}

// The public half of an example's key.
Json public_half(Json key) {
  std::erase_if(*key.if_object(), [](const auto& member) {
    return std::string_view(" d p q dp dq qi ").find(" " + member.first + " ") != std::string_view::npos;
  });
  return key;
}

TEST(Cookbook, SignaturesOfRsaAndP521AreVerifiedAndMacsRefused) {
  if (!fs::exists(folder())) GTEST_SKIP() << "no conformance data in " << folder();
  int verified = 0;
  int refused = 0;
  for (const auto& entry : fs::directory_iterator(folder() / "jws")) {
    const auto example = load(entry.path());
    const auto* output = example.find("output");
    const auto* compact = output == nullptr ? nullptr : output->find_string("compact");
    for (const auto* name : {"json", "json_flat"}) {
      if (const auto* json = output == nullptr ? nullptr : output->find(name)) {
        EXPECT_FALSE(parse_jws(json->dump(), Signers::kOthers).has_value()) << entry.path();
      }
    }
    if (compact == nullptr) continue;
    EXPECT_FALSE(parse_jws(*compact).has_value()) << entry.path();  // not one of Writ's own
    const auto& input = *example.find("input");
    const auto jws = parse_jws(*compact, Signers::kOthers);
    EXPECT_EQ(jws.has_value(), !input.find_string("alg")->starts_with("HS")) << entry.path();
    if (!jws) {
      ++refused;
      continue;
    }
    const auto key = Jwk::parse(public_half(*input.find("key")), kEvery).value();
    EXPECT_EQ(jws->verify(key).value(), *input.find_string("payload")) << entry.path();
    ++verified;
  }
  EXPECT_EQ(verified, 3);
  EXPECT_GE(refused, 2);
}

TEST(Cookbook, ItsPublicKeysAreReadAndItsPrivateAndSymmetricOnesAreNot) {
  if (!fs::exists(folder())) GTEST_SKIP() << "no conformance data in " << folder();
  for (const auto& entry : fs::directory_iterator(folder() / "jwk")) {
    const auto key = load(entry.path());
    const bool is_public = entry.path().filename().string().find("public") != std::string::npos;
    EXPECT_EQ(Jwk::parse(key, kEvery).has_value(), is_public) << entry.path();
    EXPECT_FALSE(Jwk::parse(key).has_value()) << entry.path();
    EXPECT_FALSE(PrivateJwk::parse(key).has_value()) << entry.path();
  }
}

}  // namespace
}  // namespace writ::jose::conformance_test
