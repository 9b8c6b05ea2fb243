#include "api/entities_api.h"

#include <fmt/format.h>

#include "api/paging.h"
#include "api/parameters.h"
#include "api/problem.h"
#include "http/target.h"

namespace writ::api {
namespace {

using codec::Json;
using facts::EntityKey;

constexpr std::string_view kLinesType = "application/x-ndjson";

// An id that no path carries is named in the query.
Answer<EntityKey> name_in_query(const http::Request& request) {
  TRY(Parameters(request, {"type", "id"}).check());
  const auto type = TRY(optional_parameter(request, "type"));
  const auto id = TRY(optional_parameter(request, "id"));
  if (!type || !id) return invalid("`type` and `id` must name an entity");
  return EntityKey{*type, *id};
}

EntityKey name_in_path(const http::PathValues& values) {
  return {values[0], values[1]};
}

}  // namespace

Answer<Json> EntitiesApi::body_of(const http::Request& request, const PathName& name) const {
  auto body = TRY(read_json(request));
  if (!body.is_object()) return invalid("the body must be an object");
  if (!name) return body;
  if (body.find("uid") == nullptr) {
    body.set("uid", Json::object({{"type", name->type}, {"id", name->id}}));
    return body;
  }
  const auto named = facts::name_from_json(body);
  if (!named) return std::unexpected(problem(named.error()));
  if (*named != *name) return invalid("`uid` is not the one of the path");
  return body;
}

Answer<http::Response> EntitiesApi::put(const http::Request& request, const PathName& name) const {
  const auto body = TRY(body_of(request, name));
  return answer_json(200, TRY(rendered(entities_.put(caller_of(request), body))));
}

Answer<http::Response> EntitiesApi::patch(const http::Request& request, const PathName& name) const {
  const auto body = TRY(body_of(request, name));
  return answer_json(200, TRY(rendered(entities_.patch(caller_of(request), body))));
}

Answer<http::Response> EntitiesApi::erase(const http::Request& request, const EntityKey& name) const {
  TRY(rendered(entities_.erase(caller_of(request), name)));
  return answer_json(200, Json::object({{"deleted", 1}}));
}

Answer<http::Response> EntitiesApi::erase_named(const http::Request& request) const {
  return erase(request, TRY(name_in_query(request)));
}

Answer<http::Response> EntitiesApi::show(const http::Request& request, const EntityKey& name) const {
  return answer_json(200, TRY(rendered(entities_.show(caller_of(request), name))));
}

Answer<http::Response> EntitiesApi::list(const http::Request& request) const {
  if (TRY(optional_parameter(request, "id"))) return show(request, TRY(name_in_query(request)));
  const auto type = TRY(optional_parameter(request, "type"));
  if (!type) return invalid("`type` must say of which type, such as `Billing::Order`");
  TRY(Parameters(request, {"type", "id", "limit", "after"}).check());
  const auto page = TRY(id_page_of(request));
  auto listed = TRY(rendered(entities_.list(caller_of(request), *type, page)));
  auto list = Json::array();
  for (auto& entity : listed.entities) list.push(std::move(entity));
  auto answer = Json::object({{"entities", std::move(list)}, {"more", listed.next.has_value()}});
  if (listed.next) answer.set("next", next_page(*listed.next));
  return answer_json(200, answer);
}

Answer<http::Response> EntitiesApi::import(const http::Request& request) const {
  const auto type = request.headers.find("Content-Type");
  if (!type || *type != kLinesType)
    return std::unexpected(
        http::error_response(415, "unsupported_media_type",
                             "the body must be `application/x-ndjson`: one JSON object in each line"));
  const auto changed = TRY(rendered(entities_.import(caller_of(request), request.body)));
  return answer_json(200, Json::object({{"changed", static_cast<std::int64_t>(changed)}}));
}

Result<void> EntitiesApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  constexpr std::string_view kAll = "/v1/entities", kOne = "/v1/entities/{type}/{id}";
  TRY(add_read(endpoints, kAll, readers,
               endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  TRY(add_read(endpoints, kOne, readers,
               endpoint([this](const Request& r, const PathValues& v) { return show(r, name_in_path(v)); })));
  TRY(endpoints.add("PUT", kAll, slow,
                    endpoint([this](const Request& r, const PathValues&) { return put(r, std::nullopt); })));
  TRY(endpoints.add("PUT", kOne, slow, endpoint([this](const Request& r, const PathValues& v) {
                      return put(r, name_in_path(v));
                    })));
  TRY(endpoints.add("PATCH", kAll, slow, endpoint([this](const Request& r, const PathValues&) {
                      return patch(r, std::nullopt);
                    })));
  TRY(endpoints.add("PATCH", kOne, slow, endpoint([this](const Request& r, const PathValues& v) {
                      return patch(r, name_in_path(v));
                    })));
  TRY(endpoints.add("DELETE", kAll, slow,
                    endpoint([this](const Request& r, const PathValues&) { return erase_named(r); })));
  TRY(endpoints.add("DELETE", kOne, slow, endpoint([this](const Request& r, const PathValues& v) {
                      return erase(r, name_in_path(v));
                    })));
  return endpoints.add("POST", kAll, slow,
                       endpoint([this](const Request& r, const PathValues&) { return import(r); }));
}

}  // namespace writ::api
