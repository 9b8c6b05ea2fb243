#include "oauth/trusted_issuers.h"

#include "codec/base64url.h"
#include "codec/name.h"
#include "crypto/hash.h"
#include "jose/jws.h"
#include "oauth/issuer_keys.h"
#include "oauth/provider_claims.h"
#include "token/assertion.h"
#include "token/claims.h"
#include "token/jwt_rules.h"

namespace writ::oauth {
namespace {

// RFC 7800 §3.1: a binding that cannot be checked must not be ignored.
std::expected<std::optional<std::string>, Denial> bound_key(const codec::Json& claims) {
  const auto* cnf = claims.find("cnf");
  if (cnf == nullptr) return std::nullopt;
  const auto* members = cnf->if_object();
  if (members == nullptr || members->size() != 1 || members->front().first != "jkt")
    return std::unexpected(Denial{Reason::kSenderBindingMissing,
                                  "the token is bound to its sender in another way than by `cnf.jkt`"});
  auto key = TRY(mapped_text(*cnf, "jkt"));
  if (!key) return malformed("cnf");
  return key;
}

// Where the provider's names for clients are mapped, one that is not is nobody's here, although a client of
// ours may be called so: no id of one holds a space.
std::string ours(const TrustedIssuer& issuer, std::string theirs) {
  if (issuer.clients.empty()) return theirs;
  const auto found = issuer.clients.find(theirs);
  return found != issuer.clients.end() ? found->second : issuer.issuer + " " + theirs;
}

// Two names of one issuer never are one id: what is digested begins as nothing else does.
constexpr std::string_view kDigest = "sha256:";

// What is accepted now, for the audit.
std::string apis_of(const Accepts& accepts) {
  std::string text;
  for (const auto& accept : accepts) text += (text.empty() ? "`" : ", `") + accept.api + "`";
  return text.empty() ? "no API takes its tokens" : "its tokens are taken by " + text;
}

bool is_access_token(const codec::Json& claims, std::optional<std::string_view> typ, const Profile& profile) {
  return token::is_type(typ, "at+jwt") || holds(profile.access, claims, typ);
}

// What a client got for itself would make it a user whom nobody knows. Access tokens say it as their
// provider's profile has it.
std::expected<void, Denial> check_is_for_a_user(const codec::Json& claims,
                                                std::optional<std::string_view> typ, const Profile& profile) {
  const bool is_for_client = holds(profile.app_only, claims, typ) || (is_access_token(claims, typ, profile) &&
                                                                      !holds(profile.delegated, claims, typ));
  if (!is_for_client) return {};
  return std::unexpected(
      Denial{Reason::kTokenType, "the token is for its client alone: it does not say that a user is there"});
}

}  // namespace

std::span<const token::Claim* const> provider_claims() {
  static const auto kClaims = [] {
    constexpr std::string_view kNames[] = {"tenant", "acr", "auth_time"};
    std::vector<const token::Claim*> claims;
    for (const auto& claim : token::claim_table())
      if (std::ranges::find(kNames, claim.name) != std::end(kNames)) claims.push_back(&claim);
    return claims;
  }();
  return kClaims;
}

std::string user_name(std::string_view prefix, std::string_view named) {
  std::string id(prefix);
  if (prefix.size() + named.size() <= codec::kMaxNameBytes && !named.starts_with(kDigest))
    return id.append(named);
  return id.append(kDigest).append(codec::base64url_encode(crypto::as_bytes(crypto::sha256(named))));
}

bool overlap(const TrustedIssuer& a, const TrustedIssuer& b) noexcept {
  if (a.workloads != nullptr || b.workloads != nullptr) return false;
  const std::string_view one = a.subject_prefix, other = b.subject_prefix;
  if (one.empty() || other.empty()) return one.empty() && other.empty();
  return one.starts_with(other) || other.starts_with(one);
}

Result<TrustedIssuers> TrustedIssuers::of(std::vector<TrustedIssuer> issuers) {
  for (std::size_t i = 0; i < issuers.size(); ++i) {
    if (issuers[i].issuer.empty() || issuers[i].audience.empty() || issuers[i].mapping.subject.empty()) {
      return failure(ErrorCode::kInvalid,
                     "trusted issuer: issuer, audience and subject claim must not be empty");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (issuers[i].issuer == issuers[j].issuer) {
        return failure(ErrorCode::kConflict, "trusted issuer `" + issuers[i].issuer + "` is given twice");
      }
      if (overlap(issuers[i], issuers[j])) {
        return failure(ErrorCode::kConflict, "trusted issuers `" + issuers[j].issuer + "` and `" +
                                                 issuers[i].issuer + "` could name one another's users");
      }
    }
  }
  return TrustedIssuers(std::move(issuers));
}

TrustedIssuers::TrustedIssuers(std::vector<TrustedIssuer> issuers) : issuers_(std::move(issuers)) {
  for (const auto& issuer : issuers_)
    exchanged_.push_back(std::unique_ptr<Exchanged>(
        new Exchanged{Published<jose::JwkSet>(std::make_shared<const jose::JwkSet>(issuer.keys)),
                      Published<Accepts>(std::make_shared<const Accepts>(issuer.accept))}));
}

std::shared_ptr<const jose::JwkSet> TrustedIssuers::keys_of(const TrustedIssuer& issuer) const {
  return exchanged(issuer).keys.get();
}

std::shared_ptr<const Accepts> TrustedIssuers::accepts_of(const TrustedIssuer& issuer) const {
  return exchanged(issuer).accepts.get();
}

std::shared_ptr<const jose::JwkSet> TrustedIssuers::keys_in_force(const TrustedIssuer& issuer,
                                                                  Times now) const {
  if (!issuer.location) return keys_of(issuer);
  auto fetched = issuer.fetched != nullptr ? issuer.fetched->in_force(now) : nullptr;
  if (fetched == nullptr) return nullptr;
  const auto* keys = &fetched->keys;
  return {std::move(fetched), keys};
}

std::uint64_t TrustedIssuers::edition_of(const TrustedIssuer& issuer) const noexcept {
  const auto& own = exchanged(issuer);
  const auto keys = issuer.fetched != nullptr ? issuer.fetched->edition()
                                              : own.keys_edition.load(std::memory_order_acquire);
  // Neither goes back, so the sum is another one when either is.
  return keys + own.accepts_edition.load(std::memory_order_acquire);
}

std::uint64_t TrustedIssuers::accepts_edition_of(std::size_t issuer) const noexcept {
  return exchanged_[issuer]->accepts_edition.load(std::memory_order_acquire);
}

bool TrustedIssuers::stands(std::size_t issuer, std::uint64_t edition, Times now) const {
  const auto& by = issuers_.at(issuer);
  if (edition_of(by) != edition) return false;
  return by.fetched == nullptr || by.fetched->stands(by.fetched->edition(), now);
}

Result<void> TrustedIssuers::take_over(const std::vector<TrustedIssuer>& now, const Record& record,
                                       Taken taken) const {
  for (std::size_t i = 0; i < issuers_.size(); ++i) {
    const auto found = std::ranges::find(now, issuers_[i].issuer, &TrustedIssuer::issuer);
    if (found == now.end()) continue;
    auto& own = *exchanged_[i];
    if (taken == Taken::kKeysAndAccept && *own.accepts.get() != found->accept) {
      TRY(record(issuers_[i].issuer, {"issuer.accept_changed", apis_of(found->accept)}));
      own.accepts.replace(std::make_shared<const Accepts>(found->accept));
      own.accepts_edition.fetch_add(1, std::memory_order_release);
    }
    if (issuers_[i].location || found->location) continue;
    const auto before = own.keys.get();
    const auto changed = difference(before.get(), found->keys);
    if (changed.empty()) continue;
    TRY(record(issuers_[i].issuer, {"issuer.keys_changed", changed}));
    own.keys.replace(std::make_shared<const jose::JwkSet>(found->keys));
    own.keys_edition.fetch_add(1, std::memory_order_release);
  }
  return {};
}

const TrustedIssuer* TrustedIssuers::find(std::string_view issuer) const noexcept {
  for (const auto& trusted : issuers_) {
    if (trusted.issuer == issuer) return &trusted;
  }
  return nullptr;
}

bool TrustedIssuers::wait_for_keys(std::string_view text, std::move_only_function<void()>& then) const {
  const auto issuer = token::unverified_issuer(text);
  const auto* trusted = issuer ? find(*issuer) : nullptr;
  if (trusted == nullptr || trusted->fetched == nullptr) return false;
  const auto jws = jose::parse_jws(text, jose::Signers::kOthers);
  return jws && trusted->fetched->wait_for(jws->kid(), then);
}

std::expected<ExternalSubject, Denial> TrustedIssuers::verify(std::string_view text, Times now) const {
  const auto issuer = TRY(token::unverified_issuer(text));
  const auto* trusted = find(issuer);
  if (trusted == nullptr) {
    return std::unexpected(
        Denial{Reason::kTokenIssuer, codec::name_problem(issuer)
                                         ? "the token's issuer is not a trusted one"
                                         : "the token's issuer `" + issuer + "` is not a trusted one"});
  }
  if (trusted->workloads != nullptr)
    return std::unexpected(
        Denial{Reason::kTokenIssuer, "the token's issuer names workloads, and speaks for no users"});
  const auto keys = keys_in_force(*trusted, now);
  // Why there are none is the operator's to know: /v1/issuers and the log say it.
  if (keys == nullptr) return std::unexpected(keys_unknown(*trusted));
  const auto jws = jose::parse_jws(text, jose::Signers::kOthers);
  if (!jws) return denied(Reason::kTokenMalformed, jws.error().message);
  // A proof or a logout token is not a statement about a user.
  const token::AssertionRules rules{.issuer = trusted->issuer,
                                    .keys = *keys,
                                    .audiences = {trusted->audience},
                                    .types = {"", "JWT", "at+jwt"},
                                    .max_lifetime = trusted->max_token_lifetime,
                                    .needs_issued_at = true,
                                    .tolerance = trusted->tolerance,
                                    .algorithms = trusted->algorithms.value_or(crypto::kAllAlgorithms),
                                    .among_others = true};
  auto assertion = TRY(token::verify_assertion(*jws, rules, now));
  const auto& claims = assertion.claims;
  // RFC 8417 §2.2: an event, such as that a session is over, though its header does not say so. It has a user
  // in `sub`, and in `aud` may be the client whose ID tokens are taken here.
  if (claims.find("events") != nullptr)
    return std::unexpected(
        Denial{Reason::kTokenType,
               "the token is an event, for it has `events`: it does not say that a user is there"});
  TRY(check_is_for_a_user(claims, jws->typ(), *trusted->profile));
  // Where a provider calls users otherwise in its access tokens, they are the same users.
  const bool is_access = is_access_token(claims, jws->typ(), *trusted->profile);
  const auto& place = is_access ? trusted->access_subject : trusted->mapping.subject;
  ExternalSubject subject{.id = TRY(user_id(claims, place, *trusted)), .expires_at = assertion.expires_at};
  for (const auto* claim : provider_claims()) {
    const auto name = trusted->mapping.name_of(*claim);
    if (claim->carried_text != nullptr) subject.*claim->carried_text = TRY(mapped_text(claims, name));
    if (claim->carried_date != nullptr)
      subject.*claim->carried_date = TRY(login_time(claims, name, *trusted));
  }
  if (subject.tenant) subject.tenant = trusted->tenant_of(*std::move(subject.tenant));
  subject.subject_issuer = trusted->issuer;
  subject.by = trusted;
  subject.issued_at = *TRY(mapped_date(claims, "iat"));  // it was needed
  subject.came_from = TRY(came_from_of(claims, place, *trusted));
  // RFC 8693 §4.1: who acts already would have to be known here, and policies be asked about them.
  if (claims.find("act") != nullptr)
    return std::unexpected(Denial{Reason::kDelegationNotAuthorised,
                                  "the token's `act` says that somebody acts for the user already, and the "
                                  "provider's actors are not known here"});
  if (auto client = TRY(named_client(claims))) subject.client = ours(*trusted, *std::move(client));
  if (auto actor = TRY(named_actor(claims, trusted->issuer)))
    subject.may_act = ours(*trusted, *std::move(actor));
  subject.key_thumbprint = TRY(bound_key(claims));
  // RFC 9068 §2.2: it is its client's.
  if (token::is_type(jws->typ(), "at+jwt") && !subject.client)
    return std::unexpected(
        Denial{Reason::kCallerUnknown, "the access token does not say which client it was made for"});
  // Each of several could pass it on, unless it says which client it was made for.
  if (assertion.audiences.size() > 1 && !subject.client)
    return std::unexpected(Denial{Reason::kAudienceMismatch,
                                  "the token is not for this server alone, and names no client in `azp`"});
  for (auto& audience : assertion.audiences) {
    if (audience != assertion.audience) subject.audiences.push_back(ours(*trusted, std::move(audience)));
  }
  return subject;
}

std::expected<std::string, Denial> TrustedIssuers::user_id(const codec::Json& claims, const ClaimPath& place,
                                                           const TrustedIssuer& by) const {
  const auto* value = place.find(claims);
  const auto* named = value != nullptr ? value->if_string() : nullptr;
  if (named == nullptr || named->empty()) return malformed(place.text());
  if (const auto link = by.links.find(*named); link != by.links.end()) return link->second;
  auto id = user_name(by.subject_prefix, *named);
  if (codec::name_problem(id)) return malformed(place.text());
  for (const auto& other : issuers_) {
    if (&other != &by && !other.subject_prefix.empty() && id.starts_with(other.subject_prefix))
      return std::unexpected(Denial{
          Reason::kTokenIssuer, "the token's issuer does not speak for `" + id + "`: `" +
                                    other.subject_prefix + "` begins the names of another issuer's users"});
  }
  return id;
}

}  // namespace writ::oauth
