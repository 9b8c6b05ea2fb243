// QueryNames: which query parameters a route takes.
//
// A route that lists them takes those and no others. One that does not takes all, but for names of
// credentials (a second opinion of who calls, beside the token), of other methods (`_method`), and
// `access_token`, since a token comes in the Authorization header alone (RFC 6750 §2.3 is not offered). The
// last two no route can list. Names compare decoded; those of credentials also without case and without what
// is no letter or digit. A name that some reader would read further, or not at all, is refused everywhere: it
// is no UTF-8, has a control character, or is percent-encoded twice. docs/gateway.md has the names.
//
// Immutable and thread-safe. A query in plain names allocates nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace writ::gateway {

inline constexpr std::size_t kMaxQueryNames = 64;

class QueryNames {
 public:
  QueryNames() = default;  // all but credentials and other methods
  // Fails with kInvalid: which name, and why.
  static Result<QueryNames> only(std::vector<std::string> names);

  // Why it does not pass: "the query parameter `api_key` is not taken: ...".
  std::optional<std::string> refusal(std::string_view query) const;

 private:
  std::optional<std::string> refusal_of_name(std::string_view name) const;

  std::optional<std::vector<std::string>> only_;
};

}  // namespace writ::gateway
