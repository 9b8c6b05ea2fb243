#include "oauth/profiles.h"

#include <algorithm>
#include <fmt/format.h>

#include "token/jwt_rules.h"

namespace writ::oauth {
namespace {

using enum ClaimTest::Op;

constexpr Profile kStandard{
    .name = "",
    .subject = "sub",
    .subject_of_id = "sub",
    .client = {"client_id", "azp"},
    .tenant = "",
    .roles = {"roles"},
    .groups = {"groups"},
    .scopes = {"scope"},
    .acr = "acr",
    .amr = "amr",
    .auth_time = "auth_time",
    .access = {Rule{{"", kTyp, "at+jwt"}}},
    .delegated = {Rule{{"sub", kDiffersFrom, "client_id"}}},
    .app_only = {Rule{{"sub", kSameAs, "client_id"}}},
};

constexpr Profile kProfiles[] = {
    // https://www.keycloak.org/docs/latest/server_admin/: `typ` in the claims says which token it is. A
    // client's own has `client_id` by a client scope that can be taken away; its user's name stays.
    {
        .name = "keycloak",
        .subject = "sub",
        .subject_of_id = "sub",
        .client = {"azp"},
        .tenant = "",
        .roles = {"realm_access", "roles"},
        .groups = {"groups"},
        .scopes = {"scope"},
        .acr = "acr",
        .amr = "amr",
        .auth_time = "auth_time",
        .access = {Rule{{"typ", kIs, "Bearer"}}, Rule{{"typ", kIs, "DPoP"}}},
        .delegated = {Rule{{"client_id", kAbsent}, {"preferred_username", kLacks, "service-account-"}},
                      Rule{{"client_id", kAbsent}, {"preferred_username", kAbsent}, {"sid", kPresent}}},
        .app_only = {Rule{{"client_id", kSameAs, "azp"},
                          {"preferred_username", kBegins, "service-account-"}}},
    },
    // https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference: `sub` is another one
    // for each application, `oid` the same for all.
    {
        .name = "entra",
        .subject = "oid",
        .subject_of_id = "oid",
        .client = {"azp", "appid"},
        .tenant = "tid",
        .roles = {"roles"},
        .groups = {"groups"},
        .scopes = {"scp"},
        .acr = "acr",
        .amr = "amr",
        .auth_time = "auth_time",
        .access = {Rule{{"azp", kPresent}}, Rule{{"appid", kPresent}}},
        .delegated = {Rule{{"scp", kPresent}, {"idtyp", kAbsent}},
                      Rule{{"scp", kPresent}, {"idtyp", kIs, "user"}}},
        .app_only = {Rule{{"scp", kAbsent}, {"idtyp", kIs, "app"}},
                     Rule{{"scp", kAbsent}, {"idtyp", kAbsent}, {"oid", kSameAs, "sub"}}},
    },
    // https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/: `sub` of an access token is
    // the login, which can change hands; `uid` is what ID tokens have as `sub`.
    {
        .name = "okta",
        .subject = "uid",
        .subject_of_id = "sub",
        .client = {"cid"},
        .tenant = "",
        .roles = {},
        .groups = {"groups"},
        .scopes = {"scp"},
        .acr = "acr",
        .amr = "amr",
        .auth_time = "auth_time",
        .access = {Rule{{"jti", kBegins, "AT."}, {"cid", kPresent}}},
        .delegated = {Rule{{"uid", kPresent}, {"sub", kDiffersFrom, "cid"}}},
        .app_only = {Rule{{"uid", kAbsent}, {"sub", kSameAs, "cid"}}},
    },
    // https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles: users are `connection|id`.
    // Nobody can add `azp`, `client_id` or `nonce` to a token (create-custom-claims); the last is for ID
    // tokens.
    {
        .name = "auth0",
        .subject = "sub",
        .subject_of_id = "sub",
        .client = {"azp", "client_id"},
        .tenant = "org_id",
        .roles = {"permissions"},
        .groups = {},
        .scopes = {"scope"},
        .acr = "acr",
        .amr = "amr",
        .auth_time = "auth_time",
        .access = {Rule{{"azp", kPresent}, {"nonce", kAbsent}},
                   Rule{{"client_id", kPresent}, {"nonce", kAbsent}}},
        .delegated = {Rule{{"sub", kHas, "|"}}},
        .app_only = {Rule{{"sub", kEnds, "@clients"}, {"sub", kLacks, "|"}},
                     Rule{{"sub", kSameAs, "client_id"}, {"sub", kLacks, "|"}}},
    },
    // https://cloud.google.com/docs/authentication/get-id-token: users' access tokens are opaque. What is
    // accepted are the tokens of service accounts, made for one audience.
    {
        .name = "google",
        .subject = "sub",
        .subject_of_id = "sub",
        .client = {"azp"},
        .tenant = "",
        .roles = {},
        .groups = {},
        .scopes = {},
        .acr = "",
        .amr = "",
        .auth_time = "",
        .access = {Rule{{"email", kEnds, ".gserviceaccount.com"}, {"azp", kSameAs, "sub"}}},
        .delegated = {},
        .app_only = {Rule{{"azp", kSameAs, "sub"}}},
    },
    // https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
    {
        .name = "cognito",
        .subject = "sub",
        .subject_of_id = "sub",
        .client = {"client_id"},
        .tenant = "",
        .roles = {},
        .groups = {"cognito:groups"},
        .scopes = {"scope"},
        .acr = "",
        .amr = "",
        .auth_time = "auth_time",
        .access = {Rule{{"token_use", kIs, "access"}}},
        .delegated = {Rule{{"username", kPresent}, {"sub", kDiffersFrom, "client_id"}}},
        .app_only = {Rule{{"username", kAbsent}, {"sub", kSameAs, "client_id"}}},
        .audience_in_scope = true,
    },
    // https://curity.io/resources/learn/jwt-access-token/: its `purpose` is what kind of token it is. Nothing
    // says what a client's own token has as `sub`. Of a login there is more: its method, or its session.
    {
        .name = "curity",
        .subject = "sub",
        .subject_of_id = "sub",
        .client = {"client_id"},
        .tenant = "",
        .roles = {"roles"},
        .groups = {"groups"},
        .scopes = {"scope"},
        .acr = "acr",
        .amr = "amr",
        .auth_time = "auth_time",
        .access = {Rule{{"purpose", kIs, "access_token"}}},
        .delegated = {Rule{{"sub", kDiffersFrom, "client_id"}, {"acr", kPresent}},
                      Rule{{"sub", kDiffersFrom, "client_id"}, {"sid", kPresent}}},
        .app_only = {Rule{{"sub", kSameAs, "client_id"}}},
    },
    // https://developer.pingidentity.com/pingone-api/foundations/authentication-concepts/access-tokens-and-id-tokens/token-claims.html:
    // a client's own token has no `sub`, unless an attribute is mapped to it, and never the rest, which is of
    // a
    // login. `pi.sri` is PingFederate's session.
    {
        .name = "ping",
        .subject = "sub",
        .subject_of_id = "sub",
        .client = {"client_id"},
        .tenant = "",
        .roles = {"roles"},
        .groups = {"groups"},
        .scopes = {"scope"},
        .acr = "acr",
        .amr = "amr",
        .auth_time = "auth_time",
        .access = {Rule{{"client_id", kPresent}, {"nonce", kAbsent}}},
        .delegated = {Rule{{"sub", kDiffersFrom, "client_id"}, {"sid", kPresent}},
                      Rule{{"sub", kDiffersFrom, "client_id"}, {"auth_time", kPresent}},
                      Rule{{"sub", kDiffersFrom, "client_id"}, {"pi.sri", kPresent}}},
        .app_only = {Rule{{"sub", kAbsent}, {"sid", kAbsent}}, Rule{{"sub", kSameAs, "client_id"}}},
    },
};

const std::string* text_in(const codec::Json& claims, std::string_view name) {
  return claims.find_string(name);
}

bool is_true(const ClaimTest& condition, const codec::Json& claims, std::optional<std::string_view> typ) {
  const auto* value = condition.claim.empty() ? nullptr : claims.find(condition.claim);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  switch (condition.op) {
    case kTrue:
      return true;
    case kNever:
      return false;
    case kIs:
      return text != nullptr && *text == condition.with;
    case kBegins:
      return text != nullptr && text->starts_with(condition.with);
    case kEnds:
      return text != nullptr && text->ends_with(condition.with);
    case kHas:
      return text != nullptr && text->find(condition.with) != text->npos;
    case kLacks:
      return text != nullptr && text->find(condition.with) == text->npos;
    case kPresent:
      return value != nullptr && !value->is_null();
    case kAbsent:
      return value == nullptr;
    case kSameAs:
    case kDiffersFrom: {
      const auto* other = text_in(claims, condition.with);
      return text != nullptr && other != nullptr && (*text == *other) == (condition.op == kSameAs);
    }
    case kTyp:
      return token::is_type(typ, condition.with);
  }
  return false;
}

std::string text_of(const ClaimTest& condition) {
  const auto& [claim, op, with] = condition;
  switch (op) {
    case kTrue:
    case kNever:
      return {};
    case kIs:
      return fmt::format("`{}` is `{}`", claim, with);
    case kBegins:
      return fmt::format("`{}` begins with `{}`", claim, with);
    case kEnds:
      return fmt::format("`{}` ends with `{}`", claim, with);
    case kHas:
      return fmt::format("`{}` has a `{}`", claim, with);
    case kLacks:
      return fmt::format("`{}` has no `{}`", claim, with);
    case kPresent:
      return fmt::format("there is `{}`", claim);
    case kAbsent:
      return fmt::format("there is no `{}`", claim);
    case kSameAs:
      return fmt::format("`{}` is the same as `{}`", claim, with);
    case kDiffersFrom:
      return fmt::format("`{}` differs from `{}`", claim, with);
    case kTyp:
      return fmt::format("the header's `typ` is `{}`", with);
  }
  return {};
}

}  // namespace

const Profile& standard_profile() noexcept {
  return kStandard;
}

std::span<const Profile> profiles() noexcept {
  return kProfiles;
}

const Profile* find_profile(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kProfiles, name, &Profile::name);
  return found != std::end(kProfiles) ? found : nullptr;
}

bool holds(const AnyRule& rules, const codec::Json& claims, std::optional<std::string_view> typ) {
  return std::ranges::any_of(rules, [&](const Rule& rule) {
    return is_true(rule.first, claims, typ) && is_true(rule.second, claims, typ) &&
           is_true(rule.third, claims, typ);
  });
}

std::string text_of(const AnyRule& rules) {
  std::string text;
  for (const Rule& rule : rules) {
    if (rule.first.op == kNever) continue;
    if (!text.empty()) text += "; or ";
    text += text_of(rule.first);
    for (const auto* more : {&rule.second, &rule.third}) {
      if (more->op != kTrue) text += " and " + text_of(*more);
    }
  }
  return text;
}

}  // namespace writ::oauth
