// For tests and benchmarks: a small world read from JSON (identities, APIs, policies, entities, tasks), and
// requests to it as tests/cases/decision writes them. What is malformed stops the program: it is a test's
// mistake.
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "codec/json.h"
#include "context/context.h"
#include "decision/decision.h"
#include "inventory/snapshot.h"
#include "task/registry.h"
#include "task/testing/memory_store.h"
#include "token/testing/verified.h"

namespace writ::decision::testing {

using codec::Json;

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  WRIT_CHECK(file.good() && !text.str().empty());
  return std::move(text).str();
}

inline Json read_json(const std::string& path) {
  return codec::parse_json(read_text(path)).value();
}

// One set of all texts; each policy is named by its `@id`.
inline std::shared_ptr<const cedar::CompiledPolicySet> compile(const std::vector<std::string>& texts) {
  cedar::PolicySet all;
  for (const auto& text : texts) {
    auto parsed = cedar::parse_policies(text).value();
    for (auto& policy : parsed.policies) {
      policy.id = "policy" + std::to_string(all.policies.size());
      if (const auto* id = policy.annotation("id")) policy.id = id->value.value_or("");
      all.policies.push_back(std::move(policy));
    }
  }
  return cedar::CompiledPolicySet::compile(all).value();
}

struct World {
  Instant now;
  PolicySnapshot policies;
  std::shared_ptr<const inventory::Snapshot> inventory;
  task::testing::MemoryStore store;
  task::Registry tasks{store};

  // Files are named from `root` on.
  World(const Json& json, const std::string& root)
      : now(instant_from_unix_seconds(*json.find("now")->if_int())), policies(policies_of(json, root)) {
    std::vector<inventory::Identity> identities;
    for (const Json& each : *json.find("identities")->if_array())
      identities.push_back(inventory::identity_from_json(each).value());
    std::vector<inventory::Api> apis;
    for (const Json& each : *json.find("apis")->if_array())
      apis.push_back(inventory::api_from_json(each).value());
    inventory = inventory::Snapshot::empty()->with(std::move(identities), std::move(apis)).value();
    if (const Json* all = json.find("tasks")) {
      for (const auto& [id, each] : *all->if_object()) open(id, each);
    }
  }

 private:
  static PolicySnapshot policies_of(const Json& json, const std::string& root) {
    std::vector<std::string> texts;
    for (const Json& each : *json.find("policies")->if_array()) {
      const auto& text = *each.if_string();
      texts.push_back(text.ends_with(".cedar") ? read_text(root + "/" + text) : text);
    }
    const Json& entities = *json.find("entities");
    const auto* file = entities.if_string();
    const auto text = file != nullptr ? read_text(root + "/" + *file) : entities.dump();
    return {compile(texts), cedar::entities_from_json(text).value(), "test"};
  }

  // A task as somebody asks for it, with what became of it: `state` and `used_calls`.
  void open(const std::string& id, const Json& json) {
    Json request = Json::object();
    for (const auto& [name, value] : *json.if_object()) {
      if (name != "state" && name != "used_calls") request.set(name, value);
    }
    task::Task task = task::task_from_request(request, now).value();
    task.id = id;
    task.opened_by = "ops-console";
    const auto live = tasks.open(std::move(task)).value();
    cedar::Arena arena;
    const auto& action = (*live)->actions.front();
    const auto& pattern = (*live)->resources.front();
    const task::LiveTask::Use use{arena.entity(action.type, action.id),
                                  arena.entity(pattern.type, pattern.id.value_or("any")),
                                  (*live)->not_before};
    const auto* used = json.find("used_calls");
    for (std::int64_t i = 0; used != nullptr && i < *used->if_int(); ++i)
      WRIT_CHECK(live->consume(use).has_value());
    const auto* state = json.find_string("state");
    if (state != nullptr && *state == "suspended") WRIT_CHECK(tasks.suspend(id, now).has_value());
    if (state != nullptr && *state == "ended") WRIT_CHECK(tasks.end(id).has_value());
    if (state != nullptr && *state == "revoked") WRIT_CHECK(tasks.revoke(id).has_value());
  }
};

// A request; as JSON: `token` {sub, client_id, aud, act, task, purpose, tenant, environment, acr, auth_time,
// bound}, `api`, `action`, `resource`, `attributes` (of the resource), `after` (seconds from the world's
// now), `ip`, `method`, `path`, `presenter`, `point` ("use", "issue").
struct Question {
  token::AccessClaims claims;
  std::string api;
  cedar::EntityUid action;
  cedar::EntityUid resource;
  Json attributes;
  Instant time;
  std::string ip, method, path, presenter;
  context::Point point = context::Point::kUse;

  Question(const Json& json, Instant now) : claims(claims_of(*json.find("token"), now)) {
    api = *json.find_string("api");
    action = cedar::parse_entity(*json.find_string("action")).value();
    resource = cedar::parse_entity(*json.find_string("resource")).value();
    if (const Json* given = json.find("attributes")) attributes = *given;
    const Json* after = json.find("after");
    time = now + std::chrono::seconds(after != nullptr ? *after->if_int() : 0);
    for (auto [name, field] :
         {std::pair("ip", &ip), {"method", &method}, {"path", &path}, {"presenter", &presenter}}) {
      if (const auto* text = json.find_string(name)) *field = *text;
    }
    if (const auto* at = json.find_string("point"); at != nullptr && *at == "issue")
      point = context::Point::kIssue;
  }

 private:
  static token::AccessClaims claims_of(const Json& json, Instant now) {
    auto claims = token::testing::valid_claims(now);
    claims.expires_at = now + std::chrono::hours(1);
    for (auto [name, field] :
         {std::pair("sub", &claims.subject), {"client_id", &claims.client_id}, {"aud", &claims.audience}}) {
      if (const auto* text = json.find_string(name)) *field = *text;
    }
    for (auto [name, field] : {std::pair("task", &claims.task),
                               {"purpose", &claims.purpose},
                               {"tenant", &claims.tenant},
                               {"environment", &claims.environment},
                               {"acr", &claims.acr}}) {
      if (const auto* text = json.find_string(name)) *field = *text;
    }
    if (const auto* at = json.find("auth_time"); at != nullptr && at->is_int())
      claims.auth_time = instant_from_unix_seconds(*at->if_int());
    if (json.find("bound") != nullptr) claims.key_thumbprint = std::string(43, 'k');
    if (const Json* act = json.find("act"); act != nullptr && !act->is_null()) {
      for (const Json& actor : *act->if_array()) {
        if (const auto* id = actor.if_string()) {
          claims.actors.push_back({*id, std::nullopt});
        } else {
          claims.actors.push_back({*actor.find_string("sub"), *actor.find_string("iss")});
        }
      }
    }
    return claims;
  }
};

// Asks a world, again and again with the same memory.
class Asker {
 public:
  explicit Asker(const World& world) : world_(world) {}

  const Decision& ask(const Question& question, Reasons reasons = Reasons::kFirst) {
    if (question.point == context::Point::kIssue) return ask_issue(question, reasons);
    token_ = token::testing::verified(question.claims, world_.now);
    return ask(*token_, question, reasons);
  }
  const Decision& ask(const token::Verified& token, const Question& question,
                      Reasons reasons = Reasons::kFirst) {
    const auto task = task_of(question);
    context_.emplace(context::Context::of_use(token, inputs(question, task.get()), memory_));
    return decide(world_.policies, context_->value(), workspace_, reasons);
  }
  // The context of the last question.
  const context::Context& context() const { return context_->value(); }

 private:
  const Decision& ask_issue(const Question& question, Reasons reasons) {
    const auto task = task_of(question);
    context_.emplace(context::Context::of_issue(question.claims, inputs(question, task.get()), memory_));
    return decide(world_.policies, context_->value(), workspace_, reasons);
  }
  std::shared_ptr<task::LiveTask> task_of(const Question& question) const {
    return question.claims.task ? world_.tasks.find(*question.claims.task) : nullptr;
  }
  context::Inputs inputs(const Question& question, const task::LiveTask* task) {
    context_.reset();
    memory_.reset();
    auto& arena = memory_.arena();
    const auto* api = world_.inventory->find_api(question.api);
    WRIT_CHECK(api != nullptr);
    context::Inputs inputs{
        .request = {question.time, question.method, question.path, question.ip, question.presenter},
        .api = *api,
        .action = arena.entity(question.action.type, question.action.id),
        .resource = arena.entity(question.resource.type, question.resource.id),
        .inventory = *world_.inventory,
        .task = task,
        .entities = *world_.policies.entities,
        .calendars = *world_.policies.calendars};
    if (question.attributes.is_object())
      inputs.resource_attributes = cedar::record_from_json(arena, question.attributes).value();
    return inputs;
  }

  const World& world_;
  std::optional<token::Verified> token_;
  context::Workspace memory_;
  Workspace workspace_;
  std::optional<Result<context::Context>> context_;
};

}  // namespace writ::decision::testing
