// FetchedKeys: a provider's key set as it came from its URL, and the file in which the last good one outlives
// outages and restarts. Immutable once published.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/private_file.h"
#include "jose/provider_keys.h"

namespace writ::oauth {

struct FetchedKeys {
  jose::JwkSet keys;                      // never empty
  std::vector<jose::SkippedKey> skipped;  // what else the set had, and why it is not used
  std::string jwks_uri;                   // where it came from
  Instant fetched_at;
};

// What each is called, and what it is.
using Named = std::vector<std::pair<std::string, std::string>>;
// "added `a`, `b`; removed `c`", or "added CA `a`" with that for `what`. Empty where both have the same.
std::string difference(const Named& before, const Named& now, std::string_view what = "");
// The same of keys, by their kids or else thumbprints.
std::string difference(const jose::JwkSet* before, const jose::JwkSet& now);

// One file for each issuer, in this folder, private to Writ's user.
class KeptKeys {
 public:
  explicit KeptKeys(std::filesystem::path folder, Writers writers = Writers::kOwner)
      : folder_(std::move(folder)), writers_(writers) {}

  // Whole and on disk when it returns.
  Result<void> put(std::string_view issuer, const FetchedKeys& keys) const;
  // Nothing where nothing was put. Keys that the rules of now do not let pass are left out.
  Result<std::optional<FetchedKeys>> get(std::string_view issuer, const jose::KeyRules& rules) const;

 private:
  std::filesystem::path file_of(std::string_view issuer) const;
  std::filesystem::path folder_;
  Writers writers_;
};

}  // namespace writ::oauth
