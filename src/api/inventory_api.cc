#include "api/inventory_api.h"

#include <fmt/format.h>

#include "api/paging.h"
#include "api/problem.h"
#include "codec/members.h"
#include "http/target.h"

namespace writ::api {
namespace {

using codec::Json;
using control::Identities;
using inventory::Status;

// The identity of a body that names one: no path carries every name.
Result<std::string> id_from_body(const Json& body) {
  const auto members = TRY(codec::Members::of(body, "the body", {"id"}));
  return members.text("id", inventory::kMaxUserIdBytes);
}

// Who is stopped, or let go, is said once: a path that names one and a body or a query that names another is
// somebody's mistake, and one of the two would be missed.
Result<void> check_named_once(const http::Request& request, const std::string& id) {
  if (!request.query.empty())
    return failure(ErrorCode::kInvalid,
                   "there are no parameters in the query: the path or the body names the identity");
  if (request.body.empty()) return {};
  const auto body = TRY(codec::parse_json(request.body));
  const auto members = TRY(codec::Members::of(body, "the body", {"id"}));
  const auto named = TRY(members.optional_text("id", inventory::kMaxUserIdBytes));
  if (named && *named != id)
    return failure(ErrorCode::kInvalid, "`id` of the body is not the one of the path");
  return {};
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

std::string day_text(inventory::Day day) {
  return inventory::date_text(inventory::instant_of(day));
}

// As it stands now: a date may have made it expired, and it was used on some days.
Json shown(const inventory::Member& member, Instant now) {
  Json json = inventory::identity_to_json(member.identity(), member.ordered());
  json.set("status", status_name(member.status_at(now)));
  if (const auto& review = member.beside().review) {
    json.set("review", Json::object({{"reviewed_at", inventory::date_text(review->at)},
                                     {"by", review->by},
                                     {"review_by", inventory::date_text(review->next)}}));
  }
  const auto& use = member.use();
  Json days = Json::object();
  if (use.active_since() != 0) days.set("active_since", day_text(use.active_since()));
  if (use.first() != 0) days.set("first", day_text(use.first()));
  if (use.last() != 0) days.set("last", day_text(use.last()));
  if (!days.if_object()->empty()) json.set("use", std::move(days));
  return json;
}

// In a list what other systems say is left out: it may be long. Each identity alone has it.
Json shown_in_list(const inventory::Member& member, Instant now) {
  Json json = shown(member, now);
  std::erase_if(*json.if_object(), [](const auto& each) { return each.first == "evidence"; });
  return json;
}

Json shown(const Identities::Seen& seen, Instant now) {
  return seen.member != nullptr ? shown(*seen.member, now) : inventory::stop_to_json(seen.stop);
}

}  // namespace

Answer<http::Response> InventoryApi::list(const http::Request& request) const {
  const auto id = http::query_parameter(request.query, "id");
  if (id.state == http::QueryState::kOne) return show(request, id.value);
  if (id.state == http::QueryState::kMany) return invalid("`id` is given more than once");
  const auto page = TRY(id_page_of(request));
  const auto listed = TRY(rendered(identities_.list(caller_of(request), page)));
  auto list = Json::array();
  for (const auto* member : listed.members) list.push(shown_in_list(*member, identities_.now()));
  auto answer = Json::object({{"identities", std::move(list)}, {"more", listed.next.has_value()}});
  // Stopped, and not listed.
  auto stops = Json::array();
  for (const auto& stop : listed.stops) stops.push(inventory::stop_to_json(stop));
  if (!listed.stops.empty()) answer.set("stops", std::move(stops));
  if (listed.next) answer.set("next", next_page(*listed.next));
  return answer_json(200, answer);
}

Answer<http::Response> InventoryApi::show(const http::Request& request, const std::string& id) const {
  return answer_json(200, shown(TRY(rendered(identities_.show(caller_of(request), id))), identities_.now()));
}

Answer<http::Response> InventoryApi::create(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto seen = TRY(rendered(identities_.create(caller_of(request), body)));
  auto response = answer_json(201, shown(seen, identities_.now()));
  response.headers.set("Location", "/v1/identities" + place_of(seen.stop.id));
  return response;
}

Answer<http::Response> InventoryApi::update(const http::Request& request,
                                            const std::optional<std::string>& path_id) const {
  const auto body = TRY(read_json(request));
  const auto* named = body.find_string("id");
  if (path_id && (named == nullptr || *named != *path_id)) return invalid("`id` is not the one of the path");
  return answer_json(200,
                     shown(TRY(rendered(identities_.update(caller_of(request), body))), identities_.now()));
}

Answer<http::Response> InventoryApi::order(const http::Request& request, const std::string& id,
                                           Status status) const {
  if (const auto once = check_named_once(request, id); !once) return std::unexpected(problem(once.error()));
  const auto seen = TRY(rendered(identities_.order(caller_of(request), id, status)));
  auto answer = shown(seen, identities_.now());
  if (seen.asker_stopped)
    answer.set("warning",
               "this identity is a party to this request: when nobody else may manage the inventory, only "
               "`writ inventory recover`, on the server and while Writ is stopped, lifts a suspension");
  return answer_json(200, answer);
}

Answer<http::Response> InventoryApi::order_by_body(const http::Request& request, Status status) const {
  const auto body = TRY(read_json(request));
  const auto id = id_from_body(body);
  if (!id) return std::unexpected(problem(id.error()));
  return order(request, *id, status);
}

Answer<http::Response> InventoryApi::review(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto read = [&]() -> Result<std::pair<std::string, Instant>> {
    const auto members = TRY(codec::Members::of(body, "the review", {"id", "review_by"}));
    auto id = TRY(members.text("id", inventory::kMaxUserIdBytes));
    const auto text = TRY(members.text("review_by"));
    const auto date = inventory::date_from_text(text);
    if (!date) return members.wrong("review_by", "must be a date such as 2027-01-31");
    return std::pair(std::move(id), *date);
  }();
  if (!read) return std::unexpected(problem(read.error()));
  const auto seen = TRY(rendered(identities_.review(caller_of(request), read->first, read->second)));
  return answer_json(200, shown(seen, identities_.now()));
}

Answer<http::Response> InventoryApi::unlisted(const http::Request& request) const {
  const auto strangers = TRY(rendered(identities_.unlisted(caller_of(request))));
  auto list = Json::array();
  for (const auto& each : strangers.seen)
    list.push(Json::object({{"id", each.id},
                            {"first", day_text(each.first)},
                            {"last", day_text(each.last)},
                            {"permitted", each.permitted}}));
  return answer_json(200, Json::object({{"unlisted", std::move(list)},
                                        {"left_out", static_cast<std::int64_t>(strangers.left_out)}}));
}

Answer<http::Response> InventoryApi::list_apis(const http::Request& request) const {
  const auto now = TRY(rendered(identities_.list_apis(caller_of(request))));
  auto list = Json::array();
  for (const auto* api : now->apis()) list.push(inventory::api_to_json(*api));
  return answer_json(200, Json::object({{"apis", std::move(list)}}));
}

Answer<http::Response> InventoryApi::show_api(const http::Request& request, const std::string& id) const {
  return answer_json(200,
                     inventory::api_to_json(TRY(rendered(identities_.show_api(caller_of(request), id)))));
}

Answer<http::Response> InventoryApi::create_api(const http::Request& request) const {
  const auto body = TRY(read_json(request));
  const auto api = TRY(rendered(identities_.create_api(caller_of(request), body)));
  auto response = answer_json(201, inventory::api_to_json(api));
  response.headers.set("Location", "/v1/apis/" + api.id);
  return response;
}

Result<void> InventoryApi::add_identities_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(add_read(endpoints, "/v1/identities", readers,
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
  TRY(endpoints.add("POST", "/v1/identities/review", slow,
                    endpoint([this](const Request& r, const PathValues&) { return review(r); })));
  // An identity may be called so too.
  TRY(endpoints.add("GET", "/v1/identities/review", slow,
                    endpoint([this](const Request& r, const PathValues&) { return show(r, "review"); })));
  TRY(endpoints.add("PUT", "/v1/identities/review", slow,
                    endpoint([this](const Request& r, const PathValues&) { return update(r, "review"); })));
  TRY(endpoints.add("GET", "/v1/unlisted", slow,
                    endpoint([this](const Request& r, const PathValues&) { return unlisted(r); })));
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

Result<void> InventoryApi::add_to(http::Endpoints& endpoints, http::Workers& readers) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(add_identities_to(endpoints, readers));
  TRY(endpoints.add("GET", "/v1/apis", slow,
                    endpoint([this](const Request& r, const PathValues&) { return list_apis(r); })));
  TRY(endpoints.add("POST", "/v1/apis", slow,
                    endpoint([this](const Request& r, const PathValues&) { return create_api(r); })));
  TRY(endpoints.add("GET", "/v1/apis/{id}", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return show_api(r, v[0]); })));
  return {};
}

}  // namespace writ::api
