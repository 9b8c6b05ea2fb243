#include "api/facts_api.h"

#include <fmt/format.h>

#include "api/parameters.h"
#include "api/problem.h"
#include "http/target.h"

namespace writ::api {
Answer<http::Response> FactsApi::forget(const http::Request& request) const {
  // A misspelt `id` would have the facts of all resources of the type asked anew.
  TRY(Parameters(request, {"type", "id"}).check());
  const auto type = TRY(optional_parameter(request, "type"));
  const auto id = TRY(optional_parameter(request, "id"));
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
