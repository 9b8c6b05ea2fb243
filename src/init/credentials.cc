#include "init/credentials.h"

#include "codec/base64url.h"
#include "crypto/random.h"
#include "crypto/secret_hash.h"

namespace writ::init {

Result<Credentials> make_credentials(bool with_issuer) {
  Secret secret(codec::base64url_encode(crypto::random_bytes(32)));
  auto hash = TRY(crypto::hash_secret(secret));
  auto agent = TRY(jose::PrivateJwk::generate(crypto::Algorithm::kEs256));
  std::optional<jose::PrivateJwk> issuer;
  if (with_issuer) issuer = TRY(jose::PrivateJwk::generate(crypto::Algorithm::kEs256));
  return Credentials{std::move(secret), std::move(hash), std::move(agent), std::move(issuer)};
}

}  // namespace writ::init
