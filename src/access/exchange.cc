// One chain's request as another would send it (access/classes.h).
#include <algorithm>

#include "access/classes.h"

namespace writ::access {
namespace {

using codec::Json;

// The same names in other places: entities in what is told of the resource.
Json renamed(const Json& json, const std::vector<std::pair<cedar::EntityUid, cedar::EntityUid>>& names) {
  if (json.is_array()) {
    Json list = Json::array();
    for (const Json& each : *json.if_array()) list.push(renamed(each, names));
    return list;
  }
  if (!json.is_object()) return json;
  const auto* type = json.find_string("type");
  const auto* id = json.find_string("id");
  if (type != nullptr && id != nullptr) {
    for (const auto& [from, to] : names) {
      if (from.type == *type && from.id == *id) return Json::object({{"type", to.type}, {"id", to.id}});
    }
  }
  Json object = Json::object();
  for (const auto& [name, value] : *json.if_object()) object.set(name, renamed(value, names));
  return object;
}

// Subject for subject, client for client, and those between by their place.
std::vector<std::pair<const ChainLink*, const ChainLink*>> matched(const Chain& from, const Chain& to) {
  std::vector<std::pair<const ChainLink*, const ChainLink*>> pairs;
  if (from.size() > 1 && to.size() > 1) pairs.emplace_back(&from.front(), &to.front());
  pairs.emplace_back(&from.back(), &to.back());
  for (std::size_t i = 1; i + 1 < std::min(from.size(), to.size()); ++i) pairs.emplace_back(&from[i], &to[i]);
  return pairs;
}

}  // namespace

Trial exchanged(const Trial& trial, const Chain& from, const Chain& to, const Certainties& certain,
                Names names) {
  Trial other = trial;
  other.claims.subject = to.front().id;
  other.claims.client_id = to.back().id;
  other.claims.actors = actors_of(to);
  if (to.size() == 1) other.claims.subject_issuer.reset();
  other.claims.tenant.reset();
  other.claims.environment.reset();
  // What the token says of the place is the other's, unless it leaves that open.
  const auto place = [](const TextKnown& known,
                        const std::optional<std::string>& said) -> std::optional<std::string> {
    if (known.impossible || !said) return std::nullopt;
    if (known.among.empty()) return said;
    return known.among.front();
  };
  other.claims.tenant = place(certain.tenant(), trial.claims.tenant);
  if (certain.tenant_by_token() && certain.tenant().certain)
    other.claims.tenant = certain.tenant().among.front();
  other.claims.environment = place(certain.environment(), trial.claims.environment);
  if (names == Names::kExchanged) {
    std::vector<std::pair<cedar::EntityUid, cedar::EntityUid>> pairs;
    for (const auto& [one, another] : matched(from, to)) {
      pairs.emplace_back(one->uid(), another->uid());
      pairs.emplace_back(another->uid(), one->uid());
    }
    other.attributes = renamed(trial.attributes, pairs);
  }
  if (!other.task) return other;
  task::Task& task = *other.task;
  task.subject = to.size() > 1 ? std::optional(to.front().id) : std::nullopt;
  if (task.client) task.client.reset();
  for (const ChainLink& each : to) {
    if (trial.task->client && !each.is_agent() && each.kind() != inventory::Kind::kUser)
      task.client = each.id;
  }
  std::erase_if(task.agents, [&](const std::string& id) {
    return std::ranges::any_of(from, [&](const ChainLink& each) { return each.id == id; });
  });
  for (const ChainLink& each : to) {
    if (each.is_agent() && std::ranges::find(task.agents, each.id) == task.agents.end())
      task.agents.push_back(each.id);
  }
  if (task.tenant && certain.tenant().among.size() == 1) task.tenant = certain.tenant().among.front();
  if (task.environment && certain.environment().among.size() == 1)
    task.environment = certain.environment().among.front();
  return other;
}

}  // namespace writ::access
