#include "jose/provider_keys.h"

#include <algorithm>

namespace writ::jose {
namespace {

using codec::Json;

// RFC 7517 §4.2.
bool is_for_encryption(const Json& json) {
  const auto* use = json.find_string("use");
  return use != nullptr && *use == "enc";
}

std::string name_of(const Json& json, std::size_t place) {
  const auto* kid = json.is_object() ? json.find_string("kid") : nullptr;
  if (kid == nullptr || kid->empty() || kid->size() > kMaxKidBytes)
    return "the key at " + std::to_string(place + 1);
  return "key `" + *kid + "`";
}

constexpr std::string_view kJwtSvid = "jwt-svid", kX509Svid = "x509-svid";

bool is_for(const Json& json, std::string_view use) {
  const auto* named = json.is_object() ? json.find_string("use") : nullptr;
  return named != nullptr && *named == use;
}

// SPIFFE Trust Domain and Bundle §4.2.2: a key with another `use`, or none, is ignored; one for JWT-SVIDs has
// a `kid`.
Result<Jwk> read_jwt_svid_key(const Json& json, const KeyRules& rules) {
  if (!is_for(json, kJwtSvid))
    return failure(ErrorCode::kUnsupported, "jwk: of a bundle, keys with `use: jwt-svid` are used alone");
  if (json.find("kid") == nullptr)
    return failure(ErrorCode::kInvalid, "jwk: a key for JWT-SVIDs needs a `kid`");
  auto ordinary = json;
  ordinary.set("use", "sig");
  return Jwk::parse(ordinary, rules);
}

bool shares_kid(const Jwk& key, const std::vector<Jwk>& keys) {
  return key.kid() && std::ranges::count(keys, key.kid(), &Jwk::kid) > 1;
}

std::string reasons(const std::vector<SkippedKey>& skipped) {
  if (skipped.empty()) return "it has none for signatures";
  std::string text;
  for (const auto& key : skipped) text += (text.empty() ? "" : "; ") + key.name + ": " + key.why;
  return text;
}

}  // namespace

KeyRules provider_rules(const std::optional<crypto::AlgorithmSet>& configured) {
  if (!configured) return {crypto::kAllAlgorithms, {crypto::Algorithm::kRs256}};
  return {*configured, *configured & crypto::kRsaAlgorithms};
}

KeyRules trust_domain_rules(const std::optional<crypto::AlgorithmSet>& configured) {
  auto rules = provider_rules(configured);
  rules.jwt_svids = true;
  return rules;
}

Result<ProviderKeys> read_provider_keys(const Json& json, const KeyRules& rules) {
  const auto* member = json.is_object() ? json.find("keys") : nullptr;
  const auto* items = member == nullptr ? nullptr : member->if_array();
  if (items == nullptr) return failure(ErrorCode::kInvalid, "jwks: `keys` is missing or not an array");
  if (items->size() > kMaxKeysInSet) return failure(ErrorCode::kLimit, "jwks: more than 64 keys");

  const bool bundle = rules.jwt_svids && std::ranges::any_of(*items, [](const Json& item) {
                        return is_for(item, kJwtSvid) || is_for(item, kX509Svid);
                      });
  std::vector<Jwk> read;
  std::vector<SkippedKey> skipped;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const auto& item = (*items)[i];
    if (bundle && is_for(item, kX509Svid)) continue;
    auto key = bundle ? read_jwt_svid_key(item, rules) : Jwk::parse(item, rules);
    if (key) {
      read.push_back(*std::move(key));
    } else if (!item.is_object() || !is_for_encryption(item)) {
      skipped.push_back({name_of(item, i), std::move(key).error().message});
    }
  }
  std::vector<Jwk> usable;
  for (const auto& key : read) {
    if (shares_kid(key, read)) {
      skipped.push_back({"key `" + *key.kid() + "`", "jwks: another key has the same `kid`"});
    } else {
      usable.push_back(key);
    }
  }
  if (usable.empty())
    return failure(ErrorCode::kInvalid, "jwks: no key that can be used: " + reasons(skipped));
  return ProviderKeys{TRY(JwkSet::of(std::move(usable))), std::move(skipped)};
}

}  // namespace writ::jose
