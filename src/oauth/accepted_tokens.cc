#include "oauth/accepted_tokens.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/base64url.h"
#include "codec/name.h"
#include "control/own_api.h"
#include "crypto/hash.h"
#include "jose/jws.h"
#include "oauth/provider_claims.h"

namespace writ::oauth {
namespace {

using codec::Json;
using token::AccessClaims;

constexpr std::size_t kThumbprintChars = 43;  // base64url of 32 bytes

std::unexpected<Denial> denied(Reason reason, std::string message) {
  return std::unexpected(Denial{reason, std::move(message)});
}

ClaimPath path_of(std::string_view claim) {
  return ClaimPath(std::string(claim));
}

// Claims that only ID tokens and events have (OpenID Connect Core §3.3.2.11, RFC 8417 §2.2), whatever else
// they say.
constexpr std::string_view kNeverOfAccess[] = {"at_hash", "c_hash", "s_hash", "events"};

std::expected<void, Denial> check_is_access_token(const Json& claims, std::optional<std::string_view> typ,
                                                  const TrustedIssuer& by) {
  for (const auto name : kNeverOfAccess) {
    if (claims.find(name) != nullptr)
      return denied(Reason::kTokenType,
                    fmt::format("the token is an ID token or an event, for it has `{}`: only access tokens "
                                "are accepted here",
                                name));
  }
  if (holds(by.profile->access, claims, typ)) return {};
  return denied(Reason::kTokenType,
                fmt::format("the token is not an access token; one of this issuer is one where {}",
                            text_of(by.profile->access)));
}

// Neither, or both, is nobody's.
std::expected<bool, Denial> is_delegated(const Json& claims, std::optional<std::string_view> typ,
                                         const TrustedIssuer& by) {
  const bool delegated = holds(by.profile->delegated, claims, typ);
  const bool app_only = holds(by.profile->app_only, claims, typ);
  if (delegated != app_only) return delegated;
  return denied(Reason::kTokenType,
                "the token does not say whether it is for a user, or for its client alone");
}

// Cognito names no audience by default: the resource server is what stands before a scope's last slash.
std::vector<std::string> audiences_of(const token::Assertion& assertion, const Profile& profile) {
  if (!profile.audience_in_scope || assertion.claims.find("aud") != nullptr) return assertion.audiences;
  std::vector<std::string> audiences;
  const auto scopes = mapped_texts(assertion.claims, path_of(profile.scopes[0]), OneText::kIsWords);
  if (!scopes || !*scopes) return {};
  for (const auto& scope : **scopes) {
    const auto slash = scope.rfind('/');
    if (slash != scope.npos && slash > 0) audiences.push_back(scope.substr(0, slash));
  }
  return audiences;
}

std::expected<std::string, Denial> mapped_client(const std::string& theirs, const AcceptedAt& accept,
                                                 std::string_view who) {
  const auto found = accept.clients.find(theirs);
  if (found != accept.clients.end()) return found->second;
  return denied(Reason::kCallerUnknown,
                fmt::format("the token's {} `{}` is not mapped to an identity here, under `accept` for API "
                            "`{}`",
                            who, theirs, accept.api));
}

// RFC 8693 §4.1: each of them acts, so each has to be known here.
std::expected<std::vector<token::Actor>, Denial> mapped_actors(const Json& claims, const AcceptedAt& accept,
                                                               const TrustedIssuer& by) {
  auto actors = token::actors_from_json(claims.find("act"));
  if (!actors)
    return denied(actors.error().code == ErrorCode::kLimit ? Reason::kChainTooDeep : Reason::kTokenMalformed,
                  actors.error().message);
  for (auto& actor : *actors) {
    if (actor.issuer && *actor.issuer != by.issuer)
      return denied(Reason::kCallerUnknown, fmt::format("the token's actor `{}` is of another issuer, `{}`",
                                                        actor.subject, *actor.issuer));
    actor = {TRY(mapped_client(actor.subject, accept, "actor")), std::nullopt};
  }
  return *std::move(actors);
}

// RFC 7800 §3.1: a binding that cannot be checked must not be ignored. RFC 9449 §6.1, RFC 8705 §3.1.
std::expected<void, Denial> read_binding(const Json& claims, AccessClaims& into) {
  const auto* cnf = claims.find("cnf");
  if (cnf == nullptr) return {};
  const auto* members = cnf->if_object();
  if (members == nullptr || members->empty()) return malformed("cnf");
  for (const auto& [name, value] : *members) {
    const auto* text = value.if_string();
    auto* place = name == "jkt"        ? &into.key_thumbprint
                  : name == "x5t#S256" ? &into.certificate_thumbprint
                                       : nullptr;
    if (place == nullptr)
      return denied(Reason::kSenderBindingMissing,
                    "the token is bound to its sender in another way than by `jkt` or `x5t#S256`");
    if (text == nullptr || text->size() != kThumbprintChars) return malformed("cnf");
    *place = *text;
  }
  return {};
}

// Unlike every id of a token of Writ's: those hold no space.
std::string id_of(const token::Assertion& assertion, std::string_view text) {
  if (assertion.jti) return assertion.issuer + " " + *assertion.jti;
  return assertion.issuer + " sha256:" + codec::base64url_encode(crypto::as_bytes(crypto::sha256(text)));
}

std::expected<void, Denial> read_times(const token::Assertion& assertion, const AcceptedAt& accept,
                                       AccessClaims& into) {
  into.expires_at = assertion.expires_at;
  into.issued_at = *TRY(mapped_date(assertion.claims, "iat"));  // it was needed
  into.not_before = TRY(mapped_date(assertion.claims, "nbf")).value_or(into.issued_at);
  if (into.expires_at - into.issued_at <= accept.max_lifetime) return {};
  const auto seconds = [](Duration time) { return std::chrono::ceil<std::chrono::seconds>(time).count(); };
  return denied(
      Reason::kTokenMalformed,
      fmt::format("the token lives for {} seconds, and at API `{}` at most {} are accepted of its "
                  "issuer (`max_lifetime_seconds`)",
                  seconds(into.expires_at - into.issued_at), accept.api, seconds(accept.max_lifetime)));
}

std::expected<void, Denial> read_user(const Json& claims, const TrustedIssuer& by, AccessClaims& into,
                                      token::Foreign& foreign) {
  into.subject_issuer = by.issuer;
  into.acr = TRY(mapped_text(
      claims, by.mapping.others.contains("acr") ? by.mapping.others.at("acr") : path_of(by.profile->acr)));
  into.auth_time =
      TRY(mapped_date(claims, by.mapping.others.contains("auth_time") ? by.mapping.others.at("auth_time")
                                                                      : path_of(by.profile->auth_time)));
  for (const auto& [name, place] : by.facts) {
    const auto one = name == "scopes" ? OneText::kIsWords : OneText::kIsOne;
    if (auto texts = TRY(mapped_texts(claims, place, one)))
      foreign.facts.emplace_back(name, *std::move(texts));
  }
  return {};
}

}  // namespace

std::optional<token::ForeignAnswer> AcceptedTokens::verify(std::string_view text, Times now) const {
  const auto jws = jose::parse_jws(text, jose::Signers::kOthers);
  if (!jws) return std::nullopt;
  const auto unverified = jose::parse_claims(jws->unverified_payload());
  const auto* issuer = unverified ? unverified->find_string("iss") : nullptr;
  const auto* by = issuer != nullptr ? issuers_.find(*issuer) : nullptr;
  if (by == nullptr || by->accept.empty()) return std::nullopt;

  // The edition first: what is replaced meanwhile makes it an old one.
  const auto edition = issuers_.edition_of(*by);
  const auto keys = issuers_.keys_in_force(*by, now);
  if (keys == nullptr) return token::ForeignAnswer{std::unexpected(keys_unknown(*by)), true};
  const token::AssertionRules rules{.issuer = by->issuer,
                                    .keys = *keys,
                                    .audiences = {},
                                    .types = {"", "JWT", "at+jwt"},
                                    .max_lifetime = std::chrono::hours(24 * 365),
                                    .needs_issued_at = true,
                                    .tolerance = by->tolerance,
                                    .algorithms = by->algorithms.value_or(crypto::kAllAlgorithms),
                                    .needs_subject = false};
  const bool missing = jws->kid() && keys->find(jws->kid()) == nullptr;
  auto assertion = token::verify_assertion(*jws, rules, now);
  if (!assertion) return token::ForeignAnswer{std::unexpected(std::move(assertion).error()), missing};
  return token::ForeignAnswer{read(*assertion, jws->typ(), *by, text, edition)};
}

bool AcceptedTokens::wait_for_keys(std::string_view token, std::move_only_function<void()>& then) const {
  const auto issuer = token::unverified_issuer(token);
  const auto* by = issuer ? issuers_.find(*issuer) : nullptr;
  return by != nullptr && !by->accept.empty() && issuers_.wait_for_keys(token, then);
}

std::vector<std::string> AcceptedTokens::issuers_of(std::string_view api, std::string_view own) const {
  std::vector<std::string> issuers;
  for (const auto& issuer : issuers_.all()) {
    if (std::ranges::find(issuer.accept, api, &AcceptedAt::api) != issuer.accept.end())
      issuers.push_back(issuer.issuer);
  }
  issuers.emplace_back(own);
  return issuers;
}

// A token that is good at two places could be carried from one to the other. So every audience counts that
// means something here: what is accepted of this issuer, and the names of our APIs themselves.
std::expected<const AcceptedAt*, Denial> AcceptedTokens::accepted_at(
    const std::vector<std::string>& audiences, const TrustedIssuer& by) const {
  const auto in_force = current_.get();
  const AcceptedAt* found = nullptr;
  std::string first;
  for (const auto& audience : audiences) {
    const auto accept = std::ranges::find_if(by.accept, [&](const AcceptedAt& each) {
      return std::ranges::find(each.audiences, audience) != each.audiences.end();
    });
    const auto* named = in_force->inventory->find_audience(audience);
    std::string api = accept != by.accept.end() ? accept->api
                      : named != nullptr        ? named->id
                      : audience == by.audience ? std::string(control::kOwnApi)
                                                : std::string();
    if (api.empty()) continue;
    if (!first.empty() && first != api)
      return denied(Reason::kAudienceMismatch,
                    fmt::format("the token's `aud` names two APIs of Writ's, `{}` and `{}`", first, api));
    first = std::move(api);
    if (accept != by.accept.end()) found = &*accept;
  }
  if (found != nullptr) return found;
  return denied(Reason::kAudienceMismatch,
                "the token's `aud` names nothing that is accepted of its issuer here");
}

std::expected<AcceptedTokens::Claims, Denial> AcceptedTokens::read(const token::Assertion& assertion,
                                                                   std::optional<std::string_view> typ,
                                                                   const TrustedIssuer& by,
                                                                   std::string_view text,
                                                                   std::uint64_t edition) const {
  const Json& claims = assertion.claims;
  TRY(check_is_access_token(claims, typ, by));
  const AcceptedAt& accept = *TRY(accepted_at(audiences_of(assertion, *by.profile), by));
  const bool delegated = TRY(is_delegated(claims, typ, by));
  if (!(delegated ? accept.delegated : accept.app_only))
    return denied(Reason::kTokenType,
                  fmt::format("the token is {}, and such tokens of its issuer are not accepted at API `{}` "
                              "(`kinds`)",
                              delegated ? "for a user" : "for its client alone", accept.api));

  auto into = std::make_shared<AccessClaims>();
  auto foreign = std::make_shared<token::Foreign>();
  auto client = TRY(named_client(claims));
  if (!client) return denied(Reason::kCallerUnknown, "the token does not say which client it was made for");
  into->client_id = TRY(mapped_client(*client, accept, "client"));
  into->actors = TRY(mapped_actors(claims, accept, by));
  into->subject = into->client_id;
  if (delegated) {
    into->subject = TRY(issuers_.user_id(claims, by.access_subject, by));
    // It would look like the client, acting for itself.
    if (into->subject == into->client_id)
      return denied(Reason::kTokenIssuer, "the token's subject `" + into->subject +
                                              "` is not a user, and the token's issuer may name users only");
    TRY(read_user(claims, by, *into, *foreign));
  }
  if (auto tenant = TRY(mapped_text(claims, by.access_tenant)))
    into->tenant = by.tenant_of(*std::move(tenant));
  TRY(read_binding(claims, *into));
  TRY(read_times(assertion, accept, *into));
  into->issuer = by.issuer;
  into->jti = id_of(assertion, text);
  const auto* api = current_.get()->inventory->find_api(accept.api);
  into->audience = api != nullptr ? api->audience : std::string();
  foreign->api = accept.api;
  foreign->tenants = accept.tenants ? accept.tenants : by.tenants;
  foreign->needs_tenant = accept.tenants.has_value();
  foreign->tolerance = by.tolerance;
  foreign->issuer = static_cast<std::size_t>(&by - issuers_.all().data());
  foreign->edition = edition;
  into->foreign = std::move(foreign);
  return into;
}

}  // namespace writ::oauth
