// Keys and a secret for trying: an application's, an agent's and, without a provider, that of the one who
// says who the users are. Made anew each time; whoever has the folder can be any user, so they are for a
// developer's own machine.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "jose/jwk.h"

namespace writ::init {

struct Credentials {
  Secret app_secret;
  std::string app_secret_hash;
  jose::PrivateJwk agent_key;
  std::optional<jose::PrivateJwk> issuer_key;
};

Result<Credentials> make_credentials(bool with_issuer);

}  // namespace writ::init
