#include "api/facts_api.h"

#include <fmt/format.h>

#include "api/parameters.h"
#include "api/problem.h"
#include "http/target.h"

namespace writ::api {
namespace {

// A parameter of the query that is given once.
Answer<std::optional<std::string>> parameter(const http::Request& request, std::string_view name) {
  auto found = http::query_parameter(request.query, name);
  if (found.state == http::QueryState::kMany)
    return std::unexpected(problem({ErrorCode::kInvalid, fmt::format("`{}` is given more than once", name)}));
  if (found.state == http::QueryState::kAbsent) return std::nullopt;
  return std::move(found.value);
}

}  // namespace

Answer<http::Response> FactsApi::forget(const http::Request& request) const {
  // A misspelt `id` would have the facts of all resources of the type asked anew.
  TRY(Parameters(request, {"type", "id"}).check());
  const auto type = TRY(parameter(request, "type"));
  const auto id = TRY(parameter(request, "id"));
  if (!type)
    return std::unexpected(
        problem({ErrorCode::kInvalid, "`type` must say of which type, such as `Shop::Order`"}));
  TRY(rendered(facts_.forget(caller_of(request), *type, id)));
  return answer_json(200, codec::Json::object({{"forgotten", true}}));
}

Result<void> FactsApi::add_to(http::Endpoints& endpoints) const {
  return endpoints.add(
      "DELETE", "/v1/facts", http::Cost::kSlow,
      endpoint([this](const http::Request& request, const http::PathValues&) { return forget(request); }));
}

}  // namespace writ::api
