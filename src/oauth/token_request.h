// TokenRequest: the parameters of a token request (RFC 6749 §4.4, RFC 8693 §2.1, RFC 8707), read strictly.
//
// RFC 6749 §3.2 has unknown parameters ignored, and so they are, except for those that ask for something
// Writ would then not deliver: `scope`, `tenant`, `environment`, and parameters of a grant other than the one
// named. Ignoring these would issue a token the client believes to be narrower than it is. Views into the
// form. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "oauth/form.h"
#include "oauth/refusal.h"
#include "oauth/task_details.h"

namespace writ::oauth {

enum class Grant : std::uint8_t { kClientCredentials, kTokenExchange };

// Whose token the subject token is.
enum class SubjectTokenKind : std::uint8_t {
  kExternal,  // a trusted issuer's: token types `jwt` and `id_token`
  kAccess,    // ours: token type `access_token`
};

struct ExchangeRequest {
  std::string_view subject_token;
  SubjectTokenKind subject_token_kind;
  std::optional<std::string_view> actor_token;  // always an access token of ours
  std::string_view issued_token_type;           // as asked for: `access_token` or `jwt`, ours are both
};

struct TokenRequest {
  Grant grant;
  std::string_view audience;  // from `resource`, `audience`, or both where they agree
  std::optional<std::string_view> purpose;
  std::optional<std::string_view> task;
  std::optional<AskedTask> details;         // `authorization_details`; then `task` is absent
  std::optional<ExchangeRequest> exchange;  // of the token exchange grant

  static Outcome<TokenRequest> read(const Form& form);
};

}  // namespace writ::oauth
