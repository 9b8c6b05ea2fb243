#include "token/key_ring.h"

namespace writ::token {

Result<std::unique_ptr<KeyRing>> KeyRing::of(std::vector<jose::PrivateJwk> keys) {
  if (keys.empty()) return failure(ErrorCode::kInvalid, "key ring: no signing key");
  std::vector<jose::Jwk> public_keys;
  for (const auto& key : keys) public_keys.push_back(key.public_jwk());
  auto set = TRY(jose::JwkSet::of(std::move(public_keys)));
  return std::make_unique<KeyRing>(SigningKeys{std::move(keys.front()), std::move(set)});
}

}  // namespace writ::token
