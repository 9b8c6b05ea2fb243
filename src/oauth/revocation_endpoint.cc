#include "oauth/revocation_endpoint.h"

#include "crypto/random.h"
#include "inventory/api_key.h"
#include "oauth/form_request.h"
#include "oauth/refusal.h"
#include "token/assertion.h"

namespace writ::oauth {
namespace {

// RFC 7009 §2.2.1: what may be good here, and cannot be taken back here. To say that it was would be a stop
// that does not stop.
Outcome<void> check_is_taken_back_here(std::string_view text, std::string_view own_issuer) {
  if (inventory::is_api_key(text))
    return refuse(OauthError::kUnsupportedTokenType,
                  "an API key is revoked by `POST /v1/api-keys/revoke`, or `writ inventory key revoke`");
  const auto issuer = token::unverified_issuer(text);
  if (issuer && *issuer != own_issuer)
    return refuse(OauthError::kUnsupportedTokenType,
                  "the token is of issuer `" + *issuer + "`: have it revoked there");
  return {};
}

Outcome<void> revoke(const RevocationEndpointParts& parts, const http::Request& request, const Form& form,
                     std::string_view request_id, std::string& claimed_client, bool& known) {
  const auto now = times_of(parts.clock);
  const auto credentials = TRY(Credentials::read(request, form));
  claimed_client = credentials.claimed_client();
  // RFC 7009 §2.1: required. A token_type_hint may be ignored, and there is one type only.
  const auto text = form.find("token");
  if (!text) return refuse(OauthError::kInvalidRequest, "`token` is missing");
  const auto client = TRY(parts.clients.authenticate(credentials, now));
  known = true;

  TRY(check_is_taken_back_here(*text, parts.verifier.issuer()));
  // RFC 7009 §2.2: a token that is not valid (any more) needs no revocation, and the answer is the same.
  const auto held = parts.verifier.verify_parameter(*text, now);
  if (!held) return {};
  const token::AccessClaims& claims = held->claims();
  // RFC 7009 §2.1: refuse a token that was issued to another client.
  if (claims.client_id != client.id())
    return refuse(OauthError::kUnauthorizedClient, "the token was issued to another client",
                  Reason::kCallerMismatch);

  const auto reach = parts.revocations.reach_of(client.id(), now.latest);
  const bool all = reach == token::Reach::kAllOfClient;
  const audit::Event event{
      .type = "token.revoked",
      .actor = client.id(),
      .object = claims.jti,
      .detail = all ? "with all tokens of the client's: it has revoked as many as are kept"
                    : std::string_view(claims.subject),
      .request_id = request_id,
      .standing = audit::Standing::kStop};
  if (!parts.record(make_record(now.earliest, event)))
    return refuse(OauthError::kServerError, "the audit record could not be written", Reason::kIndeterminate);
  if (!parts.revocations.revoke_of(client.id(), {claims.jti, claims.expires_at}, reach, now.latest))
    return refuse(OauthError::kServerError, "the revocation could not be stored", Reason::kIndeterminate);
  return {};
}

}  // namespace

http::Response RevocationEndpoint::handle(const http::Request& request) const {
  const auto form = read_form(request);
  if (!form) return form.error();
  const auto request_id = crypto::random_id();
  std::string claimed_client;
  bool known = false;
  const auto revoked = revoke(parts_, request, *form, request_id, claimed_client, known);
  if (!revoked) {
    // A refusal stands whether or not it could be recorded.
    const audit::Event refused{.type = "token.revocation_refused",
                               .actor = claimed_client,
                               .detail = revoked.error().recorded(),
                               .request_id = request_id,
                               .standing = known ? audit::Standing::kOrdinary : audit::Standing::kStranger};
    (void)parts_.record(make_record(parts_.clock.earliest(), refused));
    return to_response(revoked.error(), request_id);
  }
  http::Response response{200, {}, {}};
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace writ::oauth
