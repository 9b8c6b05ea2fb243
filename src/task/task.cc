#include "task/task.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "cedar/parse.h"
#include "codec/members.h"

namespace writ::task {
namespace {

using codec::Json;
using codec::Members;

constexpr std::int64_t kDefaultSeconds = 600;
constexpr std::array<std::string_view, 4> kStates{"active", "suspended", "ended", "revoked"};  // by State

std::unexpected<Error> wrong(std::string message) {
  return failure(ErrorCode::kInvalid, std::move(message));
}

Result<cedar::EntityUid> parse_action(std::string_view text) {
  auto uid = cedar::parse_entity(text);
  if (!uid)
    return wrong(fmt::format("`{}` is no action, expected one such as Billing::Action::\"read\"", text));
  const auto last = uid->type.rfind("::");
  if ((last == std::string::npos ? uid->type : uid->type.substr(last + 2)) != "Action")
    return wrong(fmt::format("`{}` is no action, its type must end with `Action`", text));
  return *std::move(uid);
}

Result<void> read_scope(const Members& members, Task& task) {
  for (const auto& text : TRY(members.texts("actions", kMaxActions, 512)))
    task.actions.push_back(TRY(parse_action(text)));
  if (task.actions.empty()) return members.wrong("actions", "is empty: such a task could do nothing");
  for (const auto& text : TRY(members.texts("resources", kMaxResources, 1024)))
    task.resources.push_back(TRY(ResourcePattern::parse(text)));
  if (task.resources.empty()) return members.wrong("resources", "is empty: such a task could do nothing");
  return {};
}

Result<void> read_budget(const Members& members, Task& task) {
  const Json* json = members.find("budget");
  if (json == nullptr || json->is_null()) return {};
  const auto budget = TRY(Members::of(*json, "the budget", {"calls", "actions"}));
  task.max_calls = TRY(budget.optional_integer("calls", 1, kMaxCalls));
  const Json* actions = budget.find("actions");
  if (actions == nullptr) return {};
  const auto* object = actions->if_object();
  if (object == nullptr) return budget.wrong("actions", "must be an object from action to calls");
  for (const auto& [name, calls] : *object) {
    auto action = TRY(parse_action(name));
    const auto* count = calls.if_int();
    if (count == nullptr || *count < 1 || *count > kMaxCalls)
      return budget.wrong("actions", fmt::format("must give `{}` from 1 to {} calls", name, kMaxCalls));
    if (std::find(task.actions.begin(), task.actions.end(), action) == task.actions.end())
      return budget.wrong("actions", fmt::format("names `{}`, which is no action of the task", name));
    task.action_budgets.push_back({std::move(action), *count});
  }
  return {};
}

Result<void> read_parties(const Members& members, Task& task) {
  task.purpose = TRY(members.text("purpose"));
  task.tenant = TRY(members.optional_text("tenant"));
  task.environment = TRY(members.optional_text("environment"));
  task.subject = TRY(members.optional_text("subject"));
  task.client = TRY(members.optional_text("client"));
  task.agents = TRY(members.texts("agents", kMaxAgents));
  task.labels = TRY(members.texts("labels", 64));
  if (task.agents.empty() && !task.client)
    return wrong("the task names neither a client nor an agent that may use it");
  return {};
}

Result<void> check_window(const Task& task) {
  if (task.expires_at <= task.not_before) return wrong("the task ends before it begins");
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
  if (task.max_calls || !task.action_budgets.empty()) {
    Json budget = Json::object();
    if (task.max_calls) budget.set("calls", *task.max_calls);
    if (!task.action_budgets.empty()) {
      Json actions = Json::object();
      for (const auto& each : task.action_budgets) actions.set(uid_text(each.action), each.calls);
      budget.set("actions", std::move(actions));
    }
    json.set("budget", std::move(budget));
  }
  json.set("opened_by", task.opened_by);
  return json;
}

}  // namespace

std::string_view state_name(State state) noexcept {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<State> state_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kStates, name);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<State>(found - kStates.begin());
}

bool is_final(State state) noexcept {
  return state == State::kEnded || state == State::kRevoked;
}

std::string uid_text(const cedar::EntityUid& uid) {
  std::string text;
  cedar::append_entity(text, uid.type, uid.id);
  return text;
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
      fmt::format("`{}` is no resource pattern, expected one such as Billing::Invoice::\"inv-1\" or "
                  "Billing::Invoice::*",
                  text));
}

Result<Task> task_from_request(const Json& json, Instant now) {
  const auto members =
      TRY(Members::of(json, "the task",
                      {"purpose", "tenant", "environment", "subject", "client", "agents", "actions",
                       "resources", "labels", "not_before", "expires_in_seconds", "budget"}));
  Task task;
  TRY(read_parties(members, task));
  TRY(read_scope(members, task));
  TRY(read_budget(members, task));
  const auto latest = unix_seconds(now + kMaxWindow);
  const auto begin = TRY(members.optional_integer("not_before", 0, latest));
  task.not_before = begin ? std::max(instant_from_unix_seconds(*begin), now) : now;
  const auto seconds = TRY(members.optional_integer(
      "expires_in_seconds", 1, std::chrono::duration_cast<std::chrono::seconds>(kMaxWindow).count()));
  task.expires_at = task.not_before + std::chrono::seconds(seconds.value_or(kDefaultSeconds));
  task.opened_at = now;
  TRY(check_window(task));
  return task;
}

Json task_to_json(const Task& task, State state, std::int64_t used_calls, Instant now) {
  Json json = shared_members(task);
  const bool expired = !is_final(state) && now >= task.expires_at;
  json.set("state", expired ? std::string_view("expired") : state_name(state));
  json.set("not_before", unix_seconds(task.not_before));
  json.set("expires_at", unix_seconds(task.expires_at));
  json.set("opened_at", unix_seconds(task.opened_at));
  json.set("used_calls", used_calls);
  return json;
}

std::string task_record(const Task& task) {
  Json json = shared_members(task);
  json.set("not_before_ms", unix_millis(task.not_before));
  json.set("expires_at_ms", unix_millis(task.expires_at));
  json.set("opened_at_ms", unix_millis(task.opened_at));
  return json.dump();
}

Result<Task> task_from_record(std::string_view text) {
  const Json json = TRY(codec::parse_json(text));
  const auto members = TRY(Members::of(
      json, "the task",
      {"id", "purpose", "tenant", "environment", "subject", "client", "agents", "actions", "resources",
       "labels", "budget", "opened_by", "not_before_ms", "expires_at_ms", "opened_at_ms"}));
  Task task;
  task.id = TRY(members.text("id"));
  task.opened_by = TRY(members.text("opened_by"));
  TRY(read_parties(members, task));
  TRY(read_scope(members, task));
  TRY(read_budget(members, task));
  task.not_before = Instant(Duration(TRY(members.integer("not_before_ms", 0, INT64_MAX / 2))));
  task.expires_at = Instant(Duration(TRY(members.integer("expires_at_ms", 0, INT64_MAX / 2))));
  task.opened_at = Instant(Duration(TRY(members.integer("opened_at_ms", 0, INT64_MAX / 2))));
  TRY(check_window(task));
  return task;
}

}  // namespace writ::task
