#include "server/inventory_api.h"

#include <algorithm>
#include <fmt/format.h>

#include "codec/members.h"
#include "crypto/secret_hash.h"
#include "http/target.h"
#include "server/problem.h"
#include "server/world.h"

namespace writ::server {
namespace {

using codec::Json;
using inventory::Identity;
using inventory::Status;

constexpr std::string_view kRead = "read-inventory";
constexpr std::string_view kManage = "manage-inventory";
constexpr std::size_t kMinSecretBytes = 16;
constexpr std::size_t kMaxSecretBytes = 1024;

// The identity of a body that names one: no path carries every name.
Result<std::string> id_from_body(const Json& body) {
  const auto members = TRY(codec::Members::of(body, "the body", {"id"}));
  return members.text("id", inventory::kMaxUserIdBytes);
}

// Where one is found below /v1/identities: a path carries no slash within a name, a query does.
std::string place_of(const std::string& id) {
  if (id.find_first_of("/\\;") == std::string::npos && id != "." && id != "..")
    return http::encode_path("/" + id);
  std::string place = "?id=";
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    place += std::isalnum(byte) != 0 ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return place;
}

bool is_party(const gateway::Permit& permit, std::string_view id) {
  const auto& claims = permit.token().claims();
  return claims.subject == id || claims.client_id == id ||
         std::ranges::find(claims.actors, id, &token::Actor::subject) != claims.actors.end();
}

Json shown(const inventory::Member& member) {
  return inventory::identity_to_json(member.identity(), member.ordered());
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

// About one identity. Of who is not listed there are no facts and no tenant, so it takes one who may see or
// change all of them, and is of no tenant either.
Answer<gateway::Permit> InventoryApi::allow_on(const http::Request& request, std::string_view action,
                                               const inventory::Member* member, const std::string& id,
                                               OwnApi::Presence presence) const {
  const Error absent{ErrorCode::kNotFound, fmt::format("there is no identity `{}`", id)};
  if (member == nullptr) {
    auto permit = TRY(api_.allow_on(request, action, {{"Writ::Api", kOwnApi}, {}, kRead, presence, absent}));
    if (permit.tenant()) return std::unexpected(problem(absent));
    return permit;
  }
  return api_.allow_on(request, action,
                       {{inventory::cedar_type((*member)->kind), id},
                        [member](cedar::Arena&) { return member->attributes(); },
                        kRead,
                        OwnApi::Presence::kThere,
                        absent});
}

Answer<http::Response> InventoryApi::list(const http::Request& request) const {
  const auto id = http::query_parameter(request.query, "id");
  if (id.state == http::QueryState::kOne) return show(request, id.value);
  if (id.state == http::QueryState::kMany)
    return std::unexpected(problem({ErrorCode::kInvalid, "`id` is given more than once"}));
  const auto permit = TRY(api_.allow(request, kRead));
  const auto now = directory_.snapshot();
  auto list = Json::array();
  for (const auto* member : now->members()) {
    const gateway::EntityName name{inventory::cedar_type((*member)->kind), (*member)->id};
    if (api_.would_allow(request, kRead, name, [member](cedar::Arena&) { return member->attributes(); }))
      list.push(shown(*member));
  }
  // Stopped, and not listed.
  auto stops = Json::array();
  for (const auto& stop : now->stops()) {
    if (!permit.tenant() && now->find(stop.id) == nullptr) stops.push(inventory::stop_to_json(stop));
  }
  auto answer = Json::object({{"identities", std::move(list)}});
  if (!stops.if_array()->empty()) answer.set("stops", std::move(stops));
  return answer_json(200, answer);
}

Answer<http::Response> InventoryApi::show(const http::Request& request, const std::string& id) const {
  const auto now = directory_.snapshot();
  const auto* member = now->find(id);
  const inventory::Stop stop{id, now->ordered(id)};
  const bool there = member != nullptr || stop.status != Status::kActive;
  TRY(allow_on(request, kRead, member, id, there ? OwnApi::Presence::kOpen : OwnApi::Presence::kAbsent));
  return answer_json(200, member != nullptr ? shown(*member) : inventory::stop_to_json(stop));
}

Answer<http::Response> InventoryApi::create(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto permit = TRY(api_.allow(request, kManage));
  auto identity = TRY(or_problem(identity_from_body(body)));
  const auto ordered = std::exchange(identity.configured_status, Status::kActive);
  const auto id = identity.id;
  TRY(api_.record(permit, "identity.created", id, inventory::identity_to_json(identity, ordered).dump()));
  TRY(or_problem(directory_.create(std::move(identity), ordered)));
  auto response = answer_json(201, inventory_shown(id));
  response.headers.set("Location", "/v1/identities" + place_of(id));
  return response;
}

Answer<http::Response> InventoryApi::update(const http::Request& request,
                                            const std::optional<std::string>& path_id) const {
  const auto body = TRY(read_json(request));
  const auto* named = body.find_string("id");
  if (path_id && (named == nullptr || *named != *path_id))
    return std::unexpected(problem({ErrorCode::kInvalid, "`id` is not the one of the path"}));
  if (named == nullptr) return std::unexpected(problem({ErrorCode::kInvalid, "`id` must be a text"}));
  const std::string id = *named;
  const auto now = directory_.snapshot();
  const auto* member = now->find(id);
  const auto permit = TRY(allow_on(request, kManage, member, id, OwnApi::Presence::kAbsent));
  auto identity = TRY(or_problem(identity_from_body(body)));
  // Credentials and orders that the body does not mention stay.
  if (!identity.secret_hash) identity.secret_hash = (*member)->secret_hash;
  if (body.find("keys") == nullptr) identity.keys = (*member)->keys;
  const auto said = std::exchange(identity.configured_status, Status::kActive);
  const auto ordered = body.find("status") != nullptr ? std::optional(said) : std::nullopt;
  const auto told = inventory::identity_to_json(identity, ordered.value_or(member->ordered()));
  TRY(api_.record(permit, "identity.changed", id, told.dump()));
  TRY(or_problem(directory_.update(std::move(identity), ordered)));
  return answer_json(200, inventory_shown(id));
}

// An order on any id that a token could carry: who is not listed can be stopped too.
Answer<http::Response> InventoryApi::order(const http::Request& request, const std::string& id,
                                           Status status) const {
  if (const auto wrong = codec::name_problem(id))
    return std::unexpected(problem({ErrorCode::kInvalid, fmt::format("`id` {}", *wrong)}));
  const auto now = directory_.snapshot();
  const bool lifts = status == Status::kActive && now->ordered(id) == Status::kActive;
  const auto permit = TRY(allow_on(request, kManage, now->find(id), id,
                                   lifts ? OwnApi::Presence::kAbsent : OwnApi::Presence::kOpen));
  // What would be refused is not recorded as done.
  TRY(or_problem(directory_.check_order(id, status)));
  TRY(api_.record(permit, event_of(status), id));
  TRY(or_problem(directory_.order(id, status)));
  auto answer = inventory_shown(id);
  if (status != Status::kActive && is_party(permit, id))
    answer.set(
        "warning",
        "this is one of those who asked: when nobody else may manage the inventory, only `writ inventory "
        "recover`, on the server and while Writ is stopped, lifts a suspension");
  return answer_json(200, answer);
}

Answer<http::Response> InventoryApi::order_by_body(const http::Request& request, Status status) const {
  const auto body = TRY(read_json(request));
  return order(request, TRY(or_problem(id_from_body(body))), status);
}

Json InventoryApi::inventory_shown(const std::string& id) const {
  const auto now = directory_.snapshot();
  const auto* member = now->find(id);
  return member != nullptr ? shown(*member) : inventory::stop_to_json({id, now->ordered(id)});
}

Answer<http::Response> InventoryApi::list_apis(const http::Request& request) const {
  TRY(api_.allow(request, kRead));
  auto list = Json::array();
  for (const auto* api : directory_.snapshot()->apis()) list.push(inventory::api_to_json(*api));
  return answer_json(200, Json::object({{"apis", std::move(list)}}));
}

Answer<http::Response> InventoryApi::show_api(const http::Request& request, const std::string& id) const {
  const auto now = directory_.snapshot();
  const auto* api = now->find_api(id);
  const auto there = api != nullptr ? OwnApi::Presence::kThere : OwnApi::Presence::kAbsent;
  TRY(api_.allow_on(request, kRead,
                    {{"Writ::Api", id},
                     {},
                     kRead,
                     there,
                     {ErrorCode::kNotFound, fmt::format("there is no API `{}`", id)}}));
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
  TRY(endpoints.add("PUT", "/v1/identities", slow, endpoint([this](const Request& r, const PathValues&) {
                      return update(r, std::nullopt);
                    })));
  TRY(endpoints.add("GET", "/v1/identities/{id}", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return show(r, v[0]); })));
  TRY(endpoints.add("PUT", "/v1/identities/{id}", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return update(r, v[0]); })));
  for (const auto& [verb, status] : {std::pair("suspend", Status::kSuspended),
                                     {"activate", Status::kActive},
                                     {"retire", Status::kRetired}}) {
    TRY(endpoints.add(
        "POST", fmt::format("/v1/identities/{{id}}/{}", verb), slow,
        endpoint([this, status](const Request& r, const PathValues& v) { return order(r, v[0], status); })));
    const auto by_body = fmt::format("/v1/identities/{}", verb);
    TRY(endpoints.add("POST", by_body, slow, endpoint([this, status](const Request& r, const PathValues&) {
                        return order_by_body(r, status);
                      })));
    // An identity may be called so too.
    const std::string id = verb;
    TRY(endpoints.add("GET", by_body, slow,
                      endpoint([this, id](const Request& r, const PathValues&) { return show(r, id); })));
    TRY(endpoints.add("PUT", by_body, slow,
                      endpoint([this, id](const Request& r, const PathValues&) { return update(r, id); })));
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
