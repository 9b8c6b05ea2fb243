#include "token/verifier.h"

#include <algorithm>

#include "codec/name.h"
#include "jose/jws.h"
#include "token/jwt_rules.h"
#include "token/verified_cache.h"

namespace writ::token {
namespace {

std::string of_issuer(std::string_view named) {
  if (codec::name_problem(named)) return "the token is of another issuer";
  return "the token is of issuer `" + std::string(named) + "`, whose tokens are not taken here";
}

// The issuer the token names tells a stranger's token from a forged or outdated one of ours; either way it is
// refused.
std::unexpected<Denial> not_ours(const jose::UnverifiedJws& jws, std::string_view issuer, Denial otherwise) {
  const auto claims = jose::parse_claims(jws.unverified_payload());
  const auto* named = claims ? claims->find_string("iss") : nullptr;
  if (named != nullptr && *named != issuer) return denied(Reason::kTokenIssuer, of_issuer(*named));
  return std::unexpected(std::move(otherwise));
}

// Others sign with more algorithms than Writ: first of all it is not Writ's, then a wrong signature. Where it
// would be nobody's token, what is wrong with it is said.
std::unexpected<Denial> unreadable(std::string_view token, const Error& why, std::string_view issuer) {
  const auto others = jose::parse_jws(token, jose::Signers::kOthers);
  const Error& problem = !others && others.error().code != ErrorCode::kUnsupported ? others.error() : why;
  // An algorithm that Writ does not speak is a signature that cannot be right, not a malformed token.
  const auto reason =
      problem.code == ErrorCode::kUnsupported ? Reason::kTokenSignature : Reason::kTokenMalformed;
  if (!others) return denied(reason, problem.message);
  return not_ours(*others, issuer, {reason, problem.message});
}

// A client's revocations are of what Writ issued. What was exchanged from a token names its client as an
// actor.
bool revoked_with_all(const Revocations& revocations, const AccessClaims& claims) {
  if (claims.foreign != nullptr) return false;
  return revocations.all_revoked_of(claims.client_id, claims.issued_at) ||
         std::ranges::any_of(claims.actors, [&](const Actor& actor) {
           return revocations.all_revoked_of(actor.subject, claims.issued_at);
         });
}

Reason reason_of(const Error& claims_error) {
  switch (claims_error.code) {
    case ErrorCode::kLimit:
      return Reason::kChainTooDeep;
    case ErrorCode::kUnsupported:
      return Reason::kSenderBindingMissing;
    default:
      return Reason::kTokenMalformed;
  }
}

}  // namespace

Verifier::Verifier(VerifierOptions options, jose::JwkSet keys, const Revocations& revocations,
                   ReplayGuard& replays)
    : options_(std::move(options)),
      keys_(std::make_shared<const Keys>(Keys{std::move(keys), 1})),
      revocations_(revocations),
      replays_(replays),
      cache_(std::make_unique<VerifiedCache>(options_.cache_entries)) {}

Verifier::~Verifier() = default;

// Where no key is missed, nothing that was verified has to be verified again.
void Verifier::set_keys(jose::JwkSet keys) {
  const auto before = keys_.get();
  const bool all_stay = std::ranges::all_of(before->set.keys(), [&](const jose::Jwk& key) {
    const auto* now = key.kid() ? keys.find(*key.kid()) : nullptr;
    return now != nullptr && now->key() == key.key();
  });
  const auto generation = all_stay ? before->generation : before->generation + 1;
  keys_.replace(std::make_shared<const Keys>(Keys{std::move(keys), generation}));
}

std::size_t Verifier::cached() const {
  return cache_->size();
}

std::expected<Verified, Denial> Verifier::verify(const Presented& presented,
                                                 const std::optional<ProofTarget>& target, Times now,
                                                 Brought* brought, std::string_view api) const {
  auto claims = TRY(valid_claims(presented.token(), now, brought, Whose::kAnybodys, api));
  TRY(check_binding(presented, *claims, target, now));
  return Verified(std::move(claims));
}

std::expected<Verified, Denial> Verifier::glance(std::string_view token, Times now, Brought* brought,
                                                 std::string_view api) const {
  return Verified(TRY(valid_claims(token, now, brought, Whose::kAnybodys, api)));
}

std::expected<Verified, Denial> Verifier::verify_parameter(std::string_view token, Times now,
                                                           Brought* brought) const {
  return Verified(TRY(valid_claims(token, now, brought, Whose::kOurs)));
}

std::expected<void, Denial> Verifier::still_good(const Verified& token, Times now) const {
  if (!stands(token.claims(), now)) {
    const auto& foreign = token.claims().foreign;
    if (foreign != nullptr && foreign->api_key)
      return denied(Reason::kTokenRevoked,
                    "the API key was revoked or is over, or its API takes none any more");
    return denied(Reason::kTokenSignature, "the token's issuer does not sign with its key any more");
  }
  return check_now(token.claims(), now);
}

bool Verifier::stands(const AccessClaims& claims, Times now) const {
  return claims.foreign == nullptr ||
         (options_.foreign != nullptr && options_.foreign->stands(*claims.foreign, now));
}

// What another issuer calls a task was never read, so there is nothing that this could overwrite.
std::expected<Verified, Denial> Verifier::in_request(const Verified& foreign,
                                                     std::optional<std::string_view> task,
                                                     bool held_by_agent) {
  const auto& held = foreign.claims();
  const bool named = !held.actors.empty() && held.actors.front().subject == held.client_id;
  const bool joins = held_by_agent && held.subject != held.client_id && !named;
  // RFC 8693 §4.4: who is not named there does not become an actor.
  if (joins && held.foreign->may_act && *held.foreign->may_act != held.client_id)
    return denied(Reason::kDelegationNotAuthorised, "the token's `may_act` names `" + *held.foreign->may_act +
                                                        "`, not its client `" + held.client_id +
                                                        "`, which acts for its user");
  if (!task && !joins) return foreign;
  auto claims = std::make_shared<AccessClaims>(held);
  if (task) claims->task.emplace(*task);
  if (joins) claims->actors.insert(claims->actors.begin(), Actor{claims->client_id, std::nullopt});
  return Verified(std::move(claims));
}

std::expected<Verifier::Claims, Denial> Verifier::valid_claims(std::string_view token, Times now,
                                                               Brought* brought, Whose whose,
                                                               std::string_view api) const {
  if (token.size() > kMaxTokenBytes) return denied(Reason::kTokenMalformed, "the token is longer than 8 KiB");
  const auto& keys = keys_.read();
  const auto counts = [&](const AccessClaims& claims) {
    return stands(claims, now) && (claims.foreign == nullptr || whose == Whose::kAnybodys);
  };
  if (auto claims = cache_->find(token, keys->generation); claims != nullptr && counts(*claims)) {
    TRY(check_now(*claims, now));
    return claims;
  }
  if (options_.foreign != nullptr && whose == Whose::kAnybodys) {
    if (auto claims = options_.foreign->known(token, api, now)) {
      TRY(check_now(*claims, now));
      return claims;
    }
  }
  if (brought != nullptr && !brought->may_look(now.earliest))
    return denied(Reason::kTokenSignature,
                  "the token was not looked at: too many tokens that were not valid came from your address");
  auto claims = TRY(look_at(token, *keys, now, brought, whose, api));
  // What nobody signed is looked up where it is known, each time.
  if (claims->foreign != nullptr && (claims->foreign->told_until != nullptr || claims->foreign->api_key)) {
    TRY(check_now(*claims, now));
    return claims;
  }
  if (auto good = check_now(*claims, now); !good) {
    // Its signature was right, and need not be looked at again to say no.
    cache_->insert_if_free(token, keys->generation, std::move(claims), now.earliest);
    return std::unexpected(std::move(good).error());
  }
  cache_->insert(token, keys->generation, claims);
  return claims;
}

// A token that names a key of ours is ours to say no to; every other one may be another issuer's.
std::expected<Verifier::Claims, Denial> Verifier::look_at(std::string_view token, const Keys& keys, Times now,
                                                          Brought* brought, Whose whose,
                                                          std::string_view api) const {
  const auto ours = [&] {
    const auto jws = jose::parse_jws(token);
    return jws && jws->kid() && keys.set.find(jws->kid()) != nullptr;
  };
  if (options_.foreign != nullptr && whose == Whose::kAnybodys && !ours()) {
    if (auto answer = options_.foreign->verify(token, api, now)) {
      if (brought != nullptr) {
        if (answer->key_is_missing)
          brought->awaits_key(now.earliest);
        else
          brought->looked(answer->claims.has_value(), now.earliest);
      }
      return std::move(answer->claims);
    }
  }
  auto looked = verify_signature(token, keys);
  if (brought != nullptr) brought->looked(looked.has_value(), now.earliest);
  return looked;
}

void Verifier::look_ahead(std::string_view token, Times now) const {
  const auto& keys = keys_.read();
  if (!cache_->has_free(token, now.earliest)) return;
  if (auto claims = verify_signature(token, *keys))
    cache_->insert_if_free(token, keys->generation, *std::move(claims), now.earliest);
}

bool Verifier::in_use(std::string_view subject, Times now) const {
  return cache_->any(
      [&](const AccessClaims& claims) { return claims.subject == subject && !now.ended(claims.expires_at); });
}

std::expected<Verifier::Claims, Denial> Verifier::verify_signature(std::string_view token,
                                                                   const Keys& keys) const {
  const auto jws = jose::parse_jws(token);
  if (!jws) return unreadable(token, jws.error(), options_.issuer);
  // RFC 9068 §4: refuse every other type, such as an ID token of the same issuer.
  if (!is_type(jws->typ(), "at+jwt")) return denied(Reason::kTokenType, "the token is not of type at+jwt");

  const auto* key = keys.set.find(jws->kid());
  if (key == nullptr)
    return not_ours(*jws, options_.issuer,
                    {Reason::kTokenSignature, "the token is signed with an unknown key"});
  const auto payload = jws->verify(*key);
  if (!payload) return denied(Reason::kTokenSignature, "the token's signature is wrong");

  const auto json = jose::parse_claims(*payload);
  if (!json) return denied(Reason::kTokenMalformed, json.error().message);
  auto claims = claims_from_json(*json);
  if (!claims) return denied(reason_of(claims.error()), claims.error().message);
  if (claims->issuer != options_.issuer) return denied(Reason::kTokenIssuer, of_issuer(claims->issuer));
  return std::make_shared<const AccessClaims>(*std::move(claims));
}

std::expected<void, Denial> Verifier::check_now(const AccessClaims& claims, Times now) const {
  const auto skew = claims.foreign == nullptr ? kClockSkew : claims.foreign->tolerance;
  TRY(check_lifetime({claims.issued_at, claims.not_before, claims.expires_at}, skew, now));
  if (revocations_.revoked(claims.jti)) return denied(Reason::kTokenRevoked, "the token was revoked");
  if (revocations_.of_clients() && revoked_with_all(revocations_, claims))
    return denied(Reason::kTokenRevoked,
                  "a client that it was issued to, or that is in its chain, revoked all of its tokens");
  if (revocations_.any_revoked(claims.exchanged_from, claims.issued_at))
    return denied(Reason::kTokenRevoked,
                  claims.foreign != nullptr
                      ? "the token was revoked, or the session that it is of has ended"
                      : "a token that this one was exchanged from was revoked, or its session has ended");
  return {};
}

// RFC 9449 §7.1 and §7.2: a bound token is worth nothing without its proof, and the scheme must agree.
std::expected<void, Denial> Verifier::check_binding(const Presented& presented, const AccessClaims& claims,
                                                    const std::optional<ProofTarget>& target,
                                                    Times now) const {
  // RFC 8705 §3: a token that is bound to a certificate comes over a connection that was made with it.
  if (claims.certificate_thumbprint && presented.certificate() != *claims.certificate_thumbprint) {
    if (presented.certificate().empty())
      return denied(Reason::kSenderBindingMissing,
                    "the token is bound to a certificate, and the connection came without one");
    return denied(Reason::kSenderBindingMismatch,
                  "the token is bound to a different certificate than the connection's");
  }
  if (!claims.key_thumbprint) {
    if (presented.scheme() == Scheme::kBearer && !presented.proof()) return {};
    return denied(Reason::kSenderBindingMismatch,
                  "a proof, or the DPoP scheme, with a token that is bound to no key");
  }
  if (presented.scheme() != Scheme::kDpop || !presented.proof()) {
    return denied(Reason::kSenderBindingMissing, "the token is bound to a key and came without a proof");
  }
  if (!target) return denied(Reason::kSenderBindingMissing, "no proof can be checked here");
  const BoundToken token{presented.token(), *claims.key_thumbprint};
  TRY(verify_proof(*presented.proof(), *target, token, claims.client_id, replays_, now));
  return {};
}

}  // namespace writ::token
