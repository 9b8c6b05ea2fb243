#include "oauth/token_request.h"

#include <array>

#include "oauth/grants.h"
#include "token/claims.h"

namespace writ::oauth {
namespace {

using Text = std::optional<std::string_view>;

std::unexpected<Refusal> invalid_request(std::string description) {
  return refuse(OauthError::kInvalidRequest, std::move(description));
}

Outcome<Grant> read_grant(const Form& form) {
  const auto type = form.find("grant_type");
  if (!type) return invalid_request("`grant_type` is missing");
  if (*type == kGrantClientCredentials) return Grant::kClientCredentials;
  if (*type == kGrantTokenExchange) return Grant::kTokenExchange;
  return refuse(OauthError::kUnsupportedGrantType, "grant type " + in_backquotes(*type) +
                                                       " is not supported, only client_credentials and "
                                                       "token-exchange are");
}

// What would otherwise be ignored although the client counts on it.
Outcome<void> refuse_unsupported(const Form& form, Grant grant) {
  if (form.find("scope"))
    return refuse(OauthError::kInvalidScope,
                  "`scope` is not supported: policies decide, and a task narrows a token");
  for (const auto* name : {"tenant", "environment"}) {
    if (form.find(name)) return invalid_request(in_backquotes(name) + " cannot be asked for");
  }
  if (grant == Grant::kTokenExchange) return {};
  for (const auto* name :
       {"subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type"}) {
    if (form.find(name)) return invalid_request(in_backquotes(name) + " belongs to the token exchange grant");
  }
  return {};
}

// RFC 8707 §2 and RFC 8693 §2.1 let a client name several targets; a token of Writ is for exactly one API,
// and Form has refused a parameter given twice.
Outcome<std::string_view> read_audience(const Form& form) {
  const auto resource = form.find("resource");
  const auto audience = form.find("audience");
  if (!resource && !audience)
    return refuse(OauthError::kInvalidTarget, "`resource` is missing: which API is the token for?",
                  Reason::kAudienceMismatch);
  if (resource && audience && *resource != *audience)
    return refuse(OauthError::kInvalidTarget, "`resource` and `audience` name two APIs, a token is for one",
                  Reason::kAudienceMismatch);
  return resource ? *resource : *audience;
}

Outcome<ExchangeRequest> read_exchange(const Form& form) {
  const auto requested = form.find("requested_token_type");
  if (requested && *requested != kTypeAccessToken && *requested != kTypeJwt)
    return invalid_request("`requested_token_type` must be " + std::string(kTypeAccessToken));

  const auto subject = form.find("subject_token");
  const auto subject_type = form.find("subject_token_type");
  if (!subject) return invalid_request("`subject_token` is missing");
  if (!subject_type) return invalid_request("`subject_token_type` is missing");
  const bool external = *subject_type == kTypeJwt || *subject_type == kTypeIdToken;
  if (!external && *subject_type != kTypeAccessToken)
    return invalid_request("`subject_token_type` " + in_backquotes(*subject_type) +
                           " is not supported, only jwt, id_token and access_token are");

  const auto actor = form.find("actor_token");
  const auto actor_type = form.find("actor_token_type");
  // RFC 8693 §2.1: required with an actor_token, and must not be there without one.
  if (actor.has_value() != actor_type.has_value())
    return invalid_request("`actor_token` and `actor_token_type` are given together");
  if (actor_type && *actor_type != kTypeAccessToken)
    return invalid_request("`actor_token_type` must be " + std::string(kTypeAccessToken));
  return ExchangeRequest{
      .subject_token = *subject,
      .subject_token_kind = external ? SubjectTokenKind::kExternal : SubjectTokenKind::kAccess,
      .actor_token = actor,
      .issued_token_type = requested.value_or(kTypeAccessToken)};
}

Outcome<Text> read_claim(const Form& form, std::string_view name) {
  const auto value = form.find(name);
  if (value && value->size() > token::kMaxClaimBytes)
    return invalid_request(in_backquotes(name) + " is longer than 512 bytes");
  return value;
}

}  // namespace

Outcome<TokenRequest> TokenRequest::read(const Form& form) {
  TokenRequest request{.grant = TRY(read_grant(form)),
                       .audience = {},
                       .purpose = {},
                       .task = {},
                       .details = {},
                       .exchange = {}};
  TRY(refuse_unsupported(form, request.grant));
  if (request.grant == Grant::kTokenExchange) request.exchange = TRY(read_exchange(form));
  request.audience = TRY(read_audience(form));
  request.purpose = TRY(read_claim(form, "purpose"));
  request.task = TRY(read_claim(form, "task"));
  if (const auto details = form.find("authorization_details")) {
    request.details = TRY(read_task_details(*details));
    if (request.task)
      return invalid_request("`task` and `authorization_details` both name a task, a token is for one");
  }
  return request;
}

}  // namespace writ::oauth
