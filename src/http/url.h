// Url: an absolute http or https URL that Writ itself asks for, read strictly. What two readers could take
// differently (user information, fragments, backslashes, controls, odd hosts) is refused. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"

namespace writ::http {

inline constexpr std::size_t kMaxUrlBytes = 2048;

struct Url {
  std::string text;
  Origin origin;       // https: trusts what the system trusts
  std::string target;  // path and query, as they stand

  bool is_secure() const noexcept { return origin.tls != nullptr; }
};

// Fails with kInvalid; the message names the URL.
Result<Url> parse_url(std::string_view text);

}  // namespace writ::http
