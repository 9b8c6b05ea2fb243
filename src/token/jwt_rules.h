// The checks that every kind of JWT shares: its type and its times.
//
// For what reads JWTs. Pure; time is an argument.
#pragma once

#include <algorithm>
#include <expected>
#include <optional>
#include <string_view>

#include "base/denial.h"
#include "base/times.h"
#include "http/headers.h"

namespace writ::token {

// RFC 7515 §4.1.9: media types compare without regard to case, and `application/` may be left out.
inline bool is_type(std::optional<std::string_view> typ, std::string_view expected) {
  if (!typ) return false;
  constexpr std::string_view kPrefix = "application/";
  if (typ->size() > kPrefix.size() && http::equal_ignoring_case(typ->substr(0, kPrefix.size()), kPrefix)) {
    typ->remove_prefix(kPrefix.size());
  }
  return http::equal_ignoring_case(*typ, expected);
}

struct Lifetime {
  Instant issued_at;
  Instant not_before;
  Instant expires_at;
};

// RFC 7519 §4.1.4: on or after `exp` the token is not accepted. The skew helps `nbf` and `iat` only.
inline std::expected<void, Denial> check_lifetime(const Lifetime& lifetime, Duration skew, Times now) {
  if (now.ended(lifetime.expires_at))
    return std::unexpected(Denial{Reason::kTokenExpired, "the token has expired"});
  if (!now.begun(std::max(lifetime.not_before, lifetime.issued_at) - skew)) {
    return std::unexpected(Denial{Reason::kTokenNotYetValid, "the token is not valid yet"});
  }
  return {};
}

}  // namespace writ::token
