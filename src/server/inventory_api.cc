#include "server/inventory_api.h"

#include <fmt/format.h>

#include "crypto/secret_hash.h"
#include "server/problem.h"

namespace writ::server {
namespace {

using codec::Json;
using inventory::Identity;
using inventory::Status;

constexpr std::string_view kRead = "read-inventory";
constexpr std::string_view kManage = "manage-inventory";
constexpr std::size_t kMinSecretBytes = 16;
constexpr std::size_t kMaxSecretBytes = 1024;

std::unexpected<http::Response> no_identity(std::string_view id) {
  return std::unexpected(problem({ErrorCode::kNotFound, fmt::format("there is no identity `{}`", id)}));
}

// The identity that a body describes. Its member `secret` is taken out, and only its hash is kept.
Result<Identity> identity_from_body(const Json& body) {
  Json rest = Json::object();
  const Json* secret = body.find("secret");
  if (secret == nullptr) return inventory::identity_from_json(body);
  for (const auto& [name, value] : *body.if_object()) {
    if (name != "secret") rest.set(name, value);
  }
  auto identity = TRY(inventory::identity_from_json(rest));
  const auto* text = secret->if_string();
  if (text == nullptr || text->size() < kMinSecretBytes || text->size() > kMaxSecretBytes)
    return failure(ErrorCode::kInvalid, fmt::format("`secret` must be a text of {} to {} bytes",
                                                    kMinSecretBytes, kMaxSecretBytes));
  identity.secret_hash = TRY(crypto::hash_secret(Secret(*text)));
  return identity;
}

template <class T>
Answer<T> or_problem(Result<T> result) {
  if (!result) return std::unexpected(problem(result.error()));
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  } else {
    return {};
  }
}

std::string_view event_of(Status status) {
  switch (status) {
    case Status::kActive:
      return "identity.activated";
    case Status::kSuspended:
      return "identity.suspended";
    case Status::kRetired:
      return "identity.retired";
  }
  return "identity.changed";
}

}  // namespace

// About one identity. Without it there are no facts either, so only who may see all of them learns that
// there is none.
Answer<gateway::Permit> InventoryApi::allow_on(const http::Request& request, std::string_view action,
                                               const inventory::Snapshot& now, const std::string& id) const {
  const auto* member = now.find(id);
  if (member == nullptr) return api_.allow(request, action);
  return api_.allow(request, action, {inventory::cedar_type((*member)->kind), id},
                    [member](cedar::Arena&) { return member->attributes(); });
}

Answer<http::Response> InventoryApi::list(const http::Request& request) const {
  TRY(api_.allow(request, kRead));
  auto list = Json::array();
  for (const auto* member : directory_.snapshot()->members())
    list.push(inventory::identity_to_json(member->identity()));
  return answer_json(200, Json::object({{"identities", std::move(list)}}));
}

Answer<http::Response> InventoryApi::show(const http::Request& request, const std::string& id) const {
  const auto now = directory_.snapshot();
  TRY(allow_on(request, kRead, *now, id));
  const auto* member = now->find(id);
  if (member == nullptr) return no_identity(id);
  return answer_json(200, inventory::identity_to_json(member->identity()));
}

Answer<http::Response> InventoryApi::create(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto permit = TRY(api_.allow(request, kManage));
  auto identity = TRY(or_problem(identity_from_body(body)));
  const auto shown = inventory::identity_to_json(identity);
  const auto id = identity.id;
  TRY(api_.record(permit, "identity.created", id, shown.dump()));
  TRY(or_problem(directory_.create(std::move(identity))));
  auto response = answer_json(201, shown);
  response.headers.set("Location", "/v1/identities/" + id);
  return response;
}

Answer<http::Response> InventoryApi::update(const http::Request& request, const std::string& id) const {
  const auto body = TRY(read_json(request));
  const auto now = directory_.snapshot();
  const auto permit = TRY(allow_on(request, kManage, *now, id));
  auto identity = TRY(or_problem(identity_from_body(body)));
  if (identity.id != id)
    return std::unexpected(problem({ErrorCode::kInvalid, "`id` is not the one of the path"}));
  const auto* member = now->find(id);
  if (member == nullptr) return no_identity(id);
  // Credentials that the body does not mention stay.
  if (!identity.secret_hash) identity.secret_hash = (*member)->secret_hash;
  if (body.find("keys") == nullptr) identity.keys = (*member)->keys;
  const auto shown = inventory::identity_to_json(identity);
  TRY(api_.record(permit, "identity.changed", id, shown.dump()));
  TRY(or_problem(directory_.update(std::move(identity))));
  return answer_json(200, shown);
}

Answer<http::Response> InventoryApi::set_status(const http::Request& request, const std::string& id,
                                                Status status) const {
  const auto now = directory_.snapshot();
  const auto permit = TRY(allow_on(request, kManage, *now, id));
  TRY(api_.record(permit, event_of(status), id));
  TRY(or_problem(directory_.set_status(id, status)));
  const auto after = directory_.snapshot();
  const auto* member = after->find(id);
  if (member == nullptr) return no_identity(id);
  return answer_json(200, inventory::identity_to_json(member->identity()));
}

Answer<http::Response> InventoryApi::list_apis(const http::Request& request) const {
  TRY(api_.allow(request, kRead));
  auto list = Json::array();
  for (const auto* api : directory_.snapshot()->apis()) list.push(inventory::api_to_json(*api));
  return answer_json(200, Json::object({{"apis", std::move(list)}}));
}

Answer<http::Response> InventoryApi::show_api(const http::Request& request, const std::string& id) const {
  TRY(api_.allow(request, kRead, {"Writ::Api", id}));
  const auto now = directory_.snapshot();
  const auto* api = now->find_api(id);
  if (api == nullptr)
    return std::unexpected(problem({ErrorCode::kNotFound, fmt::format("there is no API `{}`", id)}));
  return answer_json(200, inventory::api_to_json(*api));
}

Answer<http::Response> InventoryApi::create_api(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto permit = TRY(api_.allow(request, kManage));
  auto api = TRY(or_problem(inventory::api_from_json(body)));
  const auto shown = inventory::api_to_json(api);
  const auto id = api.id;
  TRY(api_.record(permit, "api.created", id, shown.dump()));
  TRY(or_problem(directory_.create(std::move(api))));
  auto response = answer_json(201, shown);
  response.headers.set("Location", "/v1/apis/" + id);
  return response;
}

Result<void> InventoryApi::add_identities_to(http::Endpoints& endpoints) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(endpoints.add("GET", "/v1/identities", slow,
                    endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  TRY(endpoints.add("POST", "/v1/identities", slow,
                    endpoint([this](const Request& r, const PathValues&) { return create(r); })));
  TRY(endpoints.add("GET", "/v1/identities/{id}", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return show(r, v[0]); })));
  TRY(endpoints.add("PUT", "/v1/identities/{id}", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return update(r, v[0]); })));
  for (const auto& [verb, status] : {std::pair("suspend", Status::kSuspended),
                                     {"activate", Status::kActive},
                                     {"retire", Status::kRetired}}) {
    TRY(endpoints.add("POST", fmt::format("/v1/identities/{{id}}/{}", verb), slow,
                      endpoint([this, status](const Request& r, const PathValues& v) {
                        return set_status(r, v[0], status);
                      })));
  }
  return {};
}

Result<void> InventoryApi::add_to(http::Endpoints& endpoints) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(add_identities_to(endpoints));
  TRY(endpoints.add("GET", "/v1/apis", slow,
                    endpoint([this](const Request& r, const PathValues&) { return list_apis(r); })));
  TRY(endpoints.add("POST", "/v1/apis", slow,
                    endpoint([this](const Request& r, const PathValues&) { return create_api(r); })));
  TRY(endpoints.add("GET", "/v1/apis/{id}", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return show_api(r, v[0]); })));
  return {};
}

}  // namespace writ::server
