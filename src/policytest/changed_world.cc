#include "policytest/changed_world.h"

#include <algorithm>

#include "cedar/ext_datetime.h"
#include "policytest/fixtures.h"

namespace writ::policytest {

using codec::Json;

namespace {

std::shared_ptr<Suite> copy_of(const Suite& suite) {
  return std::make_shared<Suite>(Suite{.file = suite.file,
                                       .about = suite.about,
                                       .now = suite.now,
                                       .world = suite.world,
                                       .entities = suite.entities,
                                       .tasks = suite.tasks,
                                       .answers = suite.answers,
                                       .fixtures = suite.fixtures,
                                       .tests = {},
                                       .recorded = suite.recorded});
}

Json member_of(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member != nullptr ? *member : Json();
}

void set_fixture(Suite& suite, std::string_view kind, Json value) {
  if (!suite.fixtures.is_object()) suite.fixtures = Json::object();
  suite.fixtures.set(kind, std::move(value));
}

// As it was written, with these members as the task has them.
Json rewritten(const Json& written, const task::Task& task) {
  constexpr std::string_view kOfTask[] = {"purpose", "subject",     "client", "agents",
                                          "tenant",  "environment", "labels", "approvals"};
  Json json = Json::object();
  if (const auto* members = written.if_object()) {
    for (const auto& [name, value] : *members)
      if (std::ranges::find(kOfTask, name) == std::end(kOfTask)) json.set(name, value);
  }
  const Json now = task_json(task);
  for (const auto name : kOfTask)
    if (const Json* value = now.find(name)) json.set(name, *value);
  if (task.approvals.needed > 0)
    json.set("approvals", Json::object({{"needed", Json(task.approvals.needed)}}));
  return json;
}

// As entities files write it. Nothing for what only an extension's function makes.
std::optional<Json> json_of(cedar::Value value) {
  switch (value.kind()) {
    case cedar::Kind::kBool:
      return Json(value.as_bool());
    case cedar::Kind::kLong:
      return Json(value.as_long());
    case cedar::Kind::kString:
      return Json(value.as_string());
    case cedar::Kind::kEntity:
      return Json::object(
          {{"__entity", Json::object({{"type", value.as_entity().type()}, {"id", value.as_entity().id()}})}});
    case cedar::Kind::kSet: {
      Json list = Json::array();
      for (const cedar::Value element : value.as_set()) {
        auto json = json_of(element);
        if (!json) return std::nullopt;
        list.push(*std::move(json));
      }
      return list;
    }
    case cedar::Kind::kRecord: {
      Json record = Json::object();
      for (const auto& field : value.as_record()) {
        auto json = json_of(field.value);
        if (!json) return std::nullopt;
        record.set(field.name->view(), *std::move(json));
      }
      return record;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_task_of(const Suite& suite, const cedar::EntityUid& resource) {
  return resource.type == "Writ::Task" && std::ranges::any_of(suite.tasks, [&](const TaskFixture& each) {
           return each.task.id == resource.id;
         });
}

ChangedWorld with_task(const Suite& suite, const task::Task& task) {
  auto changed = copy_of(suite);
  const auto found =
      std::ranges::find_if(changed->tasks, [&](const TaskFixture& each) { return each.task.id == task.id; });
  if (found == changed->tasks.end()) return nullptr;
  found->task = task;
  Json tasks = member_of(suite.fixtures, "tasks");
  if (!tasks.is_object()) return nullptr;
  tasks.set(task.id, rewritten(member_of(tasks, task.id), task));
  set_fixture(*changed, "tasks", std::move(tasks));
  return changed;
}

ChangedWorld with_tasks_moved(const Suite& suite, Duration by) {
  auto changed = copy_of(suite);
  if (suite.tasks.empty()) return changed;
  Json tasks = member_of(suite.fixtures, "tasks");
  if (!tasks.is_object()) return nullptr;
  for (TaskFixture& fixture : changed->tasks) {
    task::Task& task = fixture.task;
    task.opened_at += by;
    task.not_before += by;
    task.expires_at += by;
    task.approvals.until += by;
    for (auto& approval : task.approvals.given) approval.at += by;
    Json json = member_of(tasks, task.id);
    if (!json.is_object()) return nullptr;
    json.set("opened", cedar::Datetime::from(task.opened_at).to_string());
    json.set("not_before", cedar::Datetime::from(task.not_before).to_string());
    tasks.set(task.id, std::move(json));
  }
  set_fixture(*changed, "tasks", std::move(tasks));
  return changed;
}

ChangedWorld without_attribute(const Suite& suite, const cedar::EntityUid& resource,
                               std::string_view attribute) {
  cedar::EntitiesBuilder builder;
  cedar::Arena& arena = builder.arena();
  Json written;
  for (const cedar::Entity& entity : suite.entities->all()) {
    std::vector<cedar::Field> fields;
    Json attributes = Json::object(), parents = Json::array();
    const bool is_it = entity.uid.type() == resource.type && entity.uid.id() == resource.id;
    if (is_it && entity.attributes->find(attribute) == nullptr) return nullptr;
    for (const auto& field : *entity.attributes) {
      if (is_it && field.name->view() == attribute) continue;
      fields.emplace_back(field.name->view(), copy_value(arena, field.value));
      if (!is_it) continue;
      auto json = json_of(field.value);
      if (!json) return nullptr;
      attributes.set(field.name->view(), *std::move(json));
    }
    std::vector<cedar::EntityRef> above;
    for (const auto parent : entity.parents) {
      above.push_back(arena.entity(parent.type(), parent.id()));
      parents.push(Json::object({{"type", parent.type()}, {"id", parent.id()}}));
    }
    if (!builder.add(arena.entity(entity.uid.type(), entity.uid.id()), make_record(arena, fields), above,
                     copy_value(arena, cedar::Value::record(entity.tags))))
      return nullptr;
    if (is_it && entity.tags->size > 0) return nullptr;
    if (is_it)
      written = Json::object({{"uid", Json::object({{"type", resource.type}, {"id", resource.id}})},
                              {"attrs", std::move(attributes)},
                              {"parents", std::move(parents)}});
  }
  auto entities = std::move(builder).build();
  if (!entities || written.is_null()) return nullptr;
  auto changed = copy_of(suite);
  changed->entities = *std::move(entities);
  Json list = Json::array();
  const Json before = member_of(suite.fixtures, "entities");
  if (const auto* each = before.if_array()) {
    for (const Json& entity : *each) {
      const Json* uid = entity.find("uid");
      const std::string* text = uid != nullptr ? uid->if_string() : nullptr;
      const bool is_it = uid != nullptr && (*uid == *written.find("uid") ||
                                            (text != nullptr && *text == task::uid_text(resource)));
      if (!is_it) list.push(entity);
    }
  }
  list.push(std::move(written));
  set_fixture(*changed, "entities", std::move(list));
  return changed;
}

}  // namespace writ::policytest
