#include "task/task.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "cedar/parse.h"
#include "codec/members.h"
#include "codec/name.h"

namespace writ::task {
namespace {

using codec::Json;
using codec::Members;

constexpr std::chrono::minutes kDefaultLife{10};
constexpr auto kMaxWindowSeconds = std::chrono::duration_cast<std::chrono::seconds>(kMaxWindow).count();
constexpr std::array<std::string_view, 6> kStates{"requested", "active",  "suspended",
                                                  "ended",     "revoked", "denied"};  // by State

std::unexpected<Error> wrong(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

Result<void> read_parties(const Members& members, Task& task) {
  task.parent = TRY(members.optional_text("parent"));
  // Whatever a token may say, a task may be about: a shorter limit would keep a stored one from being read.
  task.purpose = TRY(members.text("purpose", codec::kMaxNameBytes));
  task.tenant = TRY(members.optional_text("tenant", codec::kMaxNameBytes));
  task.environment = TRY(members.optional_text("environment", codec::kMaxNameBytes));
  task.subject = TRY(members.optional_text("subject", codec::kMaxNameBytes));
  task.client = TRY(members.optional_text("client"));
  task.agents = TRY(members.texts("agents", kMaxAgents));
  task.labels = TRY(members.texts("labels", kMaxLabels));
  if (task.agents.empty() && !task.client)
    return wrong("the task names neither a client nor an agent that may use it");
  return {};
}

Result<void> read_scope(const Members& members, Task& task) {
  task.actions = TRY(read_actions(members));
  task.resources = TRY(read_resources(members));
  task.budget = TRY(budget_from_json(members.find("budget"), task.actions));
  return {};
}

Result<void> check_window(const Task& task) {
  if (task.expires_at <= task.not_before)
    return wrong(fmt::format("the task ends, at {}, before it begins, at {}", unix_seconds(task.expires_at),
                             unix_seconds(task.not_before)));
  if (task.expires_at - task.not_before > kMaxWindow)
    return failure(ErrorCode::kLimit, "the task's window is longer than 366 days");
  return {};
}

Json uid_texts(const std::vector<cedar::EntityUid>& uids) {
  Json array = Json::array();
  for (const auto& uid : uids) array.push(uid_text(uid));
  return array;
}

// What the record and the outward form share.
Json shared_members(const Task& task) {
  Json json = Json::object({{"id", task.id}, {"purpose", task.purpose}});
  const auto optional = [&](std::string_view name, const std::optional<std::string>& text) {
    if (text) json.set(name, *text);
  };
  optional("parent", task.parent);
  optional("tenant", task.tenant);
  optional("environment", task.environment);
  optional("subject", task.subject);
  optional("client", task.client);
  json.set("agents", codec::json_texts(task.agents));
  json.set("actions", uid_texts(task.actions));
  Json resources = Json::array();
  for (const auto& pattern : task.resources) resources.push(pattern.text());
  json.set("resources", std::move(resources));
  json.set("labels", codec::json_texts(task.labels));
  if (!task.budget.unlimited()) json.set("budget", budget_to_json(task.budget));
  json.set("opened_by", task.opened_by);
  return json;
}

}  // namespace

std::size_t memory_of(const Task& task) noexcept {
  std::size_t bytes = sizeof(Task) + task.id.size() + task.purpose.size() + task.opened_by.size();
  for (const auto* texts : {&task.agents, &task.labels, &task.requested_by, &task.came_from}) {
    for (const auto& text : *texts) bytes += sizeof(text) + text.size();
  }
  for (const auto& action : task.actions) bytes += sizeof(action) + action.type.size() + action.id.size();
  for (const auto& each : task.resources)
    bytes += sizeof(each) + each.type.size() + (each.id ? each.id->size() : 0);
  for (const auto& each : task.budget.actions) bytes += sizeof(each) + each.action.id.size();
  return bytes;
}

std::string_view state_name(State state) noexcept {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<State> state_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kStates, name);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<State>(found - kStates.begin());
}

bool is_final(State state) noexcept {
  return state == State::kEnded || state == State::kRevoked || state == State::kDenied;
}

Result<std::vector<cedar::EntityUid>> read_actions(const Members& members) {
  std::vector<cedar::EntityUid> actions;
  for (const auto& text : TRY(members.texts("actions", kMaxActions, 512)))
    actions.push_back(TRY(parse_action(text)));
  if (actions.empty()) return members.wrong("actions", "is empty: such a task could do nothing");
  return actions;
}

Result<std::vector<ResourcePattern>> read_resources(const Members& members) {
  std::vector<ResourcePattern> resources;
  for (const auto& text : TRY(members.texts("resources", kMaxResources, 1024)))
    resources.push_back(TRY(ResourcePattern::parse(text)));
  if (resources.empty()) return members.wrong("resources", "is empty: such a task could do nothing");
  return resources;
}

Result<std::optional<Instant>> read_expiry(const Members& members, Instant from, Instant now) {
  const auto seconds = TRY(members.optional_integer("expires_in_seconds", 1, kMaxWindowSeconds));
  const auto at = TRY(members.optional_integer("expires_at", 0, unix_seconds(now + 2 * kMaxWindow)));
  if (seconds && at) return members.wrong("expires_at", "contradicts `expires_in_seconds`: give one of them");
  if (seconds) return from + std::chrono::seconds(*seconds);
  if (!at) return std::nullopt;
  const auto until = instant_from_unix_seconds(*at);
  if (until > now) return until;
  return members.wrong("expires_at",
                       fmt::format("has passed: it is {}, and now is {}", *at, unix_seconds(now)));
}

std::string ResourcePattern::text() const {
  return id ? uid_text({type, *id}) : type + "::*";
}

Result<ResourcePattern> ResourcePattern::parse(std::string_view text) {
  if (text.ends_with("::*")) {
    const auto type = text.substr(0, text.size() - 3);
    if (cedar::is_entity_type_name(type)) return ResourcePattern{std::string(type), std::nullopt};
  } else if (auto uid = cedar::parse_entity(text)) {
    return ResourcePattern{std::move(uid->type), std::move(uid->id)};
  }
  return wrong(
      fmt::format("`{}` is not a resource pattern, expected one such as Billing::Invoice::\"inv-1\" or "
                  "Billing::Invoice::*",
                  text));
}

Result<Task> task_from_request(const Json& json, Instant now) {
  const auto members = TRY(Members::of(
      json, "the task",
      {"parent", "purpose", "tenant", "environment", "subject", "client", "agents", "actions", "resources",
       "labels", "not_before", "expires_at", "expires_in_seconds", "budget", "approvals"}));
  Task task;
  TRY(read_parties(members, task));
  TRY(read_scope(members, task));
  const auto begin = TRY(members.optional_integer("not_before", 0, unix_seconds(now + kMaxWindow)));
  task.not_before = begin ? std::max(instant_from_unix_seconds(*begin), now) : now;
  const auto end = TRY(read_expiry(members, task.not_before, now));
  task.expires_at = end.value_or(task.not_before + kDefaultLife);
  task.opened_at = now;
  task.approvals = TRY(approvals_from_request(members.find("approvals"), now, task.expires_at));
  TRY(check_window(task));
  return task;
}

Json task_to_json(const Task& task, State state, std::int64_t used_calls, Instant now) {
  Json json = shared_members(task);
  const bool lapsed = state == State::kRequested && now >= task.approvals.until;
  const bool expired = !is_final(state) && (lapsed || now >= task.expires_at);
  json.set("state", expired ? std::string_view("expired") : state_name(state));
  json.set("not_before", unix_seconds(task.not_before));
  json.set("expires_at", unix_seconds(task.expires_at));
  json.set("opened_at", unix_seconds(task.opened_at));
  json.set("used_calls", used_calls);
  if (task.approvals.needed > 0) json.set("approvals", approvals_to_json(task.approvals));
  return json;
}

std::string task_record(const Task& task) {
  Json json = shared_members(task);
  json.set("not_before_ms", unix_millis(task.not_before));
  json.set("expires_at_ms", unix_millis(task.expires_at));
  json.set("opened_at_ms", unix_millis(task.opened_at));
  if (!task.requested_by.empty()) json.set("requested_by", codec::json_texts(task.requested_by));
  if (task.approvals.needed > 0) json.set("approvals", approvals_record(task.approvals));
  if (!task.came_from.empty()) json.set("came_from", codec::json_texts(task.came_from));
  return json.dump();
}

Result<Task> task_from_record(std::string_view text) {
  const Json json = TRY(codec::parse_json(text));
  const auto members =
      TRY(Members::of(json, "the task",
                      {"id", "parent", "purpose", "tenant", "environment", "subject", "client", "agents",
                       "actions", "resources", "labels", "budget", "opened_by", "requested_by",
                       "not_before_ms", "expires_at_ms", "opened_at_ms", "approvals", "came_from"}));
  Task task;
  task.id = TRY(members.text("id"));
  task.opened_by = TRY(members.text("opened_by"));
  task.requested_by = TRY(members.texts("requested_by", kMaxRequesters, codec::kMaxNameBytes));
  task.approvals = TRY(approvals_from_record(members.find("approvals")));
  TRY(read_parties(members, task));
  TRY(read_scope(members, task));
  task.not_before = Instant(Duration(TRY(members.integer("not_before_ms", 0, INT64_MAX / 2))));
  task.expires_at = Instant(Duration(TRY(members.integer("expires_at_ms", 0, INT64_MAX / 2))));
  task.opened_at = Instant(Duration(TRY(members.integer("opened_at_ms", 0, INT64_MAX / 2))));
  task.came_from = TRY(members.texts("came_from", kMaxRequesters));
  TRY(check_window(task));
  return task;
}

}  // namespace writ::task
