// The names that OAuth registers for what the token endpoint does.
#pragma once

#include <string_view>

namespace writ::oauth {

inline constexpr std::string_view kGrantClientCredentials = "client_credentials";
inline constexpr std::string_view kGrantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";

// RFC 8693 §3.
inline constexpr std::string_view kTypeAccessToken = "urn:ietf:params:oauth:token-type:access_token";
inline constexpr std::string_view kTypeIdToken = "urn:ietf:params:oauth:token-type:id_token";
inline constexpr std::string_view kTypeJwt = "urn:ietf:params:oauth:token-type:jwt";

// RFC 7523 §2.2.
inline constexpr std::string_view kAssertionJwtBearer =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
// draft-ietf-oauth-spiffe-client-auth: a JWT-SVID, which need not name its issuer.
inline constexpr std::string_view kAssertionJwtSpiffe =
    "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

}  // namespace writ::oauth
