#include "api/api_keys_api.h"

#include "api/problem.h"
#include "codec/members.h"

namespace writ::api {
namespace {

using codec::Json;
using codec::Members;
using Rotation = control::ApiKeys::Rotation;

Result<std::optional<Instant>> optional_date(const Members& members, std::string_view name) {
  const auto text = TRY(members.optional_text(name));
  if (!text) return std::nullopt;
  const auto date = inventory::date_from_text(*text);
  if (!date) return members.wrong(name, "must be a date such as 2027-01-31 or 2027-01-31T12:00:00Z");
  return date;
}

Result<Rotation> read_rotation(const Json& body) {
  const auto members = TRY(Members::of(body, "the body", {"id", "old_until", "expires_at"}));
  Rotation rotation{.id = TRY(members.text("id", inventory::kMaxApiKeyIdBytes))};
  rotation.old_until = TRY(optional_date(members, "old_until"));
  rotation.expires_at = TRY(optional_date(members, "expires_at"));
  return rotation;
}

}  // namespace

// RFC 6749 §5.1: nobody keeps an answer that a secret is in.
http::Response ApiKeysApi::shown(const control::ApiKeys::Made& made) const {
  auto json = api_key_to_json(made.key, keys_.now());
  json.set("key", made.text.expose());
  auto response = answer_json(201, json);
  response.headers.set("Cache-Control", "no-store");
  return response;
}

Answer<http::Response> ApiKeysApi::list(const http::Request& request) const {
  const auto all = TRY(rendered(keys_.list(caller_of(request))));
  auto list = Json::array();
  for (const auto& key : all) list.push(api_key_to_json(key, keys_.now()));
  return answer_json(200, Json::object({{"api_keys", std::move(list)}}));
}

Answer<http::Response> ApiKeysApi::make(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  return shown(TRY(rendered(keys_.make(caller_of(request), body))));
}

Answer<http::Response> ApiKeysApi::rotate(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto rotation = read_rotation(body);
  if (!rotation) return std::unexpected(problem(rotation.error()));
  return shown(TRY(rendered(keys_.rotate(caller_of(request), *rotation))));
}

Answer<http::Response> ApiKeysApi::revoke(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto id = [&]() -> Result<std::string> {
    const auto members = TRY(Members::of(body, "the body", {"id"}));
    return members.text("id", inventory::kMaxApiKeyIdBytes);
  }();
  if (!id) return std::unexpected(problem(id.error()));
  return answer_json(200, api_key_to_json(TRY(rendered(keys_.revoke(caller_of(request), *id))), keys_.now()));
}

Result<void> ApiKeysApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(add_read(endpoints, "/v1/api-keys", readers,
               endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  TRY(endpoints.add("POST", "/v1/api-keys", slow,
                    endpoint([this](const Request& r, const PathValues&) { return make(r); })));
  TRY(endpoints.add("POST", "/v1/api-keys/rotate", slow,
                    endpoint([this](const Request& r, const PathValues&) { return rotate(r); })));
  return endpoints.add("POST", "/v1/api-keys/revoke", slow,
                       endpoint([this](const Request& r, const PathValues&) { return revoke(r); }));
}

}  // namespace writ::api
