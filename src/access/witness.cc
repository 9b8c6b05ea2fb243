#include "access/witness.h"

#include <chrono>

#include "cedar/entity_json.h"

namespace writ::access {
namespace {

using cedar::Kind;
using cedar::Value;
using codec::Json;
using Path = std::span<const std::string>;

constexpr std::string_view kUsualText = "any";

std::optional<std::string> text_of_value(const std::optional<Value>& value) {
  if (!value) return std::string(kUsualText);
  if (!value->is(Kind::kString)) return std::nullopt;
  return std::string(value->as_string());
}

Instant instant_of(const std::optional<Value>& value, Instant usual) {
  return value && value->is(Kind::kDatetime) ? Instant(Duration(value->as_datetime().epoch_ms)) : usual;
}

// `tree.a.b = value`, objects made on the way.
void set_at(Json& tree, Path path, Json value) {
  if (path.size() == 1) {
    tree.set(path.front(), std::move(value));
    return;
  }
  const Json* below = tree.find(path.front());
  Json inner = below != nullptr && below->is_object() ? *below : Json::object();
  set_at(inner, path.subspan(1), std::move(value));
  tree.set(path.front(), std::move(inner));
}

class Builder {
 public:
  Builder(const Certainties& certain, Trial& trial) : certain_(certain), trial_(trial) {}

  void take(const cedar::OpenBinding& binding) {
    const Path path(binding.path);
    if (binding.absent || path.empty()) return;
    if (path[0] == "context" && path.size() > 1) return of_context(path.subspan(1), binding.value);
    if (path[0] == "resource" && path.size() > 1) return of_resource(path.subspan(1), binding.value);
    if (path.size() == 2 && path[1] == "issuer") trial_.claims.subject_issuer = text_of_value(binding.value);
    if (path.size() == 2 && path[1] == "tenant") trial_.claims.tenant = text_of_value(binding.value);
  }

  void finish() {
    token::AccessClaims& claims = trial_.claims;
    if (certain_.tenant_by_token() && certain_.tenant().certain)
      claims.tenant = certain_.tenant().among.front();
    if (!has_task_) return;
    if (!task_.purpose.empty() && !claims.purpose) {
      // The task's purpose is the request's.
    } else if (claims.purpose) {
      task_.purpose = *claims.purpose;
    } else {
      const auto& among = certain_.purpose().among;
      task_.purpose = among.empty() ? std::string(kUsualText) : among.front();
    }
    const Chain& chain = certain_.chain();
    task_.id = "task-1";
    if (chain.size() > 1) task_.subject = chain.front().id;
    for (const ChainLink& each : chain) {
      if (each.is_agent()) task_.agents.push_back(each.id);
    }
    const Target& target = trial_.target;
    task_.actions.push_back(target.action);
    task_.resources.push_back({trial_.resource.type, std::nullopt});
    task_.not_before = trial_.time - std::chrono::minutes(1);
    task_.expires_at = trial_.time + std::chrono::hours(1);
    task_.opened_at = task_.not_before;
    if (task_.opened_by.empty()) task_.opened_by = chain.back().id;
    trial_.task = task_;
  }

  void needs_task() { has_task_ = true; }

 private:
  void of_context(Path path, const std::optional<Value>& value) {
    token::AccessClaims& claims = trial_.claims;
    const std::string& first = path[0];
    if (path.size() == 1) {
      if (first == "purpose") claims.purpose = text_of_value(or_known(value, certain_.purpose()));
      if (first == "tenant" && !certain_.tenant().certain) claims.tenant = text_or(value, certain_.tenant());
      if (first == "environment" && !certain_.environment().certain)
        claims.environment = text_or(value, certain_.environment());
      if (first == "approved" && value && value->is(Kind::kBool)) trial_.approved = value->as_bool();
      if (first == "task") has_task_ = true;
      if (first == "purpose" && !value) claims.purpose = text_or(value, certain_.purpose());
      return;
    }
    const std::string& second = path[1];
    if (first == "token") {
      if (second == "acr") claims.acr = text_of_value(value);
      if (second == "authTime") claims.auth_time = instant_of(value, trial_.time);
      if (second == "issued") claims.issued_at = instant_of(value, trial_.time);
      if (second == "senderBound" && value && value->is(Kind::kBool) && value->as_bool())
        claims.key_thumbprint = std::string(43, 'k');
    }
    if (first == "credential") {
      if (second == "kind") claims.credential_kind = text_of_value(value);
      if (second == "created") claims.credential_created = instant_of(value, trial_.time);
    }
    if (first == "request") {
      if (second == "ip") trial_.ip = value && value->is(Kind::kIp) ? ip_text(*value) : "192.0.2.1";
      if (second == "method") trial_.method = text_of_value(value).value_or("");
      if (second == "path") trial_.path = text_of_value(value).value_or("");
    }
    if (first == "task") of_task(second, value);
  }

  // Without the length of a range.
  static std::string ip_text(Value value) {
    const std::string text = value.as_ip().to_string();
    return text.substr(0, text.find('/'));
  }

  static std::optional<Value> or_known(const std::optional<Value>& value, const TextKnown&) { return value; }
  static std::optional<std::string> text_or(const std::optional<Value>& value, const TextKnown& known) {
    if (!value && !known.among.empty()) return known.among.front();
    return text_of_value(value);
  }

  void of_task(const std::string& name, const std::optional<Value>& value) {
    has_task_ = true;
    if (name == "purpose") task_.purpose = text_of_value(value).value_or("");
    if (name == "client") task_.client = text_of_value(value);
    if (name == "openedBy") task_.opened_by = text_of_value(value).value_or("");
    if (name == "tenant") task_.tenant = text_or(value, certain_.tenant());
    if (name == "environment") task_.environment = text_or(value, certain_.environment());
    if (!value) return;
    if (name == "approvalsNeeded" && value->is(Kind::kLong)) task_.approvals.needed = value->as_long();
    if (name == "parent" && value->is(Kind::kEntity)) task_.parent = std::string(value->as_entity().id());
    if ((name == "labels" || name == "agents") && value->is(Kind::kSet)) {
      auto& texts = name == "labels" ? task_.labels : task_.agents;
      for (const Value each : value->as_set()) {
        if (!each.is(Kind::kString)) continue;
        const std::string text(each.as_string());
        const bool is_party = std::ranges::any_of(certain_.chain(), [&](const ChainLink& caller) {
          return caller.is_agent() && caller.id == text;
        });
        if (!is_party || name == "labels") texts.push_back(text);
      }
    }
  }

  void of_resource(Path path, const std::optional<Value>& value) {
    set_at(trial_.attributes, path, value ? cedar::value_to_json(*value) : Json(kUsualText));
  }

  const Certainties& certain_;
  Trial& trial_;
  task::Task task_{};
  bool has_task_ = false;
};

}  // namespace

Trial trial_of(const Certainties& certain, const Target& target, const cedar::EntityUid& resource,
               Instant time, std::span<const cedar::OpenBinding> bindings) {
  const Chain& chain = certain.chain();
  Trial trial{.claims = {}, .time = time, .target = target, .resource = resource};
  trial.claims.subject = chain.front().id;
  trial.claims.client_id = chain.back().id;
  trial.claims.actors = actors_of(chain);
  trial.claims.issued_at = time;
  Builder builder(certain, trial);
  if (certain.needs_task()) builder.needs_task();
  for (const auto& binding : bindings) builder.take(binding);
  builder.finish();
  trial.claims.not_before = trial.claims.issued_at;
  trial.claims.expires_at = time + std::chrono::minutes(5);
  return trial;
}

}  // namespace writ::access
