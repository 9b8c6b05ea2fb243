// The prefix that each trusted issuer's users are named with (`subject_prefix`). It stays as it was when the
// issuer was first trusted: stops, tasks and grants go by the names that it makes, and under another one whom
// somebody stopped would be a stranger who was never stopped.
#pragma once

#include <map>
#include <string>

#include "store/sqlite.h"

namespace writ::store {

using IssuerPrefixes = std::map<std::string, std::string, std::less<>>;  // by issuer

// Notes those of the issuers that are trusted now, and forgets the others. kConflict, and nothing is noted,
// where one had another prefix.
Result<void> keep_issuer_prefixes(Database& database, const IssuerPrefixes& now);

}  // namespace writ::store
