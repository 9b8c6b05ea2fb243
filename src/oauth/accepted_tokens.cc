#include "oauth/accepted_tokens.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/base64url.h"
#include "codec/name.h"
#include "control/own_api.h"
#include "crypto/hash.h"
#include "http/headers.h"
#include "jose/jws.h"
#include "oauth/provider_claims.h"
#include "oauth/token_asker.h"

namespace writ::oauth {
namespace {

using codec::Json;
using token::AccessClaims;

constexpr std::size_t kThumbprintChars = 43;  // base64url of 32 bytes

ClaimPath path_of(std::string_view claim) {
  return ClaimPath(std::string(claim));
}

// Claims that only ID tokens and events have (OpenID Connect Core §3.3.2.11, RFC 8417 §2.2), whatever else
// they say.
constexpr std::string_view kNeverOfAccess[] = {"at_hash", "c_hash", "s_hash", "events"};

std::expected<void, Denial> check_is_no_other(const Json& claims) {
  for (const auto name : kNeverOfAccess) {
    if (claims.find(name) != nullptr)
      return denied(Reason::kTokenType,
                    fmt::format("the token is an ID token or an event, for it has `{}`: only access tokens "
                                "are accepted here",
                                name));
  }
  return {};
}

std::expected<void, Denial> check_is_access_token(const Json& claims, std::optional<std::string_view> typ,
                                                  const TrustedIssuer& by) {
  TRY(check_is_no_other(claims));
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

// Neither JWS nor JWE in compact form: those have two and four dots (RFC 7516 §9).
bool is_opaque(std::string_view token) {
  const auto dots = std::ranges::count(token, '.');
  return dots != 2 && dots != 4;
}

// RFC 7662 §2.2: an issuer is asked about refresh tokens too, and says that they are active.
std::expected<void, Denial> check_is_told_of_access(const Json& told) {
  TRY(check_is_no_other(told));
  const auto* type = told.find_string("token_type");
  if (type != nullptr &&
      (http::equal_ignoring_case(*type, "Bearer") || http::equal_ignoring_case(*type, "DPoP")))
    return {};
  return denied(Reason::kTokenType,
                "the token's issuer does not say that it is an access token: its `token_type` is neither "
                "`Bearer` nor `DPoP`");
}

bool is_accepted_at(const Accepts& accepts, std::string_view api) {
  return std::ranges::find(accepts, api, &AcceptedAt::api) != accepts.end();
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

// Whoever is not mapped is nobody here: no id of a client holds a space.
std::expected<std::optional<std::string>, Denial> mapped_may_act(const Json& claims, const AcceptedAt& accept,
                                                                 const TrustedIssuer& by) {
  const auto theirs = TRY(named_actor(claims, by.issuer));
  if (!theirs) return std::nullopt;
  const auto found = accept.clients.find(*theirs);
  return found != accept.clients.end() ? found->second : by.issuer + " " + *theirs;
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
  into.auth_time = TRY(login_time(claims,
                                  by.mapping.others.contains("auth_time") ? by.mapping.others.at("auth_time")
                                                                          : path_of(by.profile->auth_time),
                                  by));
  for (const auto& [name, place] : by.facts) {
    const auto one = name == "scopes" ? OneText::kIsWords : OneText::kIsOne;
    auto texts = TRY(mapped_texts(claims, place, one));
    if (!texts) continue;
    if (name == "groups")
      for (auto& group : *texts) group.insert(0, by.group_prefix);
    foreign.facts.emplace_back(name, *std::move(texts));
  }
  return {};
}

}  // namespace

AcceptedTokens::AcceptedTokens(const TrustedIssuers& issuers, const enforce::Current& current,
                               const Clock& clock)
    : issuers_(issuers), current_(current), clock_(clock) {
  for (const auto& by : issuers_.all()) {
    if (by.asked == nullptr) continue;
    by.asked->read_with([this, &by](const Json& told, std::string_view text, TokenAsker::ToldUntil until) {
      return read_told(told, by, text, std::move(until));
    });
  }
}

const TrustedIssuer* AcceptedTokens::asked_at(std::string_view api) const {
  if (api.empty()) return nullptr;
  for (const auto& by : issuers_.all()) {
    if (by.asked != nullptr && is_accepted_at(*issuers_.accepts_of(by), api)) return &by;
  }
  return nullptr;
}

std::shared_ptr<const AccessClaims> AcceptedTokens::known(std::string_view token, std::string_view api,
                                                          Times now) const {
  const auto* by = is_opaque(token) ? asked_at(api) : nullptr;
  if (by == nullptr) return nullptr;
  auto answer = by->asked->known(token);
  if (!answer || !*answer || !stands(*(**answer)->foreign, now)) return nullptr;
  return **std::move(answer);
}

bool AcceptedTokens::stands(const token::Foreign& foreign, Times now) const {
  if (foreign.told_until == nullptr) return issuers_.stands(foreign.issuer, foreign.edition, now);
  // Its issuer's keys have nothing to do with it.
  return foreign.edition == issuers_.accepts_edition_of(foreign.issuer) &&
         clock_.running().count() < foreign.told_until->load(std::memory_order_acquire);
}

std::optional<token::ForeignAnswer> AcceptedTokens::verify(std::string_view text, std::string_view api,
                                                           Times now) const {
  if (is_opaque(text)) {
    const auto* by = asked_at(api);
    if (by == nullptr) return std::nullopt;
    if (auto answer = by->asked->known(text)) {
      if (!*answer || stands(*(**answer)->foreign, now)) return token::ForeignAnswer{*std::move(answer)};
    }
    return token::ForeignAnswer{std::unexpected(issuer_silent(*by)), true};
  }
  const auto jws = jose::parse_jws(text, jose::Signers::kOthers);
  if (!jws) return std::nullopt;
  const auto unverified = jose::parse_claims(jws->unverified_payload());
  const auto* issuer = unverified ? unverified->find_string("iss") : nullptr;
  const auto* by = issuer != nullptr ? issuers_.find(*issuer) : nullptr;
  if (by == nullptr || issuers_.accepts_of(*by)->empty()) return std::nullopt;

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
  return token::ForeignAnswer{read_signed(*assertion, jws->typ(), *by, text, edition)};
}

bool AcceptedTokens::wait_for(const token::BroughtThere& brought,
                              std::move_only_function<void()>& then) const {
  if (is_opaque(brought.token)) {
    const auto* by = asked_at(brought.api);
    return by != nullptr && by->asked->ask(brought.token, brought.peer_ip, then);
  }
  const auto issuer = token::unverified_issuer(brought.token);
  const auto* by = issuer ? issuers_.find(*issuer) : nullptr;
  return by != nullptr && !issuers_.accepts_of(*by)->empty() && issuers_.wait_for_keys(brought.token, then);
}

std::vector<std::string> AcceptedTokens::issuers_of(std::string_view api, std::string_view own) const {
  std::vector<std::string> issuers;
  for (const auto& issuer : issuers_.all()) {
    if (is_accepted_at(*issuers_.accepts_of(issuer), api)) issuers.push_back(issuer.issuer);
  }
  issuers.emplace_back(own);
  return issuers;
}

// A token that is good at two places could be carried from one to the other. So every audience counts that
// means something here: what is accepted of this issuer, and the names of our APIs themselves.
std::expected<const AcceptedAt*, Denial> AcceptedTokens::accepted_at(
    const std::vector<std::string>& audiences, const TrustedIssuer& by, const Accepts& accepts) const {
  const auto in_force = current_.get();
  const AcceptedAt* found = nullptr;
  std::string first;
  for (const auto& audience : audiences) {
    const auto accept = std::ranges::find_if(accepts, [&](const AcceptedAt& each) {
      return std::ranges::find(each.audiences, audience) != each.audiences.end();
    });
    const auto* named = in_force->inventory->find_audience(audience);
    std::string api = accept != accepts.end()   ? accept->api
                      : named != nullptr        ? named->id
                      : audience == by.audience ? std::string(control::kOwnApi)
                                                : std::string();
    if (api.empty()) continue;
    if (!first.empty() && first != api)
      return denied(Reason::kAudienceMismatch,
                    fmt::format("the token's `aud` names two APIs of Writ's, `{}` and `{}`", first, api));
    first = std::move(api);
    if (accept != accepts.end()) found = &*accept;
  }
  if (found != nullptr) return found;
  return denied(Reason::kAudienceMismatch,
                "the token's `aud` names nothing that is accepted of its issuer here");
}

std::expected<AcceptedTokens::Claims, Denial> AcceptedTokens::read_signed(const token::Assertion& assertion,
                                                                          std::optional<std::string_view> typ,
                                                                          const TrustedIssuer& by,
                                                                          std::string_view text,
                                                                          std::uint64_t edition) const {
  TRY(check_is_access_token(assertion.claims, typ, by));
  const bool delegated = TRY(is_delegated(assertion.claims, typ, by));
  return read(assertion, by, {text, delegated, edition});
}

// RFC 7662 §2.2 leaves nearly everything to the issuer. What a signed token has to say, it has to say too.
std::expected<AcceptedTokens::Claims, Denial> AcceptedTokens::read_told(
    const Json& told, const TrustedIssuer& by, std::string_view text,
    std::shared_ptr<const std::atomic<Duration::rep>> told_until) const {
  static const auto kNoKeys = jose::JwkSet::of({}).value();
  const auto edition = issuers_.accepts_edition_of(static_cast<std::size_t>(&by - issuers_.all().data()));
  TRY(check_is_told_of_access(told));
  const auto assertion = TRY(token::told_assertion(told,
                                                   {.issuer = by.issuer,
                                                    .keys = kNoKeys,
                                                    .audiences = {},
                                                    .types = {},
                                                    .max_lifetime = std::chrono::hours(24 * 365),
                                                    .needs_issued_at = true,
                                                    .tolerance = by.tolerance,
                                                    .needs_subject = false},
                                                   times_of(clock_)));
  const auto* client = told.find_string("client_id");
  if (client == nullptr)
    return denied(Reason::kCallerUnknown, "the token's issuer does not say which client it was made for");
  // Where its profile tells a user's token from a client's, that counts here too.
  const bool named = !assertion.subject.empty() && assertion.subject != *client;
  const bool delegated = by.profile->name.empty() ? named : TRY(is_delegated(told, std::nullopt, by));
  return read(assertion, by, {text, delegated, edition, std::move(told_until)});
}

std::expected<AcceptedTokens::Claims, Denial> AcceptedTokens::read(const token::Assertion& assertion,
                                                                   const TrustedIssuer& by,
                                                                   const Form& form) const {
  const Json& claims = assertion.claims;
  const auto accepts = issuers_.accepts_of(by);
  const AcceptedAt& accept = *TRY(accepted_at(audiences_of(assertion, *by.profile), by, *accepts));
  if (!(form.delegated ? accept.delegated : accept.app_only))
    return denied(Reason::kTokenType,
                  fmt::format("the token is {}, and such tokens of its issuer are not accepted at API `{}` "
                              "(`kinds`)",
                              form.delegated ? "for a user" : "for its client alone", accept.api));

  auto into = std::make_shared<AccessClaims>();
  auto foreign = std::make_shared<token::Foreign>();
  auto client = TRY(named_client(claims));
  if (!client) return denied(Reason::kCallerUnknown, "the token does not say which client it was made for");
  into->client_id = TRY(mapped_client(*client, accept, "client"));
  into->actors = TRY(mapped_actors(claims, accept, by));
  foreign->may_act = TRY(mapped_may_act(claims, accept, by));
  into->subject = into->client_id;
  if (form.delegated) {
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
  into->jti = id_of(assertion, form.text);
  into->exchanged_from = TRY(came_from_of(claims, by.access_subject, by));
  const auto inventory = current_.get()->inventory;
  const auto* api = inventory->find_api(accept.api);
  into->audience = api != nullptr ? api->audience : std::string();
  foreign->api = accept.api;
  foreign->tenants = accept.tenants ? accept.tenants : by.tenants;
  foreign->needs_tenant = accept.tenants.has_value();
  foreign->tolerance = by.tolerance;
  foreign->issuer = static_cast<std::size_t>(&by - issuers_.all().data());
  foreign->edition = form.edition;
  foreign->told_until = form.told_until;
  into->foreign = std::move(foreign);
  return into;
}

}  // namespace writ::oauth
