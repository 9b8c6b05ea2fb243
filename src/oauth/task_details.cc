#include "oauth/task_details.h"

#include <algorithm>
#include <array>

#include "codec/members.h"

namespace writ::oauth {
namespace {

using codec::Json;

constexpr std::string_view kParameter = "`authorization_details`";
constexpr std::size_t kMaxTypeBytes = 64;

std::unexpected<Refusal> wrong_details(std::string_view problem) {
  return refuse(OauthError::kInvalidAuthorizationDetails,
                std::string(kParameter) + ": " + std::string(problem));
}

Outcome<std::string> read_identifier(const Json& details) {
  const auto members = codec::Members::of(details, "the task by its `identifier`", {"type", "identifier"});
  if (!members) return wrong_details(members.error().message);
  auto identifier = members->text("identifier");
  if (!identifier) return wrong_details(identifier.error().message);
  return *std::move(identifier);
}

}  // namespace

Outcome<AskedTask> read_task_details(std::string_view text) {
  const auto json = codec::parse_json(text);
  if (!json) return wrong_details(json.error().message);
  // RFC 9396 §2: an array of objects, each with its `type`.
  const auto* array = json->if_array();
  if (array == nullptr) return wrong_details("expected an array");
  if (array->size() != 1) return wrong_details("expected one task, because a token is for one");
  const Json& details = array->front();
  if (!details.is_object()) return wrong_details("expected an object in the array");
  const auto* type = details.find_string("type");
  if (type == nullptr) return wrong_details("`type` is missing or not a string");
  if (*type != kTaskDetails)
    return wrong_details("the type `" + type->substr(0, kMaxTypeBytes) + "` is not known, only `" +
                         std::string(kTaskDetails) + "` is");
  if (details.find("identifier") != nullptr) return AskedTask{TRY(read_identifier(details)), {}};
  AskedTask asked{std::nullopt, Json::object()};
  for (const auto& [name, value] : *details.if_object()) {
    if (name != "type") asked.request.set(name, value);
  }
  return asked;
}

Json granted_details(const task::Task& task, Instant now) {
  Json granted = Json::object({{"type", kTaskDetails}, {"identifier", task.id}});
  const Json shown = task::task_to_json(task, task::State::kActive, 0, now);
  // What was asked for; what becomes of the task meanwhile, /v1/tasks tells.
  constexpr std::array<std::string_view, 13> kMembers{
      "parent",  "purpose",   "tenant", "environment", "subject",    "client",    "agents",
      "actions", "resources", "labels", "budget",      "not_before", "expires_at"};
  for (const auto name : kMembers) {
    if (const Json* member = shown.find(name)) granted.set(name, *member);
  }
  Json array = Json::array();
  array.push(std::move(granted));
  return array;
}

}  // namespace writ::oauth
