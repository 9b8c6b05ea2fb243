// The vectors of Project Wycheproof and of the RFC 7520 cookbook: for ES256 and EdDSA the answers agree with
// theirs; every other algorithm is refused, also where the vectors call the signature valid.

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "base/testing/folders.h"
#include "codec/json.h"
#include "jose/jws.h"

namespace writ::jose {
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

// The key of a group: a single key, or the set's key for the JWS. Private halves are not read.
bool verifies(const Json& group, const std::string& text) {
  const auto jws = parse_jws(text);
  if (!jws) return false;
  const auto* key_json = group.find("public");
  if (key_json == nullptr) key_json = group.find("private");  // symmetric keys have no public half
  if (key_json == nullptr) return false;
  if (key_json->find("keys") != nullptr) {
    const auto set = JwkSet::parse(*key_json);
    const auto* key = set ? set->find(jws->kid()) : nullptr;
    return key != nullptr && jws->verify(*key).has_value();
  }
  const auto key = Jwk::parse(*key_json);
  return key && jws->verify(*key).has_value();
}

// Does a group's key, or any key of its set, belong to one of Writ's algorithms?
bool ours(const Json& group) {
  const auto* key = group.find("public");
  if (key == nullptr) return false;
  if (const auto* keys = key->find("keys")) {
    return !keys->if_array()->empty() && Jwk::parse(keys->if_array()->front()).has_value();
  }
  return Jwk::parse(*key).has_value();
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
      const bool expected = ours(group) && result == "valid";
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
  EXPECT_EQ(counts.valid, 2);  // the two valid ES256 signatures of the file
  EXPECT_EQ(counts.refused_as_invalid, 355);
  EXPECT_EQ(counts.refused_as_unsupported, 44);
}

TEST(Wycheproof, JsonWebKey) {
  if (!fs::exists(folder())) GTEST_SKIP() << "no conformance data in " << folder();
  const auto counts = run(load(folder() / "json_web_key_test.json"));
  EXPECT_EQ(counts.valid, 0);  // the valid sets of the file are symmetric or RSA
  EXPECT_GT(counts.refused_as_invalid, 10);
}

// The cookbook has no ES256 or EdDSA example: everything in it is a well-formed use of something Writ
// refuses.
TEST(Cookbook, EveryOtherAlgorithmIsRefused) {
  if (!fs::exists(folder())) GTEST_SKIP() << "no conformance data in " << folder();
  int signatures = 0;
  for (const auto& entry : fs::directory_iterator(folder() / "jws")) {
    const auto example = load(entry.path());
    const auto* output = example.find("output");
    const auto* compact = output == nullptr ? nullptr : output->find_string("compact");
    if (compact != nullptr) {
      EXPECT_FALSE(parse_jws(*compact).has_value()) << entry.path();
      ++signatures;
    }
    for (const auto* name : {"json", "json_flat"}) {
      if (const auto* json = output == nullptr ? nullptr : output->find(name)) {
        EXPECT_FALSE(parse_jws(json->dump()).has_value()) << entry.path();
      }
    }
  }
  EXPECT_GE(signatures, 4);
  for (const auto& entry : fs::directory_iterator(folder() / "jwk")) {
    const auto key = load(entry.path());
    EXPECT_FALSE(Jwk::parse(key).has_value()) << entry.path();
    EXPECT_FALSE(PrivateJwk::parse(key).has_value()) << entry.path();
  }
}

}  // namespace
}  // namespace writ::jose
