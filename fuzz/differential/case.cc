#include "case.h"

#include <fmt/format.h>

namespace writ::differential {
namespace {

using cedar::EntityUid;
using codec::Json;

Json uid_to_json(const EntityUid& uid) {
  return Json::object({{"type", uid.type}, {"id", uid.id}});
}

Json texts_to_json(const std::vector<std::string>& texts) {
  return Json(Json::Array(texts.begin(), texts.end()));
}

Result<const Json*> member(const Json& json, std::string_view name) {
  const Json* found = json.find(name);
  if (found == nullptr) return failure(ErrorCode::kInvalid, fmt::format("the case has no `{}`", name));
  return found;
}

Result<std::string> text(const Json& json, std::string_view name) {
  const std::string* found = json.find_string(name);
  if (found == nullptr) return failure(ErrorCode::kInvalid, fmt::format("the case has no text `{}`", name));
  return *found;
}

bool flag(const Json& json, std::string_view name) {
  const Json* found = json.find(name);
  return found != nullptr && found->is_bool() && *found->if_bool();
}

Result<EntityUid> uid(const Json& json) {
  return EntityUid{TRY(text(json, "type")), TRY(text(json, "id"))};
}

Result<std::optional<EntityUid>> slot(const Json& json, std::string_view name) {
  const Json* found = json.find(name);
  if (found == nullptr) return std::nullopt;
  return TRY(uid(*found));
}

// The elements of a member that is an array or absent.
std::vector<Json> elements(const Json& json, std::string_view name) {
  const Json* found = json.find(name);
  return found != nullptr && found->is_array() ? *found->if_array() : Json::Array();
}

std::vector<std::string> texts(const Json& json, std::string_view name) {
  std::vector<std::string> found;
  for (const Json& element : elements(json, name)) {
    if (element.is_string()) found.push_back(*element.if_string());
  }
  return found;
}

Result<AskedRequest> request(const Json& json) {
  const Json* principal = TRY(member(json, "principal"));
  const Json* action = TRY(member(json, "action"));
  const Json* resource = TRY(member(json, "resource"));
  return AskedRequest{TRY(uid(*principal)), TRY(uid(*action)), TRY(uid(*resource)),
                      TRY(text(json, "context"))};
}

}  // namespace

Json to_json(const Case& asked) {
  Json links = Json::array();
  for (const cedar::TemplateLink& link : asked.links) {
    Json& json = links.push(Json::object({{"template", link.template_id}, {"id", link.id}}));
    if (link.principal) json.set("principal", uid_to_json(*link.principal));
    if (link.resource) json.set("resource", uid_to_json(*link.resource));
  }
  Json requests = Json::array();
  for (const AskedRequest& request : asked.requests) {
    requests.push(Json::object({{"principal", uid_to_json(request.principal)},
                                {"action", uid_to_json(request.action)},
                                {"resource", uid_to_json(request.resource)},
                                {"context", request.context}}));
  }
  return Json::object({{"origin", asked.origin},
                       {"schema", asked.schema},
                       {"schema_is_json", asked.schema_is_json},
                       {"policies", asked.policies},
                       {"policies_are_json", asked.policies_are_json},
                       {"links", std::move(links)},
                       {"entities", asked.entities},
                       {"requests", std::move(requests)},
                       {"expressions", texts_to_json(asked.expressions)},
                       {"names", texts_to_json(asked.names)},
                       {"print", asked.print}});
}

Result<Case> case_from_json(const Json& json) {
  Case asked;
  asked.schema = TRY(text(json, "schema"));
  asked.schema_is_json = flag(json, "schema_is_json");
  asked.policies = TRY(text(json, "policies"));
  asked.policies_are_json = flag(json, "policies_are_json");
  asked.entities = TRY(text(json, "entities"));
  for (const Json& link : elements(json, "links")) {
    asked.links.push_back({TRY(text(link, "template")), TRY(text(link, "id")), TRY(slot(link, "principal")),
                           TRY(slot(link, "resource"))});
  }
  for (const Json& each : elements(json, "requests")) asked.requests.push_back(TRY(request(each)));
  asked.expressions = texts(json, "expressions");
  asked.names = texts(json, "names");
  asked.print = flag(json, "print");
  if (const std::string* origin = json.find_string("origin")) asked.origin = *origin;
  return asked;
}

}  // namespace writ::differential
