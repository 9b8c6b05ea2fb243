#include "jose/jwk.h"

#include <array>

#include "codec/base64url.h"
#include "crypto/hash.h"

namespace writ::jose {
namespace {

using codec::Json;
using crypto::Algorithm;

// RFC 7518 §6: the members that hold private or symmetric key material, of any key type.
constexpr std::array<std::string_view, 8> kPrivateMembers = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
constexpr std::size_t kPrivateKeyBytes = 32;
constexpr std::size_t kMaxMembers = 32;

bool has_private_member(const Json& json) {
  for (const auto name : kPrivateMembers) {
    if (json.find(name) != nullptr) return true;
  }
  return false;
}

Result<std::string_view> text_member(const Json& json, std::string_view name) {
  const auto* text = json.find_string(name);
  if (text == nullptr)
    return failure(ErrorCode::kInvalid, "jwk: `" + std::string(name) + "` is missing or not a string");
  return std::string_view(*text);
}

// RFC 7518 §6.2.1.2: the full size of a coordinate, leading zeros included. RFC 8037 §2 says the same.
Result<std::string> octets_of(const Json& json, std::string_view name, std::size_t size) {
  auto bytes = codec::base64url_decode(TRY(text_member(json, name)));
  if (!bytes || bytes->size() != size) {
    return failure(ErrorCode::kInvalid,
                   "jwk: `" + std::string(name) + "` is not " + std::to_string(size) + " bytes of base64url");
  }
  return *std::move(bytes);
}

// RFC 7518 §2, Base64urlUInt: as few octets as there can be.
Result<std::string> number(const Json& json, std::string_view name, std::size_t max_size) {
  auto bytes = codec::base64url_decode(TRY(text_member(json, name)));
  if (!bytes || bytes->empty() || bytes->front() == '\0' || bytes->size() > max_size) {
    return failure(ErrorCode::kInvalid, "jwk: `" + std::string(name) + "` is not a number of at most " +
                                            std::to_string(max_size) +
                                            " bytes in base64url, without leading zeros");
  }
  return *std::move(bytes);
}

Result<std::optional<std::string>> parse_kid(const Json& json) {
  if (json.find("kid") == nullptr) return std::nullopt;
  const auto kid = TRY(text_member(json, "kid"));
  if (kid.empty() || kid.size() > kMaxKidBytes) {
    return failure(ErrorCode::kLimit, "jwk: `kid` is empty or longer than 256 bytes");
  }
  return std::string(kid);
}

Result<std::optional<Algorithm>> named_algorithm(const Json& json) {
  if (json.find("alg") == nullptr) return std::nullopt;
  const auto name = TRY(text_member(json, "alg"));
  const auto algorithm = crypto::algorithm_from_name(name);
  if (!algorithm)
    return failure(ErrorCode::kUnsupported,
                   "jwk: `alg` is `" + std::string(name) + "`, which Writ does not verify");
  return algorithm;
}

// The algorithm that a curve pins.
Result<Algorithm> curve_algorithm(const Json& json, std::string_view kty) {
  const auto crv = TRY(text_member(json, "crv"));
  for (const auto algorithm : {Algorithm::kEs256, Algorithm::kEs384, Algorithm::kEs512, Algorithm::kEdDsa}) {
    const std::string_view type = algorithm == Algorithm::kEdDsa ? "OKP" : "EC";
    if (kty == type && crv == crypto::curve_name(algorithm)) return algorithm;
  }
  return failure(ErrorCode::kUnsupported, "jwk: `" + std::string(crv) +
                                              "` is not a curve for signatures of " + std::string(kty) +
                                              " keys that Writ verifies");
}

// What a key's type, curve and `alg` pin, within the rules. Never empty.
Result<crypto::AlgorithmSet> parse_algorithms(const Json& json, const KeyRules& rules) {
  const auto kty = TRY(text_member(json, "kty"));
  if (kty != "EC" && kty != "OKP" && kty != "RSA") {
    return failure(ErrorCode::kUnsupported,
                   "jwk: key type `" + std::string(kty) + "`, expected EC, OKP or RSA");
  }
  crypto::AlgorithmSet pinned;
  if (kty == "RSA") {
    const auto named = TRY(named_algorithm(json));
    if (named && !crypto::is_rsa(*named))
      return failure(ErrorCode::kUnsupported, "jwk: `alg` is not an algorithm of RSA keys");
    pinned = named ? crypto::AlgorithmSet{*named} : rules.rsa_without_alg;
    if (pinned.empty()) return failure(ErrorCode::kUnsupported, "jwk: an RSA key needs `alg`");
  } else {
    const auto algorithm = TRY(curve_algorithm(json, kty));
    if (TRY(named_algorithm(json)).value_or(algorithm) != algorithm)
      return failure(ErrorCode::kUnsupported, "jwk: `alg` is not the algorithm of the key's curve");
    pinned.insert(algorithm);
  }
  const auto allowed = pinned & rules.algorithms;
  if (allowed.empty())
    return failure(ErrorCode::kUnsupported,
                   "jwk: a key for " + pinned.text() + ", expected " + rules.algorithms.text());
  return allowed;
}

// RFC 7517 §4.2 and §4.3: what the key says it is for must be this operation on signatures.
Result<void> check_purpose(const Json& json, std::string_view operation) {
  if (json.find("use") != nullptr && TRY(text_member(json, "use")) != "sig") {
    return failure(ErrorCode::kUnsupported, "jwk: `use` is not `sig`");
  }
  const auto* key_ops = json.find("key_ops");
  if (key_ops == nullptr) return {};
  const auto* operations = key_ops->if_array();
  if (operations == nullptr) return failure(ErrorCode::kInvalid, "jwk: `key_ops` is not an array");
  for (const auto& item : *operations) {
    const auto* text = item.if_string();
    if (text == nullptr)
      return failure(ErrorCode::kInvalid, "jwk: `key_ops` holds something other than strings");
    if (*text == operation) return {};
  }
  return failure(ErrorCode::kUnsupported, "jwk: `key_ops` does not allow to " + std::string(operation));
}

constexpr std::size_t kMaxModulusBytes = 1024;

Result<crypto::PublicKey> parse_public_members(const Json& json, Algorithm algorithm) {
  if (crypto::is_rsa(algorithm)) {
    auto raw = TRY(number(json, "n", kMaxModulusBytes));
    const auto exponent = TRY(number(json, "e", crypto::kRsaExponentBytes));
    raw.append(crypto::kRsaExponentBytes - exponent.size(), '\0').append(exponent);
    return crypto::PublicKey::from_raw(algorithm, raw);
  }
  const auto size = crypto::coordinate_bytes(algorithm);
  auto raw = TRY(octets_of(json, "x", size));
  if (algorithm != Algorithm::kEdDsa) raw += TRY(octets_of(json, "y", size));
  return crypto::PublicKey::from_raw(algorithm, raw);
}

Result<void> check_shape(const Json& json) {
  const auto* members = json.if_object();
  if (members == nullptr) return failure(ErrorCode::kInvalid, "jwk: not a JSON object");
  if (members->size() > kMaxMembers) return failure(ErrorCode::kLimit, "jwk: more than 32 members");
  return {};
}

// The members of RFC 7638 §3.2, in lexicographic order.
Json required_members(const crypto::PublicKey& key) {
  const auto raw = key.raw();
  if (crypto::is_rsa(key.algorithm())) {
    const auto modulus_size = raw.size() - crypto::kRsaExponentBytes;
    auto exponent = raw.substr(modulus_size);
    exponent.remove_prefix(exponent.find_first_not_of('\0'));
    return Json::object({{"e", codec::base64url_encode(exponent)},
                         {"kty", "RSA"},
                         {"n", codec::base64url_encode(raw.substr(0, modulus_size))}});
  }
  const auto curve = crypto::curve_name(key.algorithm());
  if (key.algorithm() == Algorithm::kEdDsa)
    return Json::object({{"crv", curve}, {"kty", "OKP"}, {"x", codec::base64url_encode(raw)}});
  const auto size = crypto::coordinate_bytes(key.algorithm());
  return Json::object({{"crv", curve},
                       {"kty", "EC"},
                       {"x", codec::base64url_encode(raw.substr(0, size))},
                       {"y", codec::base64url_encode(raw.substr(size))}});
}

}  // namespace

Result<Jwk> Jwk::parse(const Json& json, const KeyRules& rules) {
  TRY(check_shape(json));
  if (has_private_member(json)) {
    return failure(ErrorCode::kInvalid,
                   "jwk: holds private or symmetric key material, expected a public key");
  }
  const auto algorithms = TRY(parse_algorithms(json, rules));
  TRY(check_purpose(json, "verify"));
  auto kid = TRY(parse_kid(json));
  auto key = TRY(parse_public_members(json, algorithms.first()));
  return Jwk(std::move(key), std::move(kid), algorithms);
}

Json Jwk::to_json() const {
  auto json = required_members(key_);
  if (kid_) json.set("kid", *kid_);
  if (const auto only = algorithms_.only()) json.set("alg", crypto::algorithm_name(*only));
  json.set("use", "sig");
  return json;
}

std::string Jwk::thumbprint() const {
  return codec::base64url_encode(crypto::as_bytes(crypto::sha256(required_members(key_).dump())));
}

Result<PrivateJwk> PrivateJwk::parse(const Json& json) {
  TRY(check_shape(json));
  const auto algorithm = TRY(parse_algorithms(json, kOwnKeys)).first();
  TRY(check_purpose(json, "sign"));
  auto kid = TRY(parse_kid(json));
  const Secret raw(TRY(octets_of(json, "d", kPrivateKeyBytes)));
  auto key = TRY(crypto::PrivateKey::from_raw(algorithm, raw));
  // A public half that is not the private half's would be published, and nothing signed would verify.
  if (TRY(parse_public_members(json, algorithm)) != key.public_key()) {
    return failure(ErrorCode::kInvalid, "jwk: the public members do not belong to `d`");
  }
  auto id = kid ? *std::move(kid) : Jwk(key.public_key()).thumbprint();
  return PrivateJwk(std::move(key), std::move(id));
}

Result<PrivateJwk> PrivateJwk::generate(Algorithm algorithm) {
  auto key = TRY(crypto::PrivateKey::generate(algorithm));
  auto kid = Jwk(key.public_key()).thumbprint();
  return PrivateJwk(std::move(key), std::move(kid));
}

Secret PrivateJwk::serialise() const {
  auto json = required_members(key_.public_key());
  json.set("kid", kid_);
  json.set("alg", crypto::algorithm_name(algorithm()));
  json.set("use", "sig");
  auto text = json.dump();
  // Written by hand, so that no copy of the private member stays behind in a Json.
  Secret encoded(codec::base64url_encode(key_.raw().expose()));
  text.reserve(text.size() + encoded.expose().size() + 8);
  text.pop_back();
  text.append(",\"d\":\"").append(encoded.expose()).append("\"}");
  return Secret(std::move(text));
}

Result<JwkSet> JwkSet::parse(const Json& json, const KeyRules& rules) {
  const auto* member = json.find("keys");
  const auto* items = member == nullptr ? nullptr : member->if_array();
  if (items == nullptr) return failure(ErrorCode::kInvalid, "jwks: `keys` is missing or not an array");
  if (items->size() > kMaxKeysInSet) return failure(ErrorCode::kLimit, "jwks: more than 64 keys");

  std::vector<Jwk> keys;
  for (const auto& item : *items) {
    auto key = Jwk::parse(item, rules);
    if (key) {
      keys.push_back(*std::move(key));
    } else if (key.error().code != ErrorCode::kUnsupported) {
      return std::unexpected(std::move(key).error().in("jwks"));
    }
  }
  return of(std::move(keys));
}

Result<JwkSet> JwkSet::of(std::vector<Jwk> keys) {
  if (keys.size() > kMaxKeysInSet) return failure(ErrorCode::kLimit, "jwks: more than 64 keys");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (keys[i].kid() && keys[i].kid() == keys[j].kid()) {
        return failure(ErrorCode::kInvalid, "jwks: two keys with kid `" + *keys[i].kid() + "`");
      }
    }
  }
  return JwkSet(std::move(keys));
}

const Jwk* JwkSet::find(std::optional<std::string_view> kid) const noexcept {
  if (!kid) return keys_.size() == 1 ? &keys_.front() : nullptr;
  for (const auto& key : keys_) {
    if (key.kid() == *kid) return &key;
  }
  return nullptr;
}

Json JwkSet::to_json() const {
  auto keys = Json::array();
  for (const auto& key : keys_) keys.push(key.to_json());
  return Json::object({{"keys", std::move(keys)}});
}

}  // namespace writ::jose
