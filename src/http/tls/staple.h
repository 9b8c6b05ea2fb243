// Staple: what a CA said of a certificate a while ago, given to clients with it (OCSP stapling, RFC 6066 §8,
// RFC 6960). It comes from a file that somebody renews; Writ asks no responder. Internal to http/tls.
#pragma once

#include <cstdint>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <string_view>

#include "base/result.h"

namespace writ::http::tls {

struct Staple {
  std::string response;  // DER
  std::int64_t until;    // nextUpdate, in seconds since 1970: no client gets it afterwards
};

// Of the first certificate of the context, whose issuer comes behind it in its chain. Fails with kInvalid
// where it is about another one, not signed by the issuer or by whom the issuer delegates, says anything else
// than `good`, or has no nextUpdate. One that is too old is none of these: it is not given, and facts tell
// until when it was good.
Result<std::unique_ptr<const Staple>> read_staple(SSL_CTX& context, std::string_view response);

// Clients that ask for it get it from now on. The staple outlives the context.
void use_staple(SSL_CTX& context, const Staple& staple);

}  // namespace writ::http::tls
