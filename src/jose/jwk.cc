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
constexpr std::size_t kCoordinateBytes = 32;
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

Result<std::string> coordinate(const Json& json, std::string_view name) {
  auto bytes = codec::base64url_decode(TRY(text_member(json, name)));
  // RFC 7518 §6.2.1.2: the full size of a coordinate, leading zeros included. RFC 8037 §2 says the same.
  if (!bytes || bytes->size() != kCoordinateBytes) {
    return failure(ErrorCode::kInvalid, "jwk: `" + std::string(name) + "` is not 32 bytes of base64url");
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

// The algorithm a key's type and curve pin.
Result<Algorithm> parse_algorithm(const Json& json) {
  const auto kty = TRY(text_member(json, "kty"));
  if (kty != "EC" && kty != "OKP") {
    return failure(ErrorCode::kUnsupported, "jwk: key type `" + std::string(kty) + "`, expected EC or OKP");
  }
  const auto crv = TRY(text_member(json, "crv"));
  if (kty == "EC" && crv == "P-256") return Algorithm::kEs256;
  if (kty == "OKP" && crv == "Ed25519") return Algorithm::kEdDsa;
  return failure(ErrorCode::kUnsupported, "jwk: curve `" + std::string(crv) + "`, expected P-256 or Ed25519");
}

// RFC 7517 §4.2 to §4.4: what the key says it is for must be this algorithm's signatures.
Result<void> check_purpose(const Json& json, Algorithm algorithm, std::string_view operation) {
  if (json.find("alg") != nullptr && TRY(text_member(json, "alg")) != crypto::algorithm_name(algorithm)) {
    return failure(ErrorCode::kUnsupported, "jwk: `alg` is not the algorithm of the key's curve");
  }
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

Result<crypto::PublicKey> parse_public_members(const Json& json, Algorithm algorithm) {
  auto raw = TRY(coordinate(json, "x"));
  if (algorithm == Algorithm::kEs256) raw += TRY(coordinate(json, "y"));
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
  if (key.algorithm() == Algorithm::kEs256) {
    return Json::object({{"crv", "P-256"},
                         {"kty", "EC"},
                         {"x", codec::base64url_encode(raw.substr(0, kCoordinateBytes))},
                         {"y", codec::base64url_encode(raw.substr(kCoordinateBytes))}});
  }
  return Json::object({{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", codec::base64url_encode(raw)}});
}

}  // namespace

Result<Jwk> Jwk::parse(const Json& json) {
  TRY(check_shape(json));
  if (has_private_member(json)) {
    return failure(ErrorCode::kInvalid,
                   "jwk: holds private or symmetric key material, expected a public key");
  }
  const auto algorithm = TRY(parse_algorithm(json));
  TRY(check_purpose(json, algorithm, "verify"));
  auto kid = TRY(parse_kid(json));
  auto key = TRY(parse_public_members(json, algorithm));
  return Jwk(std::move(key), std::move(kid));
}

Json Jwk::to_json() const {
  auto json = required_members(key_);
  if (kid_) json.set("kid", *kid_);
  json.set("alg", crypto::algorithm_name(algorithm()));
  json.set("use", "sig");
  return json;
}

std::string Jwk::thumbprint() const {
  return codec::base64url_encode(crypto::as_bytes(crypto::sha256(required_members(key_).dump())));
}

Result<PrivateJwk> PrivateJwk::parse(const Json& json) {
  TRY(check_shape(json));
  const auto algorithm = TRY(parse_algorithm(json));
  TRY(check_purpose(json, algorithm, "sign"));
  auto kid = TRY(parse_kid(json));
  const Secret raw(TRY(coordinate(json, "d")));
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

Result<JwkSet> JwkSet::parse(const Json& json) {
  const auto* member = json.find("keys");
  const auto* items = member == nullptr ? nullptr : member->if_array();
  if (items == nullptr) return failure(ErrorCode::kInvalid, "jwks: `keys` is missing or not an array");
  if (items->size() > kMaxKeysInSet) return failure(ErrorCode::kLimit, "jwks: more than 64 keys");

  std::vector<Jwk> keys;
  for (const auto& item : *items) {
    auto key = Jwk::parse(item);
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
