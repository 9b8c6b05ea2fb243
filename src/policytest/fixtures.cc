#include "policytest/fixtures.h"

#include <algorithm>
#include <fmt/format.h>

#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "policy/policies.h"

namespace writ::policytest {

using codec::Json;
using files::Fields;
using files::Source;
using files::YamlNode;

namespace {

// `Billing::Invoice::"17"` as Cedar's JSON has it; what is no such text stays as it is.
Json reference(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kText) {
    if (const auto uid = cedar::parse_entity(node.text))
      return Json::object({{"type", uid->type}, {"id", uid->id}});
  }
  return to_json(node);
}

Json entity_json(const Fields& entity) {
  Json json = Json::object();
  if (const YamlNode* uid = entity.find("uid")) json.set("uid", reference(*uid));
  const YamlNode* attrs = entity.find("attrs");
  json.set("attrs", attrs != nullptr ? to_json(*attrs) : Json::object());
  Json parents = Json::array();
  for (const YamlNode& parent : entity.list("parents")) parents.push(reference(parent));
  json.set("parents", std::move(parents));
  if (const YamlNode* tags = entity.find("tags")) json.set("tags", to_json(*tags));
  return json;
}

Result<void> add_copy(cedar::EntitiesBuilder& builder, const cedar::Entity& entity) {
  auto& arena = builder.arena();
  std::vector<cedar::EntityRef> parents;
  for (const auto parent : entity.parents) parents.push_back(arena.entity(parent.type(), parent.id()));
  return builder.add(arena.entity(entity.uid.type(), entity.uid.id()),
                     copy_value(arena, cedar::Value::record(entity.attributes)), parents,
                     copy_value(arena, cedar::Value::record(entity.tags)));
}

class TaskReader {
 public:
  TaskReader(Source& source, RequestReader& requests, Instant now)
      : source_(source), requests_(requests), now_(now) {}

  std::optional<TaskFixture> read(const std::string& id, const YamlNode& node) {
    const Fields fields(
        &node, source_, "a task",
        {"purpose", "subject", "client", "agents", "actions", "resources", "tenant", "environment", "labels",
         "not_before", "expires_in_seconds", "budget", "approvals", "parent", "opened", "state", "used"});
    const auto errors = source_.issues.errors();
    const YamlNode* opened = fields.find("opened");
    const auto from = opened != nullptr ? requests_.instant(*opened, "opened", now_).value_or(now_) : now_;
    auto task = task::task_from_request(request_json(fields, from), from);
    if (!task) {
      source_.error(node, fmt::format("task `{}`: {}", id, task.error().message));
      return std::nullopt;
    }
    task->id = id;
    TaskFixture fixture{.task = *std::move(task)};
    if (const auto name = fields.text("state")) {
      const auto state = task::state_from_name(*name);
      if (!state) source_.error(*fields.find("state"), fmt::format("`{}` is not a state of a task", *name));
      fixture.state = state.value_or(fixture.state);
    }
    const bool asked = fixture.state == task::State::kRequested || fixture.state == task::State::kDenied;
    auto& needed = fixture.task.approvals.needed;
    if (asked) needed = std::max<std::int64_t>(needed, 1);
    if (const YamlNode* used = fields.find("used")) read_used(*used, fixture);
    if (source_.issues.errors() != errors) return std::nullopt;
    return fixture;
  }

 private:
  // What somebody would have sent to open it.
  Json request_json(const Fields& fields, Instant from) {
    Json json = Json::object();
    for (const auto& entry : fields.node().entries) {
      if (entry.key == "opened" || entry.key == "state" || entry.key == "used") continue;
      const bool instant = entry.key == "not_before";
      const auto begin = instant ? requests_.instant(entry.value, entry.key, from) : std::nullopt;
      json.set(entry.key, begin ? Json(unix_seconds(*begin)) : to_json(entry.value));
    }
    return json;
  }

  // `used: 3` of the task's first action, or a map from action to calls.
  void read_used(const YamlNode& node, TaskFixture& fixture) {
    const auto count = [&](const YamlNode& calls) -> std::int64_t {
      if (calls.kind == YamlNode::Kind::kInteger && calls.integer >= 0 && calls.integer <= kMaxUsed)
        return calls.integer;
      source_.error(calls, fmt::format("`used` must be between 0 and {} calls", kMaxUsed));
      return 0;
    };
    if (node.kind != YamlNode::Kind::kMap) {
      fixture.used.emplace_back(fixture.task.actions.front(), count(node));
      return;
    }
    for (const auto& entry : node.entries) {
      const auto uid = cedar::parse_entity(entry.key);
      const auto& actions = fixture.task.actions;
      if (uid && std::ranges::find(actions, *uid) != actions.end()) {
        fixture.used.emplace_back(*uid, count(entry.value));
      } else {
        source_.issues.error({source_.file, entry.line, entry.column},
                             fmt::format("`{}` is not an action of task `{}`", entry.key, fixture.task.id));
      }
    }
  }

  static constexpr std::int64_t kMaxUsed = 100'000;

  Source& source_;
  RequestReader& requests_;
  const Instant now_;
};

}  // namespace

Json task_json(const task::Task& task) {
  Json json = Json::object({{"purpose", task.purpose}, {"agents", codec::json_texts(task.agents)}});
  const auto optional = [&](std::string_view name, const std::optional<std::string>& text) {
    if (text) json.set(name, *text);
  };
  optional("subject", task.subject);
  optional("client", task.client);
  optional("tenant", task.tenant);
  optional("environment", task.environment);
  Json actions = Json::array(), resources = Json::array();
  for (const auto& action : task.actions) actions.push(task::uid_text(action));
  for (const auto& resource : task.resources) resources.push(resource.text());
  json.set("actions", std::move(actions));
  json.set("resources", std::move(resources));
  json.set("labels", codec::json_texts(task.labels));
  if (!task.budget.unlimited()) json.set("budget", task::budget_to_json(task.budget));
  return json;
}

inventory::Change read_identities(const Fields& fixtures, const policy::Loaded& loaded) {
  inventory::Change change = loaded.world.declared;
  // Read as the configuration's are, by whom they are read.
  config::Config own = loaded.config;
  own.file = fixtures.source().file;
  own.root = nullptr;  // what else stands there has its files elsewhere
  own.apis = {};
  own.grants = {};  // whom they are for, the fixtures need not have
  own.identities = fixtures.list("identities");
  files::Issues issues;
  const auto read = config::read_world(own, issues);
  // Warnings are about names that the configuration has and the fixtures have not.
  for (const auto& issue : issues.all()) {
    if (issue.severity == files::Severity::kError)
      fixtures.source().issues.error(issue.place, issue.message, issue.help);
  }
  for (const auto& identity : read.declared.identities) {
    const auto known = std::ranges::find(change.identities, identity.id, &inventory::Identity::id);
    if (known == change.identities.end()) {
      change.identities.push_back(identity);
    } else {
      *known = identity;
    }
  }
  return change;
}

std::shared_ptr<const cedar::Entities> read_entities(const Fields& fixtures, const policy::Loaded& loaded) {
  const auto& base = loaded.policies.snapshot->entities;
  const auto& own = fixtures.list("entities");
  if (own.empty()) return base;
  Source& source = fixtures.source();
  cedar::EntitiesBuilder builder;
  const auto errors = source.issues.errors();
  for (const YamlNode& node : own) {
    const Fields entity(&node, source, "an entity", {"uid", "attrs", "parents", "tags"});
    if (entity.require("uid") == nullptr) continue;
    Json one = Json::array();
    one.push(entity_json(entity));
    const auto added = policy::add_entities(builder, one, loaded.policies.schema.get());
    if (!added) source.error(node, added.error().message);
  }
  if (source.issues.errors() != errors) return base;
  for (const cedar::Entity& entity : base->all()) {
    if (builder.holds(entity.uid)) continue;
    if (const auto added = add_copy(builder, entity); !added)
      source.error(own.front(), added.error().message);
  }
  auto built = std::move(builder).build();
  if (built) return *std::move(built);
  source.error(own.front(), built.error().message);
  return base;
}

const config::DeclaredSource* source_of(const policy::Loaded& loaded, std::string_view type) {
  for (const auto& source : loaded.world.sources)
    if (source.settings.reading.type == type) return &source;
  return nullptr;
}

std::map<cedar::EntityUid, std::shared_ptr<const sources::ToldFacts>> read_answers(
    const Fields& fixtures, const policy::Loaded& loaded) {
  std::map<cedar::EntityUid, std::shared_ptr<const sources::ToldFacts>> answers;
  Source& source = fixtures.source();
  for (const YamlNode& node : fixtures.list("answers")) {
    const Fields answer(&node, source, "an answer of a source", {"resource", "attributes", "known"});
    const auto text = answer.required_text("resource");
    const auto known = answer.boolean("known").value_or(true);
    const YamlNode* attributes = answer.find("attributes");
    if (!text) continue;
    const auto uid = cedar::parse_entity(*text);
    if (!uid) {
      source.error(*answer.find("resource"), fmt::format("`{}` is not an entity", *text));
      continue;
    }
    const auto* declared = source_of(loaded, uid->type);
    if (declared == nullptr) {
      source.error(*answer.find("resource"), fmt::format("no source tells facts about `{}`", uid->type),
                   "of other resources `entities` say what is known");
      continue;
    }
    if (known != (attributes != nullptr)) {
      source.error(node, "an answer has `attributes`, or says `known: false`");
      continue;
    }
    auto told = sources::told_by(declared->settings.reading,
                                 known ? std::optional(to_json(*attributes)) : std::nullopt,
                                 loaded.policies.snapshot->schema);
    if (!told) {
      source.error(node, told.error().message, "a source that says this is not believed");
    } else if (!answers.emplace(*uid, *std::move(told)).second) {
      source.error(node, fmt::format("there are two answers about `{}`", *text));
    }
  }
  return answers;
}

std::vector<TaskFixture> read_tasks(const Fields& fixtures, RequestReader& reader, Instant now) {
  std::vector<TaskFixture> tasks;
  const YamlNode* node = fixtures.find("tasks");
  if (node == nullptr) return tasks;
  Source& source = fixtures.source();
  if (node->kind != YamlNode::Kind::kMap) {
    source.error(*node, "`tasks` must be a map from id to task");
    return tasks;
  }
  TaskReader read(source, reader, now);
  for (const auto& entry : node->entries) {
    if (auto task = read.read(entry.key, entry.value)) tasks.push_back(*std::move(task));
  }
  return tasks;
}

}  // namespace writ::policytest
