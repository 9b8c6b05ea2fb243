#include "oauth/origin.h"

#include <algorithm>
#include <fmt/format.h>

#include "crypto/random.h"
#include "token/assertion.h"

namespace writ::oauth {
namespace {

using token::AccessClaims;
using token::Actor;

std::unexpected<Refusal> refuse_request(Reason reason, std::string description) {
  return refuse(OauthError::kInvalidRequest, std::move(description), reason);
}

// RFC 8693 §2.2.2: a subject or actor token that is not valid makes the request invalid.
std::unexpected<Refusal> invalid_token(std::string_view which, Denial denial) {
  return refuse_request(denial.reason, std::string(which) + ": " + denial.message);
}

// RFC 9449 §6: whoever copied a bound token cannot exchange it into an unbound one.
Outcome<void> check_binding(std::string_view which, const std::optional<std::string>& token_key,
                            const std::optional<std::string>& proof_key) {
  if (!token_key || token_key == proof_key) return {};
  if (!proof_key)
    return refuse_request(
        Reason::kSenderBindingMissing,
        std::string(which) + ": it is bound to a key, and the request came without a proof");
  return refuse_request(Reason::kSenderBindingMismatch,
                        std::string(which) + ": it is bound to a different key than the proof's");
}

// The same of Writ's own, which may be bound to a certificate (RFC 8705 §3).
Outcome<void> check_binding(std::string_view which, const AccessClaims& claims, const ExchangeFacts& facts) {
  const auto& bound = claims.certificate_thumbprint;
  if (!bound) return check_binding(which, claims.key_thumbprint, facts.proof_key);
  if (facts.certificate == *bound) return {};
  if (facts.certificate.empty())
    return refuse_request(
        Reason::kSenderBindingMissing,
        std::string(which) + ": it is bound to a certificate, and the connection came without one");
  return refuse_request(
      Reason::kSenderBindingMismatch,
      std::string(which) + ": it is bound to a different certificate than the connection's");
}

bool is_agent(const AuthenticatedClient& client) {
  return client.identity().kind == inventory::Kind::kAgent;
}

// The chain after `client` took the token over.
Outcome<std::vector<Actor>> extend_chain(const AccessClaims& held, const AuthenticatedClient& client) {
  auto chain = held.actors;
  if (client.id() == held.client_id) return chain;
  if (client.id() == held.subject)
    return refuse_request(
        Reason::kDelegationNotAuthorised,
        "client " + in_backquotes(client.id()) + " is the subject of the token, and cannot act for itself");
  if (std::ranges::find(chain, client.id(), &Actor::subject) != chain.end())
    return refuse_request(Reason::kDelegationNotAuthorised,
                          "client " + in_backquotes(client.id()) +
                              " is in the token's chain already, and work does not come back to it");
  const bool holder_is_named =
      held.client_id == held.subject || (!chain.empty() && chain.front().subject == held.client_id);
  if (!holder_is_named) chain.insert(chain.begin(), Actor{held.client_id, std::nullopt});
  chain.insert(chain.begin(), Actor{client.id(), std::nullopt});
  return chain;
}

// What was claimed, else what the inventory says; where the two disagree, a guard refuses.
std::optional<std::string> tenant_of(std::string_view subject, const std::optional<std::string>& claimed,
                                     const ExchangeFacts& facts) {
  if (claimed) return claimed;
  const auto* known = facts.client.inventory().find(subject);
  return known != nullptr ? (*known)->tenant : std::nullopt;
}

// Revoking any of them reaches what comes from it.
Outcome<void> add_origins(std::vector<std::string>& ids, const AccessClaims& claims) {
  const auto add = [&](const std::string& id) {
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
  };
  add(claims.jti);
  for (const auto& id : claims.exchanged_from) add(id);
  if (ids.size() <= token::kMaxOrigins) return {};
  return refuse_request(Reason::kChainTooDeep,
                        "the token was exchanged too many times: get a new one to begin with");
}

// A provider speaks for users. With the id of an application or an agent it would speak for that.
Outcome<void> check_user(const ExternalSubject& subject, const ExchangeFacts& facts) {
  const auto* known = facts.client.inventory().find(subject.id);
  if (known == nullptr || (*known)->kind == inventory::Kind::kUser) return {};
  return refuse_request(Reason::kTokenIssuer, "subject token: " + in_backquotes(subject.id) +
                                                  " is not a user, and the issuer may name users only");
}

// The client that the provider made the token for, where another one exchanges it and may.
Outcome<std::optional<std::string>> handed_over_by(const ExternalSubject& subject,
                                                   const ExchangeFacts& facts) {
  const inventory::Identity& client = facts.client.identity();
  if (subject.may_act && *subject.may_act != client.id)
    return refuse_request(Reason::kDelegationNotAuthorised, "subject token: `may_act` names " +
                                                                in_backquotes(*subject.may_act) +
                                                                ", not client " + in_backquotes(client.id));
  if (!subject.client || *subject.client == client.id) return std::nullopt;
  const std::string made_for = "subject token: it was made for client " + in_backquotes(*subject.client);
  if (!subject.is_for(client.id))
    return refuse_request(Reason::kCallerMismatch,
                          made_for + ", and its `aud` does not name client " + in_backquotes(client.id));
  if (std::ranges::find(client.accept_from, *subject.client) == client.accept_from.end())
    return refuse_request(
        Reason::kCallerMismatch,
        made_for + ", from which client " + in_backquotes(client.id) + " accepts none (`accept_from`)");
  const auto* named = facts.client.inventory().find(*subject.client);
  if (named == nullptr || (*named)->kind == inventory::Kind::kUser)
    return refuse_request(Reason::kCallerUnknown, made_for + ", which is not a client here");
  return *subject.client;
}

// The issuer speaks for its own tenants, also where the inventory says which one a user is of.
Outcome<void> check_tenant(const std::optional<std::string>& tenant, const TrustedIssuer& issuer) {
  if (!tenant || !issuer.tenants || std::ranges::find(*issuer.tenants, *tenant) != issuer.tenants->end())
    return {};
  return refuse_request(Reason::kTenantMismatch,
                        "subject token: its issuer does not speak for tenant " + in_backquotes(*tenant));
}

Outcome<Origin> external_origin(std::string_view text, const ExchangeFacts& facts) {
  auto subject = facts.trusted_issuers.verify(text, facts.now);
  if (!subject && subject.error().reason == Reason::kIndeterminate)
    return refuse(OauthError::kServerError, std::move(subject).error());
  if (!subject) return invalid_token("subject token", std::move(subject).error());
  if (facts.verifier.any_ended(subject->came_from, subject->issued_at))
    return invalid_token("subject token",
                         {Reason::kTokenRevoked, "it was revoked, or the session that it is of has ended"});
  TRY(check_user(*subject, facts));
  TRY(check_binding("subject token", subject->key_thumbprint, facts.proof_key));
  auto before = TRY(handed_over_by(*subject, facts));
  const inventory::Identity& client = facts.client.identity();

  Origin origin;
  origin.carry_on(*subject);
  origin.subject = std::move(subject->id);
  origin.expires_at = subject->expires_at;
  origin.exchanged_from = std::move(subject->came_from);
  origin.handed_on = is_agent(facts.client);
  if (origin.handed_on || before) origin.actors.push_back({client.id, std::nullopt});
  if (before) origin.actors.push_back({*std::move(before), std::nullopt});
  origin.tenant = tenant_of(origin.subject, subject->tenant, facts);
  TRY(check_tenant(origin.tenant, *subject->by));
  origin.environment = client.environment;
  return origin;
}

// A provider's is exchanged too, and only called otherwise.
Denial not_held(Denial denial, std::string_view text, const ExchangeFacts& facts) {
  const auto issuer = token::unverified_issuer(text);
  if (issuer && facts.trusted_issuers.find(*issuer) != nullptr)
    denial.message += fmt::format("; a provider's token has the `subject_token_type` `{}`", kTypeJwt);
  return denial;
}

Outcome<Origin> access_origin(std::string_view text, const ExchangeFacts& facts) {
  const auto held = facts.verifier.verify_parameter(text, facts.now);
  if (!held) return invalid_token("subject token", not_held(held.error(), text, facts));
  const AccessClaims& claims = held->claims();
  TRY(check_binding("subject token", claims, facts));
  auto actors = TRY(extend_chain(claims, facts.client));
  std::vector<std::string> exchanged_from;
  TRY(add_origins(exchanged_from, claims));
  Origin origin;
  origin.carry_on(claims);
  origin.subject = claims.subject;
  origin.actors = std::move(actors);
  origin.expires_at = claims.expires_at;
  origin.exchanged_from = std::move(exchanged_from);
  origin.tenant = tenant_of(claims.subject, claims.tenant, facts);
  if (!origin.environment) origin.environment = facts.client.identity().environment;
  origin.handed_on = is_agent(facts.client) && facts.client.id() != claims.client_id;
  return origin;
}

// What both tokens say must agree; what one of them says holds.
Outcome<void> narrow(std::optional<std::string>& value, const std::optional<std::string>& by,
                     std::string_view name, Reason reason) {
  if (value && by && *value != *by)
    return refuse_request(reason, "subject token and actor token disagree on " + in_backquotes(name));
  if (by) value = by;
  return {};
}

// RFC 8693 §1.1: the actor token says who acts. Here that is the client, which has authenticated already, so
// the token can only narrow: it must be the client's own, about itself.
Outcome<void> narrow_by_actor_token(Origin& origin, std::string_view text, const ExchangeFacts& facts) {
  const auto held = facts.verifier.verify_parameter(text, facts.now);
  if (!held) return invalid_token("actor token", held.error());
  const AccessClaims& claims = held->claims();
  TRY(check_binding("actor token", claims, facts));
  if (claims.subject != facts.client.id() || claims.client_id != facts.client.id() || !claims.actors.empty())
    return refuse_request(Reason::kCallerMismatch, "actor token: it is not the client's own");
  origin.expires_at = std::min(origin.expires_at.value_or(claims.expires_at), claims.expires_at);
  TRY(add_origins(origin.exchanged_from, claims));
  TRY(narrow(origin.task, claims.task, "task", Reason::kDelegationNotAuthorised));
  TRY(narrow(origin.purpose, claims.purpose, "purpose", Reason::kPurposeMismatch));
  TRY(narrow(origin.environment, claims.environment, "environment", Reason::kEnvironmentMismatch));
  // The actor's tenant is not the subject's: it must not contradict, and never fills in.
  if (origin.tenant && claims.tenant && origin.tenant != claims.tenant)
    return refuse_request(Reason::kTenantMismatch, "subject token and actor token disagree on `tenant`");
  return {};
}

// The first of client, actors and subject whose purposes lack this one. Users have none and are not asked.
std::optional<std::string> who_may_not_ask(const Origin& origin, const AuthenticatedClient& client,
                                           std::string_view purpose) {
  const auto may_ask = [&](const std::string& id) {
    const auto* member = client.inventory().find(id);
    if (member == nullptr || (*member)->kind == inventory::Kind::kUser) return id == origin.subject;
    return std::ranges::find((*member)->purposes, purpose) != (*member)->purposes.end();
  };
  if (!may_ask(client.id())) return client.id();
  for (const Actor& actor : origin.actors) {
    if (!may_ask(actor.subject)) return actor.subject;
  }
  return may_ask(origin.subject) ? std::nullopt : std::optional(origin.subject);
}

Outcome<std::optional<std::string>> purpose_of(const Origin& origin, const Terms& terms,
                                               const task::LiveTask* task) {
  // What a token's task is for, the token need not say; a sub-task is for the same.
  const bool by_task = !origin.purpose && origin.task && task != nullptr;
  if (const auto fixed = by_task ? std::optional((*task)->purpose) : origin.purpose) {
    if (terms.purpose && *terms.purpose != *fixed)
      return refuse_request(Reason::kPurposeMismatch, "the token presented is for purpose " +
                                                          in_backquotes(*fixed) + ", it cannot become " +
                                                          in_backquotes(*terms.purpose));
    return fixed;
  }
  if (!terms.purpose) return task != nullptr ? std::optional((*task)->purpose) : std::nullopt;
  // Where nobody has fixed a purpose (or an API's contract left it out), it takes all of them to choose one:
  // a longer chain never has a purpose that a shorter one could not have asked for.
  if (const auto party = who_may_not_ask(origin, terms.client, *terms.purpose))
    return refuse_request(
        Reason::kPurposeMismatch,
        in_backquotes(*party) + " may not ask tokens for purpose " + in_backquotes(*terms.purpose));
  return std::string(*terms.purpose);
}

// Tokens count in whole seconds; rounding down never lengthens a life.
Instant whole_seconds(Instant instant) {
  return instant_from_unix_seconds(unix_seconds(instant));
}

}  // namespace

Origin origin_of_client(const AuthenticatedClient& client) {
  const inventory::Identity& identity = client.identity();
  Origin origin;
  origin.subject = identity.id;
  origin.tenant = identity.tenant;
  origin.environment = identity.environment;
  return origin;
}

Outcome<Origin> origin_of_exchange(const ExchangeRequest& request, const ExchangeFacts& facts) {
  auto origin = TRY(request.subject_token_kind == SubjectTokenKind::kExternal
                        ? external_origin(request.subject_token, facts)
                        : access_origin(request.subject_token, facts));
  if (request.actor_token) TRY(narrow_by_actor_token(origin, *request.actor_token, facts));
  return origin;
}

Outcome<std::optional<std::string>> task_of(const Origin& origin, std::optional<std::string_view> asked,
                                            const task::Registry& tasks) {
  if (!origin.task || !asked) return asked ? std::optional(std::string(*asked)) : origin.task;
  const auto task = tasks.find(*asked);
  const bool stays = *asked == *origin.task || (task != nullptr && task->within(*origin.task));
  if (!stays)
    return refuse_request(Reason::kDelegationNotAuthorised,
                          "the token presented belongs to task " + in_backquotes(*origin.task) +
                              ", it cannot move to " + in_backquotes(*asked));
  return std::string(*asked);
}

std::shared_ptr<task::LiveTask> task_to_tell(const Origin& origin, const AuthenticatedClient& client,
                                             std::string_view id, const task::Registry& tasks) {
  auto live = tasks.find(id);
  if (live == nullptr) return nullptr;
  const task::Task& task = live->task();
  const bool holds = origin.task && live->within(*origin.task);
  const bool named = task.client == client.id() || live->names_agent(client.id());
  // As the guard of its parties has it, for a task that is any client's.
  const auto subject = origin.subject != client.id() ? std::optional(origin.subject) : std::nullopt;
  const bool anybodys = !task.client && !is_agent(client) && task.subject == subject;
  return holds || named || anybodys || task.opened_by == client.id() ? live : nullptr;
}

Outcome<AccessClaims> claims_from(const Origin& origin, const Terms& terms,
                                  std::optional<std::string> task_id, const task::LiveTask* task) {
  auto purpose = TRY(purpose_of(origin, terms, task));
  const auto issued_at = whole_seconds(terms.now.earliest);
  auto expires_at = issued_at + terms.lifetime;
  if (origin.expires_at) expires_at = std::min(expires_at, *origin.expires_at);
  // A task that is over is the guard's to refuse, with its own reason.
  if (task != nullptr && !terms.now.ended((*task)->expires_at))
    expires_at = std::min(expires_at, (*task)->expires_at);
  expires_at = whole_seconds(expires_at);
  if (terms.now.apart() >= terms.lifetime)
    return refuse(OauthError::kServerError,
                  "the clock of this server was changed, and a token issued now would have expired already",
                  Reason::kIndeterminate);
  if (terms.now.ended(expires_at))
    return refuse_request(Reason::kTokenExpired, "the token that was presented expires within this second");

  AccessClaims claims;
  claims.carry_on(origin);
  claims.issuer = terms.issuer;
  claims.subject = origin.subject;
  claims.client_id = terms.client.id();
  claims.audience = terms.audience;
  claims.jti = crypto::random_id();
  claims.issued_at = claims.not_before = issued_at;
  claims.expires_at = expires_at;
  claims.exchanged_from = origin.exchanged_from;
  claims.task = std::move(task_id);
  claims.purpose = std::move(purpose);
  claims.key_thumbprint = terms.proof_key;
  claims.certificate_thumbprint = terms.certificate;
  claims.workload = terms.client.workload();
  // Of this client, whatever the tokens that were presented say of theirs.
  claims.credential_kind = inventory::credential_type_name(terms.client.credential().type);
  claims.credential_created = terms.client.credential().created_at;
  return claims;
}

}  // namespace writ::oauth
