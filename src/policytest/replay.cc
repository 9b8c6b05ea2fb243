#include "policytest/replay.h"

#include <algorithm>
#include <fmt/format.h>

#include "audit/verify.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "facts/entity_text.h"
#include "facts/pushed.h"
#include "inventory/memory_store.h"
#include "policy/revisions.h"
#include "policytest/record.h"
#include "simulate/what_if.h"
#include "task/memory_store.h"

namespace writ::policytest {
namespace {

using codec::Json;
using Policies = std::shared_ptr<const decision::PolicySnapshot>;

using record::instant;
using record::text;
using record::texts;

bool is_of_policies(const Json& record) {
  const auto reason = text(record, "reason");
  if (reason.empty() || !texts(record, "policies").empty()) return true;
  // The last may be a task's, and is then a guard's again.
  return reason == reason_code(Reason::kPolicyNoPermit) || reason == reason_code(Reason::kApprovalRequired) ||
         reason == reason_code(Reason::kStepUpRequired);
}

// The tasks and identities of the log, from record to record.
class Past {
 public:
  static Result<std::unique_ptr<Past>> make(const policy::Loaded& loaded) {
    std::unique_ptr<Past> past(new Past());
    TRY(past->directory_.declare(loaded.world.declared));
    return past;
  }

  // What of it cannot be followed shows when a record is decided again: its task is unknown, or it does not
  // come out.
  void happened(const Json& event, Instant time) {
    const auto type = text(event, "type"), id = text(event, "object"), detail = text(event, "detail");
    if (type == "task.opened" || type == "task.requested") {
      if (auto task = task::task_from_record(detail))
        (void)tasks_.open(*std::move(task),
                          type == "task.opened" ? task::State::kActive : task::State::kRequested);
    } else if (type == "task.approved") {
      (void)tasks_.approve(id, {detail, {}}, time);
    } else if (type == "task.denied") {
      (void)tasks_.deny(id, time);
    } else if (type == "task.suspended") {
      (void)tasks_.suspend(id, time);
    } else if (type == "task.resumed") {
      (void)tasks_.resume(id, time);
    } else if (type == "task.ended") {
      (void)tasks_.end(id);
    } else if (type == "task.revoked") {
      (void)tasks_.revoke(id);
    } else if (type == "task.narrowed") {
      if (const auto json = codec::parse_json(detail)) (void)tasks_.narrow(id, *json, time);
    } else if (type.starts_with("identity.")) {
      happened_to(id, type, detail);
    }
  }

  // A permitted request takes from its task what it took then.
  void permitted(const simulate::Hypothesis& asked, const std::vector<std::string>& labels) {
    const auto live = task_of(asked);
    if (live == nullptr || asked.issue) return;
    cedar::Arena arena;
    const std::vector<std::string_view> earned(labels.begin(), labels.end());
    task::LiveTask::Use use{arena.entity(asked.action.type, asked.action.id),
                            arena.entity(asked.resource.type, asked.resource.id), asked.time, asked.amounts};
    use.labels = earned;
    (void)live->consume(use);
  }

  std::shared_ptr<task::LiveTask> task_of(const simulate::Hypothesis& asked) const {
    return asked.claims && asked.claims->task ? tasks_.find(*asked.claims->task) : nullptr;
  }
  std::shared_ptr<const inventory::Snapshot> inventory() const { return directory_.snapshot(); }

 private:
  Past() = default;

  void review(const std::string& id, const std::string& detail) {
    const auto json = codec::parse_json(detail);
    const auto* at = json ? json->find_string("reviewed_at") : nullptr;
    const auto* next = json ? json->find_string("review_by") : nullptr;
    const auto reviewed = at != nullptr ? inventory::date_from_text(*at) : std::nullopt;
    const auto until = next != nullptr ? inventory::date_from_text(*next) : std::nullopt;
    if (reviewed && until) (void)directory_.review({id, *reviewed, {}, *until});
  }

  void happened_to(const std::string& id, std::string_view type, const std::string& detail) {
    using inventory::Status;
    if (type == "identity.suspended") (void)directory_.order(id, Status::kSuspended);
    if (type == "identity.activated" || type == "identity.recovered")
      (void)directory_.order(id, Status::kActive);
    if (type == "identity.retired") (void)directory_.order(id, Status::kRetired);
    if (type == "identity.reviewed") review(id, detail);
    if (type != "identity.created" && type != "identity.changed") return;
    auto identity = inventory::identity_from_shown(detail);
    if (!identity) return;
    const auto ordered = identity->configured_status;
    (void)(type == "identity.created" ? directory_.create(*std::move(identity), ordered)
                                      : directory_.update(*std::move(identity), ordered));
  }

  inventory::MemoryStore identities_;
  inventory::Directory directory_{identities_};
  task::MemoryStore stored_;
  task::Registry tasks_{stored_};
};

// A record as the request that it is of.
struct Recorded {
  simulate::Hypothesis asked;
  std::vector<std::string> names;  // of amounts
  // The entities that were pushed, as far as the decision read them.
  std::shared_ptr<const facts::PushedEntities> pushed = facts::PushedEntities::none();
};

std::shared_ptr<const facts::PushedEntities> pushed_in(const Json& entities) {
  facts::NameTable names;
  facts::PushedEntities::Edit edit(*facts::PushedEntities::none(), names);
  cedar::Arena arena;
  for (const Json& each : *entities.if_array()) {
    if (const auto entity = facts::entity_from_record(arena, each.dump())) edit.put(entity->draft());
  }
  return std::move(edit).finish();
}

// Why not, for people: records are counted by it.
using Asked = std::expected<std::unique_ptr<Recorded>, std::string>;

std::unexpected<std::string> cannot(std::string why) {
  return std::unexpected(std::move(why));
}

Asked read(const Json& record, const inventory::Snapshot& inventory, std::string_view issuer) {
  const auto point = text(record, "point");
  if (point == "authzen") return cannot("an AuthZEN evaluation's own facts are not recorded");
  if (record.find("public") != nullptr) return cannot("a public route is decided without a caller");
  if (record.find("elements") != nullptr)
    return cannot("of a list that the API answered, its elements are not recorded");
  const auto time = instant(record, "time"), issued = instant(record, "issued_at");
  if (!time || !issued) return cannot("an earlier version of Writ did not record all that a decision reads");
  for (const auto* object : {"attributes", "amounts", "input", "entities"}) {
    const Json* found = record.find(object);
    if (found != nullptr && !found->is_object() && !found->is_array())
      return cannot(fmt::format("its `{}` were too large to be recorded", object));
  }
  if (const Json* cut = record.find("cut"); cut != nullptr && cut->find("path") != nullptr)
    return cannot("its path was too long to be recorded");
  const auto* api = inventory.find_api(text(record, "api"));
  auto action = cedar::parse_entity(text(record, "action")),
       resource = cedar::parse_entity(text(record, "resource"));
  if (api == nullptr || !action || !resource)
    return cannot(fmt::format("the configuration has no API `{}`", text(record, "api")));

  auto made = std::make_unique<Recorded>();
  auto& asked = made->asked;
  asked.time = *time;
  asked.method = text(record, "method");
  asked.path = text(record, "path");
  asked.peer_ip = text(record, "peer");
  asked.api = api->id;
  asked.action = *std::move(action);
  asked.resource = *std::move(resource);
  asked.issue = point == "oauth";
  asked.approved = record.find("approval") != nullptr;
  if (const Json* attributes = record.find("attributes"))
    asked.attributes = [json = *attributes](cedar::Arena& arena) {
      auto told = cedar::record_from_json(arena, json);
      return told ? *told : cedar::Value::record(cedar::empty_record());
    };
  if (const Json* input = record.find("input"))
    asked.input = [json = *input](cedar::Arena& arena) {
      auto told = cedar::record_from_json(arena, json);
      return told ? *told : cedar::Value::record(cedar::empty_record());
    };
  if (const Json* entities = record.find("entities"); entities != nullptr && entities->is_array())
    made->pushed = pushed_in(*entities);
  if (const Json* amounts = record.find("amounts")) {
    for (const auto& [name, value] : *amounts->if_object()) made->names.push_back(name);
    for (const auto& name : made->names) {
      const auto amount = task::Amount::from_json(*amounts->find(name));
      if (amount) asked.amounts.push_back({name, *amount});
    }
  }
  auto token = record::token_in(record);
  token.issued_at = issued;
  token.expires_at = std::max(*time, *issued) + std::chrono::hours(1);
  auto claims = token.claims({.issuer = issuer, .audience = api->audience, .time = *time, .lifetime = {}});
  claims.jti = text(record, "token_id");
  if (claims.jti.empty()) claims.jti = "record";
  if (token.bound) claims.key_thumbprint = std::string(43, 'r');
  asked.claims = std::move(claims);
  return made;
}

class Replayer {
 public:
  Replayer(const policy::Loaded& loaded, const Policies& before, const std::filesystem::path& data,
           const simulate::WhatIf& what_if, Past& past, const ReplayWindow& window)
      : loaded_(loaded),
        what_if_(what_if),
        past_(past),
        window_(window),
        revisions_(data, loaded.config.policies.keep) {
    if (before != nullptr) known_.emplace(before->revision, before);
  }

  void see(const Json& record) {
    const auto time = instant(record, "time");
    if (text(record, "type") != "decision") return past_.happened(record, time.value_or(Instant()));
    const bool permit = text(record, "effect") == "permit";
    if (time && (*time < window_.since || *time >= window_.until)) {
      if (permit) follow(record);
      return;
    }
    ++replay_.decisions;
    if (permit) ++replay_.permits;
    if (!is_of_policies(record)) {
      ++replay_.before_policies;
      return;
    }
    const auto inventory = past_.inventory();
    const auto recorded = read(record, *inventory, loaded_.config.issuer);
    if (!recorded) return leave_out(recorded.error());
    decide(record, **recorded, *inventory);
    if (permit) past_.permitted((*recorded)->asked, texts(record, "labels"));
  }

  Replay finish() { return std::move(replay_); }
  void unreadable() { ++replay_.unreadable; }

 private:
  // What it took from its task is gone, whether it is decided again or not.
  void follow(const Json& record) {
    if (record.find("task") == nullptr) return;
    const auto recorded = read(record, *past_.inventory(), loaded_.config.issuer);
    if (recorded) past_.permitted((*recorded)->asked, texts(record, "labels"));
  }
  void leave_out(const std::string& why) { ++replay_.left_out[why]; }

  void decide(const Json& record, const Recorded& recorded, const inventory::Snapshot& inventory) {
    const auto& asked = recorded.asked;
    const auto task = past_.task_of(asked);
    if (asked.claims->task && task == nullptr) return leave_out("its task was opened before this log begins");
    const auto under = [&](const decision::PolicySnapshot& policies) {
      return what_if_.decide(asked, {inventory, policies, task.get(), recorded.pushed.get()});
    };
    const auto own = policies_of(text(record, "policy_revision"));
    if (own != nullptr) {
      const auto then = under(*own);
      if (!then) return leave_out(then.error().message);
      if (decision::effect_name(then->effect) != text(record, "effect") ||
          code_of(*then) != text(record, "reason"))
        return leave_out(
            fmt::format("not all facts of that time are known: under its own policies it would be {}",
                        then->refusal ? code_of(*then) : "permit"));
    }
    const auto now = under(*loaded_.policies.snapshot);
    if (!now) return leave_out(now.error().message);
    if (now->refusal && !said_by_policies(*now) && code_of(*now) != text(record, "reason"))
      return leave_out(
          fmt::format("not all facts of that time are known: it is refused now with {}", code_of(*now)));
    ++replay_.decided;
    if (text(record, "effect") == "permit") ++replay_.permits_decided;
    if (own == nullptr) ++replay_.unchecked;
    if (decision::effect_name(now->effect) == text(record, "effect")) return;
    replay_.flips.push_back({record, std::string(decision::effect_name(now->effect)), code_of(*now),
                             now->refusal ? now->refusal->message : "",
                             now->refusal ? now->refusal->policies : now->policies});
  }

  static std::string code_of(const simulate::Verdict& verdict) {
    return verdict.refusal ? std::string(reason_code(verdict.refusal->reason)) : "";
  }
  static bool said_by_policies(const simulate::Verdict& verdict) {
    const auto& refusal = *verdict.refusal;
    return !refusal.policies.empty() || refusal.reason == Reason::kPolicyNoPermit ||
           refusal.reason == Reason::kStepUpRequired || refusal.of_call;
  }
  // Null: they are not kept.
  Policies policies_of(const std::string& revision) {
    const auto known = known_.find(revision);
    return known != known_.end() ? known->second : known_.emplace(revision, load(revision)).first->second;
  }
  Policies load(const std::string& revision) const {
    const auto kept = revisions_.find(revision);
    const auto texts = kept ? revisions_.read(*kept) : std::unexpected(kept.error());
    files::Issues issues;
    auto policies = texts ? policy::load_policies(*texts, loaded_.world, issues) : std::nullopt;
    return policies ? policies->snapshot : nullptr;
  }

  const policy::Loaded& loaded_;
  const simulate::WhatIf& what_if_;
  Past& past_;
  const ReplayWindow window_;
  const policy::Revisions revisions_;
  std::map<std::string, Policies> known_;  // by revision
  Replay replay_;
};

using Visit = std::function<bool(std::string_view)>;

Result<Replay> replay_all(const std::function<Result<void>(const Visit&)>& each_line,
                          const policy::Loaded& loaded, const Policies& before,
                          const std::filesystem::path& data, const ReplayWindow& window) {
  const auto what_if = TRY(simulate::WhatIf::make(loaded.config.issuer));
  const auto past = TRY(Past::make(loaded));
  Replayer replayer(loaded, before, data, *what_if, *past, window);
  TRY(each_line([&](std::string_view line) {
    const auto record = codec::parse_json(line);
    record && record->is_object() ? replayer.see(*record) : replayer.unreadable();
    return true;
  }));
  return replayer.finish();
}

}  // namespace

Result<Replay> replay(const std::filesystem::path& log, const policy::Loaded& loaded, const Policies& before,
                      const std::filesystem::path& data) {
  return replay_all([&](const Visit& visit) { return audit::read_lines(log, visit); }, loaded, before, data,
                    {});
}

Result<Replay> replay(const std::vector<audit::Part>& log, const policy::Loaded& loaded,
                      const Policies& before, const std::filesystem::path& data, const ReplayWindow& window) {
  return replay_all([&](const Visit& visit) { return audit::read_after(log, 0, visit); }, loaded, before,
                    data, window);
}

}  // namespace writ::policytest
