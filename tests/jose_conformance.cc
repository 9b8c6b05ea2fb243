// jose-conformance FILE...: runs Project Wycheproof's test vectors against what Writ verifies signatures
// with, and prints each difference.
//
// Each FILE is one of its JSON files. Groups of these types are run: JsonWebSignature, JsonWebKey,
// JsonWebCrypto and JsonWebEncryption as whole tokens; EcdsaVerify and EcdsaP1363Verify, EddsaVerify,
// RsassaPkcs1Verify, RsassaPssVerify and RsassaPssWithParametersVerify as signatures. A group whose algorithm
// is not one of Writ's (MACs, other curves, hashes and sizes) is left out, and counted so. What Writ refuses
// on purpose although it is called valid is named with its reason, and left out too. The last line is `N
// passed, N failed`. Exit status: 0 when nothing failed, 1 when something did, 2 for a file that cannot be
// read or is of no known kind; it is named.
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "jose/jws.h"

namespace {

using namespace writ;
using codec::Json;
using crypto::Algorithm;

constexpr codec::JsonLimits kLimits{.max_bytes = 64 << 20, .max_depth = 64};
constexpr jose::KeyRules kEvery{crypto::kAllAlgorithms, crypto::kRsaAlgorithms};

struct Counts {
  int passed = 0, failed = 0, left_out = 0;
};

std::string_view text(const Json& json, std::string_view name) {
  const auto* found = json.find_string(name);
  return found != nullptr ? std::string_view(*found) : std::string_view();
}

std::optional<std::string> from_hex(std::string_view hex) {
  std::string bytes;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  if (hex.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

// An unsigned number in so many bytes; nothing where it needs more.
std::optional<std::string> in_bytes(std::string_view number, std::size_t size) {
  number.remove_prefix(std::min(number.find_first_not_of('\0'), number.size()));
  if (number.size() > size) return std::nullopt;
  return std::string(size - number.size(), '\0') + std::string(number);
}

// ---- Whole tokens ----

// The key of a group: a single key, or the set's key for the token. Private halves are not read.
bool verifies(const Json& group, const std::string& token) {
  const auto jws = jose::parse_jws(token, jose::Signers::kOthers);
  const auto* key_json = group.find("public");
  if (!jws || key_json == nullptr) return false;
  if (key_json->find("keys") != nullptr) {
    const auto set = jose::JwkSet::parse(*key_json, kEvery);
    const auto* key = set ? set->find(jws->kid()) : nullptr;
    return key != nullptr && jws->verify(*key).has_value();
  }
  const auto key = jose::Jwk::parse(*key_json, kEvery);
  return key && jws->verify(*key).has_value();
}

// Why a token that is called valid is refused on purpose; empty: it is not.
std::string_view refused_on_purpose(const Json& group, const std::string& token) {
  const auto* key = group.find("public");
  if (key == nullptr) return "symmetric and private keys are never accepted";
  const auto* keys = key->find("keys");
  const auto* all = keys != nullptr ? keys->if_array() : nullptr;
  const auto& first = all != nullptr && !all->empty() ? all->front() : *key;
  if (!jose::Jwk::parse(first, kEvery)) return "its key is for another algorithm than Writ's";
  const auto jws = jose::parse_jws(token, jose::Signers::kOthers);
  const auto* pinned = key->find_string("alg");
  if (jws && pinned != nullptr && jws->alg() != *pinned) return "its key's `alg` is another algorithm";
  return {};
}

// As a request would bring it: in the compact serialisation, or as the JSON that it is.
std::string token_in(const Json& token) {
  const auto* compact = token.if_string();
  return compact != nullptr ? *compact : token.dump();
}

// RFC 7516: whatever is encrypted is not a token for Writ. One that is called valid is left out, and no other
// may pass for a signed one either.
void run_encrypted(const Json& token, const Json& test, std::string_view place, Counts& counts) {
  if (const auto jws = jose::parse_jws(token_in(token), jose::Signers::kOthers); jws) {
    ++counts.failed;
    fmt::print("FAILED: {}: an encrypted token is read as a signed one: {}\n", place, text(test, "comment"));
  } else if (text(test, "result") == "valid") {
    ++counts.left_out;
    fmt::print("left out: {}: encrypted tokens are never accepted\n", place);
  } else {
    ++counts.passed;
  }
}

void run_token(const Json& group, const Json& test, std::string_view place, Counts& counts) {
  if (const auto* jwe = test.find("jwe")) return run_encrypted(*jwe, test, place, counts);
  const auto* jws = test.find("jws");
  const auto token = jws != nullptr ? token_in(*jws) : std::string();
  const bool expected = text(test, "result") == "valid";
  if (expected && !refused_on_purpose(group, token).empty()) {
    if (!verifies(group, token)) {
      fmt::print("left out: {}: {}\n", place, refused_on_purpose(group, token));
      return void(++counts.left_out);
    }
  } else if (verifies(group, token) == expected) {
    return void(++counts.passed);
  }
  ++counts.failed;
  fmt::print("FAILED: {}: expected {}: {}\n", place, text(test, "result"), text(test, "comment"));
}

// ---- Signatures ----

// What a group is about, as far as Writ has that algorithm.
struct Signed {
  Algorithm algorithm;
  crypto::PublicKey key;
  bool der = false;  // the signatures are ASN.1, and JOSE's are not
};

std::optional<Algorithm> by_hash(std::string_view hash, Algorithm of_256, Algorithm of_384,
                                 Algorithm of_512) {
  if (hash == "SHA-256") return of_256;
  if (hash == "SHA-384") return of_384;
  if (hash == "SHA-512") return of_512;
  return std::nullopt;
}

const Json* key_of(const Json& group) {
  const auto* key = group.find("publicKey");
  return key != nullptr ? key : group.find("key");
}

std::optional<crypto::PublicKey> made(Algorithm algorithm, const std::optional<std::string>& raw) {
  if (!raw) return std::nullopt;
  auto key = crypto::PublicKey::from_raw(algorithm, *raw);
  return key ? std::optional(*std::move(key)) : std::nullopt;
}

std::optional<Signed> ecdsa(const Json& group, bool der) {
  const auto* key = key_of(group);
  if (key == nullptr) return std::nullopt;
  const auto curve = text(*key, "curve"), hash = text(group, "sha");
  const auto algorithm = curve == "secp256r1" && hash == "SHA-256"   ? std::optional(Algorithm::kEs256)
                         : curve == "secp384r1" && hash == "SHA-384" ? std::optional(Algorithm::kEs384)
                         : curve == "secp521r1" && hash == "SHA-512" ? std::optional(Algorithm::kEs512)
                                                                     : std::nullopt;
  if (!algorithm) return std::nullopt;
  const auto size = crypto::coordinate_bytes(*algorithm);
  const auto point = from_hex(text(*key, "uncompressed"));
  if (!point || point->size() != 1 + 2 * size) return std::nullopt;
  auto usable = made(*algorithm, point->substr(1));
  return usable ? std::optional(Signed{*algorithm, *std::move(usable), der}) : std::nullopt;
}

std::optional<Signed> eddsa(const Json& group) {
  const auto* key = key_of(group);
  if (key == nullptr || text(*key, "curve") != "edwards25519") return std::nullopt;
  auto usable = made(Algorithm::kEdDsa, from_hex(text(*key, "pk")));
  return usable ? std::optional(Signed{Algorithm::kEdDsa, *std::move(usable)}) : std::nullopt;
}

std::optional<Signed> rsa(const Json& group, std::optional<Algorithm> algorithm) {
  if (!algorithm) return std::nullopt;
  const auto* key = key_of(group);
  const auto part = [&](std::string_view name, std::string_view old) {
    const auto hex = key != nullptr ? text(*key, name) : std::string_view();
    return from_hex(hex.empty() ? text(group, old) : hex);
  };
  auto modulus = part("modulus", "n");
  const auto exponent = part("publicExponent", "e");
  if (!modulus || !exponent) return std::nullopt;
  modulus->erase(0, std::min(modulus->find_first_not_of('\0'), modulus->size()));
  const auto fixed = in_bytes(*exponent, crypto::kRsaExponentBytes);
  // What is weak is refused as a key.
  auto usable = fixed ? made(*algorithm, *modulus + *fixed) : std::nullopt;
  return usable ? std::optional(Signed{*algorithm, *std::move(usable)}) : std::nullopt;
}

std::optional<Signed> pss(const Json& group) {
  const auto hash = text(group, "sha");
  const auto* salt = group.find("sLen");
  const auto size = hash == "SHA-256" ? 32 : hash == "SHA-384" ? 48 : hash == "SHA-512" ? 64 : 0;
  // RFC 7518 §3.5: MGF1 with the same hash, and a salt of its size.
  if (text(group, "mgf") != "MGF1" || text(group, "mgfSha") != hash || salt == nullptr ||
      salt->if_int() == nullptr || *salt->if_int() != size)
    return std::nullopt;
  return rsa(group, by_hash(hash, Algorithm::kPs256, Algorithm::kPs384, Algorithm::kPs512));
}

std::optional<Signed> signed_in(const Json& group) {
  const auto type = text(group, "type");
  if (type == "EcdsaVerify") return ecdsa(group, true);
  if (type == "EcdsaP1363Verify") return ecdsa(group, false);
  if (type == "EddsaVerify") return eddsa(group);
  if (type == "RsassaPkcs1Verify")
    return rsa(group, by_hash(text(group, "sha"), Algorithm::kRs256, Algorithm::kRs384, Algorithm::kRs512));
  // With parameters: the key's own, which are those of the group.
  const bool of_pss = type == "RsassaPssVerify" || type == "RsassaPssWithParametersVerify";
  return of_pss ? pss(group) : std::nullopt;
}

// An INTEGER of DER (X.690 §8.3, §10.1) in so many bytes. Nothing where it is written in any other way.
std::optional<std::string> der_integer(std::string_view& der, std::size_t size) {
  if (der.size() < 3 || der[0] != 0x02) return std::nullopt;
  const std::size_t length = static_cast<unsigned char>(der[1]);
  if (length == 0 || length >= 0x80 || der.size() < 2 + length) return std::nullopt;
  const auto number = der.substr(2, length);
  der.remove_prefix(2 + length);
  const auto negative = [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; };
  const bool padded = number[0] == 0 && length > 1;
  if (negative(number[0]) || (padded && !negative(number[1]))) return std::nullopt;
  return in_bytes(number, size);
}

// As JOSE has it: r and s, each in the size of a coordinate.
std::optional<std::string> from_der(std::string_view der, std::size_t size) {
  if (der.size() < 2 || der[0] != 0x30) return std::nullopt;
  std::size_t length = static_cast<unsigned char>(der[1]), head = 2;
  if (length == 0x81 && der.size() > 2) {
    length = static_cast<unsigned char>(der[2]);
    head = 3;
    if (length < 0x80) return std::nullopt;
  } else if (length >= 0x80) {
    return std::nullopt;
  }
  if (der.size() != head + length) return std::nullopt;
  der.remove_prefix(head);
  auto r = der_integer(der, size);
  const auto s = r ? der_integer(der, size) : std::nullopt;
  if (!s || !der.empty()) return std::nullopt;
  return *r + *s;
}

void run_signature(const Signed& signer, const Json& test, std::string_view place, Counts& counts) {
  const auto message = from_hex(text(test, "msg"));
  auto signature = from_hex(text(test, "sig"));
  if (signature && signer.der) signature = from_der(*signature, crypto::coordinate_bytes(signer.algorithm));
  const bool verified = message && signature && signer.key.verify_as(signer.algorithm, *message, *signature);
  const auto result = text(test, "result");
  // Whether what is `acceptable` is accepted, everybody decides alone.
  if (result == "acceptable" || verified == (result == "valid")) return void(++counts.passed);
  ++counts.failed;
  fmt::print("FAILED: {}: expected {}: {}\n", place, result, text(test, "comment"));
}

// ---- Files ----

constexpr std::string_view kTypes[] = {"JsonWebSignature", "JsonWebKey",
                                       "JsonWebCrypto",    "JsonWebEncryption",
                                       "EcdsaVerify",      "EcdsaP1363Verify",
                                       "EddsaVerify",      "RsassaPkcs1Verify",
                                       "RsassaPssVerify",  "RsassaPssWithParametersVerify"};

// False: it cannot be run.
bool run(const std::string& file, Counts& counts) {
  const auto unusable = [&](std::string_view why) {
    fmt::print(stderr, "jose-conformance: `{}`: {}\n", file, why);
    return false;
  };
  std::ifstream in(file, std::ios::binary);
  if (!in) return unusable("it cannot be read");
  const auto json = codec::parse_json(std::string(std::istreambuf_iterator<char>(in), {}), kLimits);
  if (!json) return unusable(json.error().message);
  const auto* list = json->is_object() ? json->find("testGroups") : nullptr;
  const auto* groups = list != nullptr ? list->if_array() : nullptr;
  if (groups == nullptr || groups->empty())
    return unusable("it is not a file of Wycheproof: it has no `testGroups`");
  for (const Json& group : *groups) {
    const auto type = text(group, "type");
    if (std::ranges::find(kTypes, type) == std::end(kTypes))
      return unusable(fmt::format("its groups are of type `{}`, which is not known here", type));
    const auto* tests = group.find("tests");
    if (tests == nullptr || tests->if_array() == nullptr) return unusable("a group has no `tests`");
    const bool tokens = type.starts_with("JsonWeb");
    const auto signer = tokens ? std::nullopt : signed_in(group);
    for (const Json& test : *tests->if_array()) {
      const auto* id = test.find("tcId");
      const auto place = fmt::format("{} tcId {}", file, id != nullptr ? id->dump() : "?");
      if (tokens)
        run_token(group, test, place, counts);
      else if (signer)
        run_signature(*signer, test, place, counts);
      else
        ++counts.left_out;
    }
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: jose-conformance FILE...\n");
    return 2;
  }
  Counts counts;
  bool usable = true;
  for (int i = 1; i < count; ++i) usable = run(arguments[i], counts) && usable;
  if (counts.left_out > 0)
    fmt::print("{} left out: not of an algorithm of Writ's, or refused on purpose\n", counts.left_out);
  fmt::print("{} passed, {} failed\n", counts.passed, counts.failed);
  return !usable ? 2 : counts.failed > 0 ? 1 : 0;
}
