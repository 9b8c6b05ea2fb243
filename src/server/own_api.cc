#include "server/own_api.h"

#include <algorithm>
#include <iterator>

#include "http/headers.h"
#include "server/problem.h"
#include "server/world.h"

namespace writ::server {
namespace {

constexpr std::string_view kActionType = "Writ::Action";
constexpr std::string_view kApiType = "Writ::Api";

// RFC 9110 §8.3.1: the media type, without its parameters.
bool is_json(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return http::equal_ignoring_case(content_type, "application/json");
}

// What stops somebody or something, by the last segment of its path; and what is recorded of it.
bool stops(const http::Request& request) {
  constexpr std::string_view kStops[] = {"suspend", "retire", "end", "revoke", "deny", "narrow"};
  const auto last = std::string_view(request.path).substr(request.path.rfind('/') + 1);
  return request.method == "POST" && std::ranges::find(kStops, last) != std::end(kStops);
}

bool is_stop(std::string_view event) {
  constexpr std::string_view kStops[] = {"identity.suspended", "identity.retired", "task.suspended",
                                         "task.ended",         "task.revoked",     "task.denied",
                                         "task.narrowed",      "approval.denied",  "token.revoked"};
  return std::ranges::find(kStops, event) != std::end(kStops);
}

// Whether another object could have been the difference. What concerns the token, the caller and its chain is
// the same for all of them; so are steps that would help, for who may see it after them.
bool depends_on_object(Reason reason) {
  switch (reason) {
    case Reason::kTenantMismatch:
    case Reason::kEnvironmentMismatch:
    case Reason::kPurposeMismatch:
    case Reason::kActionNotInTask:
    case Reason::kResourceNotInTask:
    case Reason::kPolicyForbid:
    case Reason::kPolicyNoPermit:
    case Reason::kContextMissing:
      return true;
    default:
      return false;
  }
}

}  // namespace

gateway::Asked OwnApi::asked(const Caller& caller, std::string_view action,
                             const gateway::EntityName& resource,
                             std::function<cedar::Value(cedar::Arena&)> attributes) const {
  return {.point = "api",
          .request = caller.request,
          .api = kOwnApi,
          .action = {kActionType, action},
          .resource = resource,
          .attributes = std::move(attributes),
          .token = caller.token,
          .public_origin = origin_,
          .stops = stops(caller.request)};
}

void OwnApi::gate(http::Exchange exchange, http::Endpoints::Pass pass) const {
  const auto& request = exchange.request();
  if (enforcer_.recognises(request)) return pass(std::move(exchange), http::BodyOf::kKnown);
  enforcer_.enforce(asked(request, {}, {kApiType, kOwnApi}, {}), [exchange = std::move(exchange)](
                                                                     gateway::Outcome outcome) mutable {
    // Good after all, a moment later: it may ask again.
    exchange.respond(outcome ? http::overloaded_response() : std::move(outcome).error().response);
  });
}

Answer<gateway::Permit> OwnApi::allow(const Caller& caller, std::string_view action,
                                      const gateway::EntityName& resource,
                                      std::function<cedar::Value(cedar::Arena&)> attributes) const {
  auto outcome = enforcer_.enforce(asked(caller, action, resource, std::move(attributes)));
  if (!outcome) return std::unexpected(std::move(outcome).error().response);
  return *std::move(outcome);
}

Answer<gateway::Permit> OwnApi::allow_on(const Caller& caller, std::string_view action, Object object) const {
  auto outcome = enforcer_.enforce(asked(caller, action, object.name, object.attributes));
  const bool there = object.presence == Presence::kThere;
  if (outcome && object.presence != Presence::kAbsent) return *std::move(outcome);
  if (!outcome && !depends_on_object(outcome.error().reason))
    return std::unexpected(std::move(outcome).error().response);
  const bool seen =
      !outcome && would_allow(caller, object.seen_by, object.name, std::move(object.attributes));
  if (seen && there) return std::unexpected(std::move(outcome).error().response);
  return std::unexpected(problem(object.absent));
}

Answer<gateway::Permit> OwnApi::allow(const Caller& caller, std::string_view action) const {
  return allow(caller, action, {kApiType, kOwnApi});
}

bool OwnApi::would_allow(const Caller& caller, std::string_view action, const gateway::EntityName& resource,
                         std::function<cedar::Value(cedar::Arena&)> attributes) const {
  return enforcer_.would_permit(asked(caller, action, resource, std::move(attributes)));
}

Answer<void> OwnApi::record(const gateway::Permit& permit, std::string_view event, std::string_view object,
                            std::string_view detail) const {
  const audit::Event told{.type = event,
                          .actor = permit.token()->client_id,
                          .object = object,
                          .detail = detail,
                          .request_id = permit.request_id(),
                          .standing = is_stop(event) ? audit::Standing::kStop : audit::Standing::kOrdinary};
  const auto recorded = record_(audit::make_record(permit.time().earliest, told));
  if (recorded) return {};
  // Nothing of it is left out: what is too large to be recorded is not done.
  if (recorded.error().code == ErrorCode::kLimit) return std::unexpected(problem(recorded.error()));
  return std::unexpected(gateway::audit_unavailable(permit.request_id()));
}

Answer<codec::Json> read_json(const http::Request& request) {
  const auto type = request.headers.find("Content-Type");
  if (!type || !is_json(*type))
    return std::unexpected(
        http::error_response(415, "unsupported_media_type", "the body must be `application/json`"));
  auto json = codec::parse_json(request.body);
  if (!json) return std::unexpected(problem(json.error()));
  return *std::move(json);
}

http::Response answer_json(int status, const codec::Json& json) {
  auto response = http::json_response(status, json.dump());
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace writ::server
