#include "token/key_ring.h"

namespace writ::token {
namespace {

Result<std::shared_ptr<const SigningKeys>> make_keys(std::vector<jose::PrivateJwk> keys) {
  if (keys.empty()) return failure(ErrorCode::kInvalid, "key ring: no signing key");
  std::vector<jose::Jwk> public_keys;
  for (const auto& key : keys) public_keys.push_back(key.public_jwk());
  auto set = TRY(jose::JwkSet::of(std::move(public_keys)));
  return std::make_shared<const SigningKeys>(SigningKeys{std::move(keys), std::move(set)});
}

}  // namespace

Result<std::unique_ptr<KeyRing>> KeyRing::of(std::vector<jose::PrivateJwk> keys) {
  auto shared = TRY(make_keys(std::move(keys)));
  return std::unique_ptr<KeyRing>(new KeyRing(std::move(shared)));
}

std::shared_ptr<const SigningKeys> KeyRing::snapshot() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

Result<void> KeyRing::rotate(jose::PrivateJwk key) {
  const std::lock_guard lock(mutex_);
  auto keys = keys_->keys;
  keys.insert(keys.begin(), std::move(key));
  keys_ = TRY(make_keys(std::move(keys)));
  return {};
}

Result<void> KeyRing::retire(std::string_view kid) {
  const std::lock_guard lock(mutex_);
  auto keys = keys_->keys;
  if (keys.front().kid() == kid)
    return failure(ErrorCode::kConflict, "key ring: this key signs; rotate first");
  if (std::erase_if(keys, [kid](const auto& key) { return key.kid() == kid; }) == 0) {
    return failure(ErrorCode::kNotFound, "key ring: no key `" + std::string(kid) + "`");
  }
  keys_ = TRY(make_keys(std::move(keys)));
  return {};
}

}  // namespace writ::token
