#include "server/own_api.h"

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
          .public_origin = origin_};
}

Answer<gateway::Permit> OwnApi::allow(const Caller& caller, std::string_view action,
                                      const gateway::EntityName& resource,
                                      std::function<cedar::Value(cedar::Arena&)> attributes) const {
  auto outcome = enforcer_.enforce(asked(caller, action, resource, std::move(attributes)));
  if (!outcome) return std::unexpected(std::move(outcome).error().response);
  return *std::move(outcome);
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
                          .request_id = permit.request_id()};
  if (record_(audit::make_record(permit.time().earliest, told))) return {};
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
