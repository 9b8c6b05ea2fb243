#include "oauth/introspection_endpoint.h"

#include <algorithm>

#include "codec/ascii.h"
#include "crypto/random.h"
#include "jose/jws.h"
#include "oauth/form_request.h"
#include "oauth/refusal.h"

namespace writ::oauth {
namespace {

constexpr std::string_view kSignedAnswerType = "application/token-introspection+jwt";

using inventory::Kind;
using inventory::Snapshot;
using inventory::Status;
using token::AccessClaims;

bool is_active(const Snapshot& inventory, std::string_view id, Times now) {
  const auto* member = inventory.find(id);
  return (member != nullptr ? member->status_at(now.latest) : inventory.ordered(id)) == Status::kActive;
}

// Whether nobody in it is stopped, as the guards have it (decision/guards.h): clients and actors are listed,
// and whoever acts only for its owner has one that is active.
bool parties_stand(const AccessClaims& claims, const Snapshot& inventory, Times now) {
  if (!is_active(inventory, claims.subject, now)) return false;
  std::vector<std::string_view> acting{claims.client_id};
  for (const auto& actor : claims.actors) acting.push_back(actor.subject);
  if (inventory.find(claims.subject) != nullptr) acting.push_back(claims.subject);
  return std::ranges::all_of(acting, [&](std::string_view id) {
    const auto* member = inventory.find(id);
    if (member == nullptr || !is_active(inventory, id, now)) return false;
    // An agent acts only inside a task.
    if ((*member)->kind == Kind::kAgent && !claims.task) return false;
    if (!(*member)->needs_owner) return true;
    return (*member)->owner && is_active(inventory, *(*member)->owner, now);
  });
}

bool task_stands(const AccessClaims& claims, const task::Registry& tasks, Times now) {
  if (!claims.task) return true;
  const auto live = tasks.find(*claims.task);
  return live != nullptr && live->check_live(now).has_value();
}

// Null: not for this client, or not good.
std::shared_ptr<const AccessClaims> good_token(const IntrospectionEndpointParts& parts, std::string_view text,
                                               const AuthenticatedClient& client, Times now) {
  const auto held = parts.verifier.verify_parameter(text, now);
  if (!held) return nullptr;
  const AccessClaims& claims = held->claims();
  const auto in_force = parts.current.get();
  const auto* api = in_force->inventory->find_audience(claims.audience);
  const auto& asks = client.identity().introspects;
  if (api == nullptr || std::ranges::find(asks, api->id) == asks.end()) return nullptr;
  if (!parties_stand(claims, *in_force->inventory, now) || !task_stands(claims, parts.tasks, now))
    return nullptr;
  return std::make_shared<const AccessClaims>(claims);
}

// RFC 7662 §2.2. What the token itself says, which is what its API's contract wants.
codec::Json answer_about(const AccessClaims* claims) {
  if (claims == nullptr) return codec::Json::object({{"active", false}});
  auto json = codec::Json::object({{"active", true}});
  const auto said = token::claims_to_json(*claims);
  for (const auto& [name, value] : *said.if_object()) json.set(name, value);
  json.set("token_type", claims->key_thumbprint ? "DPoP" : "Bearer");
  return json;
}

// RFC 9701 §4: asked for by its media type, which stands first; weights and case say nothing more.
bool wants_signed(const http::Request& request) {
  const auto accept = request.headers.find("Accept");
  if (!accept) return false;
  const auto first = accept->substr(0, accept->find(','));
  return http::equal_ignoring_case(codec::trimmed(first.substr(0, first.find(';'))), kSignedAnswerType);
}

// RFC 9701 §5: for the one that asks, and of no other use: what it says of the token is one level down, and
// it has neither a subject nor an end of its own.
Result<std::string> signed_answer(const IntrospectionEndpointParts& parts, const codec::Json& answer,
                                  std::string_view client) {
  const auto json = codec::Json::object({{"iss", parts.issuer},
                                         {"aud", client},
                                         {"iat", unix_seconds(parts.clock.earliest())},
                                         {"token_introspection", answer}});
  return jose::sign_jws(parts.keys.snapshot()->signing, json.dump(), "token-introspection+jwt");
}

Outcome<codec::Json> introspect(const IntrospectionEndpointParts& parts, const http::Request& request,
                                const Form& form, std::string& claimed_client, bool& known) {
  const auto now = times_of(parts.clock);
  const auto credentials = TRY(Credentials::read(request, form));
  claimed_client = credentials.claimed_client();
  // RFC 7662 §2.1: required. A token_type_hint may be ignored, and there is one type only.
  const auto text = form.find("token");
  if (!text) return refuse(OauthError::kInvalidRequest, "`token` is missing");
  const auto client = TRY(parts.clients.authenticate(credentials, now));
  claimed_client = client.id();
  known = true;
  if (client.identity().introspects.empty())
    return refuse(OauthError::kUnauthorizedClient,
                  "client `" + client.id() +
                      "` may not ask about tokens: the inventory names no API of its "
                      "(`introspects`)",
                  Reason::kCallerMismatch);
  return answer_about(good_token(parts, *text, client, now).get());
}

}  // namespace

http::Response IntrospectionEndpoint::handle(const http::Request& request) const {
  const auto form = read_form(request);
  if (!form) return form.error();
  const auto request_id = crypto::random_id();
  std::string claimed_client;
  bool known = false;
  const auto answer = introspect(parts_, request, *form, claimed_client, known);
  if (!answer) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    // A refusal stands whether or not it could be recorded.
    const audit::Event refused{.type = "token.introspection_refused",
                               .actor = claimed_client,
                               .detail = answer.error().recorded(),
                               .request_id = request_id,
                               .standing = known ? audit::Standing::kOrdinary : audit::Standing::kStranger};
    (void)parts_.record(make_record(parts_.clock.earliest(), refused));
    return to_response(answer.error(), request_id);
  }
  (answer->find("jti") != nullptr ? active_ : inactive_).fetch_add(1, std::memory_order_relaxed);
  auto response = http::json_response(200, answer->dump());
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Vary", "Accept");
  if (!wants_signed(request)) return response;
  auto text = signed_answer(parts_, *answer, claimed_client);
  if (!text)
    return to_response({OauthError::kServerError, text.error().message, Reason::kIndeterminate}, request_id);
  response.body = *std::move(text);
  response.headers.set("Content-Type", std::string(kSignedAnswerType));
  return response;
}

}  // namespace writ::oauth
