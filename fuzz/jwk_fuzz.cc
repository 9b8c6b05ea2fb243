// Keys and key sets from any bytes: what is accepted is written and read back as the same key, and no public
// key carries a private member.
#include <cstdlib>

#include "jose/jwk.h"
#include "jose/provider_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  const auto json = codec::parse_json({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  if (const auto key = jose::Jwk::parse(*json)) {
    if (json->find("d") != nullptr || json->find("k") != nullptr) std::abort();
    const auto again = jose::Jwk::parse(key->to_json());
    if (!again || again->key() != key->key() || again->thumbprint() != key->thumbprint()) std::abort();
  }
  if (const auto key = jose::PrivateJwk::parse(*json)) {
    const auto stored = codec::parse_json(key->serialise().expose());
    if (!stored || !jose::PrivateJwk::parse(*stored)) std::abort();
  }
  (void)jose::JwkSet::parse(*json);
  const auto rules = jose::provider_rules(std::nullopt);
  if (const auto key = jose::Jwk::parse(*json, rules)) {
    // What any algorithm is read from comes back; RSA keys without `alg` too.
    const auto again = jose::Jwk::parse(key->to_json(), rules);
    if (!again || again->thumbprint() != key->thumbprint()) std::abort();
  }
  (void)jose::read_provider_keys(*json, rules);
  return 0;
}
