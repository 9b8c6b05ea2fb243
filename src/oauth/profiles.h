// Profiles: how each kind of identity provider writes its tokens, as one table of data (profiles.cc). What it
// says is in docs/providers.md too, and a test compares the two.
//
// Constant data; pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "codec/json.h"

namespace writ::oauth {

// One thing that a token says, or does not.
struct ClaimTest {
  enum class Op : std::uint8_t {
    kTrue,
    kNever,
    kIs,           // the text `with`
    kBegins,       // with it
    kEnds,         //
    kHas,          // a text that holds it
    kLacks,        // a text that does not
    kPresent,      //
    kAbsent,       //
    kSameAs,       // the text of the claim `with`
    kDiffersFrom,  // a text, and not that one
    kTyp,          // `typ` of the token's header is `with`
  };
  std::string_view claim = {};
  Op op = Op::kTrue;
  std::string_view with = {};
};

// All of them.
struct Rule {
  ClaimTest first{.op = ClaimTest::Op::kNever};
  ClaimTest second = {};
  ClaimTest third = {};
};
using AnyRule = std::array<Rule, 3>;  // one of them

// A claim, or a member of one; empty: the provider does not say.
using Place = std::array<std::string_view, 2>;

struct Profile {
  std::string_view name;                   // "keycloak"; empty: RFC 9068
  std::string_view subject;                // what it calls the user in access tokens
  std::string_view subject_of_id;          // and in ID tokens: the same value
  std::array<std::string_view, 2> client;  // that the token was made for: the first that is there
  std::string_view tenant;
  Place roles, groups, scopes;
  std::string_view acr, amr, auth_time;
  AnyRule access;     // it is an access token, and no ID token
  AnyRule delegated;  // for a user
  AnyRule app_only;   // for the client alone
  // Without `aud`, whose scopes it has says for which APIs it is: "https://invoices.example/read" is for
  // "https://invoices.example".
  bool audience_in_scope = false;
};

// RFC 9068, for issuers without a profile.
const Profile& standard_profile() noexcept;
std::span<const Profile> profiles() noexcept;
const Profile* find_profile(std::string_view name) noexcept;  // null: there is none

bool holds(const AnyRule& rules, const codec::Json& claims, std::optional<std::string_view> typ);
// As docs/providers.md writes it: "`jti` begins with `AT.`, and `cid`".
std::string text_of(const AnyRule& rules);

}  // namespace writ::oauth
