// The key set of an identity provider: what can be used of it, and what was left out and why.
//
// Providers publish keys for other purposes and of newer kinds beside those that Writ needs, so one such key
// does not spoil the others. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jose/jwk.h"

namespace writ::jose {

// The rules for an issuer: what it is configured to sign with, or where nothing is configured whatever the
// keys pin themselves. An RSA key without `alg` verifies those of RSA that are configured, and RS256, which
// OpenID Connect Core §15.1 wants of every provider, where none are.
KeyRules provider_rules(const std::optional<crypto::AlgorithmSet>& configured);
// The same, for a SPIFFE trust domain: its bundle, or an ordinary set.
KeyRules trust_domain_rules(const std::optional<crypto::AlgorithmSet>& configured);

struct SkippedKey {
  std::string name;  // its kid, or its place: "the key at 2"
  std::string why;
};

struct ProviderKeys {
  JwkSet keys;  // never empty
  // Without those that say that they are for encryption, and those of a bundle for X.509-SVIDs: they are
  // nobody's mistake.
  std::vector<SkippedKey> skipped;
};

// Fails for what is not a set, has more than kMaxKeysInSet keys, or holds nothing that can be used. Of keys
// with one kid none is used, because nobody can tell which is meant. A set in which a key says that it is for
// SVIDs is a bundle (SPIFFE Trust Domain and Bundle §4): where the rules let it, those for JWT-SVIDs count,
// and of all others none.
Result<ProviderKeys> read_provider_keys(const codec::Json& json, const KeyRules& rules);

}  // namespace writ::jose
