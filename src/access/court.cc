#include "access/court.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/entity_json.h"
#include "decision/minted_claims.h"
#include "enforce/issuing.h"
#include "task/live_task.h"

namespace writ::access {
namespace {

using codec::Json;

constexpr std::string_view kIssuer = "https://access.writ.invalid";
// Tokens that are kept, of about 1 KiB.
constexpr std::size_t kMinted = 4096;

Json text_json(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json();
}

}  // namespace

Json to_json(const Trial& trial) {
  Json token = Json::object({{"sub", trial.claims.subject}, {"client_id", trial.claims.client_id}});
  if (!trial.claims.actors.empty()) {
    Json act = Json::array();
    for (const auto& actor : trial.claims.actors) act.push(actor.subject);
    token.set("act", std::move(act));
  }
  const auto set = [](Json& into, std::string_view name, const std::optional<std::string>& text) {
    if (text) into.set(name, *text);
  };
  if (trial.task) token.set("task", trial.task->id);
  set(token, "purpose", trial.claims.purpose);
  set(token, "tenant", trial.claims.tenant);
  set(token, "environment", trial.claims.environment);
  set(token, "acr", trial.claims.acr);
  if (trial.claims.auth_time) token.set("auth_time", unix_seconds(*trial.claims.auth_time));
  set(token, "credential_kind", trial.claims.credential_kind);
  if (trial.claims.credential_created)
    token.set("credential_created", unix_seconds(*trial.claims.credential_created));
  if (trial.claims.key_thumbprint) token.set("bound", true);
  Json json = Json::object();
  const Target& target = trial.target;
  if (target.point == Point::kIssue) {
    json.set("issue", target.api->id);
  } else {
    json.set("api", target.api->id);
    json.set("action", target.action.id);
    std::string resource;
    cedar::append_entity(resource, trial.resource.type, trial.resource.id);
    json.set("resource", resource);
    if (!trial.attributes.if_object()->empty()) json.set("attributes", trial.attributes);
  }
  json.set("token", std::move(token));
  json.set("at", cedar::Datetime::from(trial.time).to_string());
  if (!trial.ip.empty()) json.set("ip", trial.ip);
  if (!trial.method.empty()) json.set("method", trial.method);
  if (!trial.path.empty()) json.set("path", trial.path);
  if (trial.approved) json.set("approved", true);
  if (trial.task) {
    const task::Task& task = *trial.task;
    Json given = Json::object({{"id", task.id}, {"purpose", task.purpose}});
    given.set("subject", text_json(task.subject));
    given.set("client", text_json(task.client));
    given.set("agents", codec::json_texts(task.agents));
    if (!task.labels.empty()) given.set("labels", codec::json_texts(task.labels));
    set(given, "tenant", task.tenant);
    set(given, "environment", task.environment);
    json.set("task", std::move(given));
  }
  return json;
}

std::string text_of(const Trial& trial) {
  std::vector<std::string> parts;
  const auto add = [&](std::string_view what, const std::optional<std::string>& text) {
    if (text) parts.push_back(fmt::format("{} `{}`", what, *text));
  };
  if (trial.target.point == Point::kUse) {
    std::string resource;
    cedar::append_entity(resource, trial.resource.type, trial.resource.id);
    if (!trial.attributes.if_object()->empty()) resource += " with " + trial.attributes.dump();
    parts.push_back(std::move(resource));
  }
  add("purpose", trial.claims.purpose);
  add("tenant", trial.claims.tenant);
  add("environment", trial.claims.environment);
  add("acr", trial.claims.acr);
  if (trial.claims.auth_time)
    parts.push_back("login at " + cedar::Datetime::from(*trial.claims.auth_time).to_string());
  add("credential", trial.claims.credential_kind);
  if (trial.claims.credential_created)
    parts.push_back("credential of " + cedar::Datetime::from(*trial.claims.credential_created).to_string());
  if (trial.claims.key_thumbprint) parts.push_back("bound to a key");
  if (trial.task) {
    std::string task = fmt::format("a task for `{}`", trial.task->purpose);
    if (!trial.task->labels.empty())
      task += fmt::format(" with labels {}", fmt::join(trial.task->labels, ", "));
    parts.push_back(std::move(task));
  }
  if (trial.approved) parts.push_back("approved by people");
  if (!trial.ip.empty()) parts.push_back("from " + trial.ip);
  if (!trial.method.empty()) parts.push_back("method " + trial.method);
  if (!trial.path.empty()) parts.push_back("path " + trial.path);
  parts.push_back("at " + cedar::Datetime::from(trial.time).to_string());
  return fmt::format("{}", fmt::join(parts, "; "));
}

Result<std::unique_ptr<Court>> Court::make() {
  std::vector<jose::PrivateJwk> keys;
  keys.push_back(TRY(jose::PrivateJwk::generate(crypto::Algorithm::kEdDsa)));
  auto ring = TRY(token::KeyRing::of(std::move(keys)));
  return std::unique_ptr<Court>(new Court(std::move(ring)));
}

Court::Court(std::unique_ptr<token::KeyRing> ring)
    : ring_(std::move(ring)),
      minter_(*ring_),
      verifier_({.issuer = std::string(kIssuer), .cache_entries = kMinted}, ring_->snapshot()->public_keys,
                revocations_, replays_) {}

Result<Court::Judgement> Court::judge(const Trial& trial, const Frame& frame) {
  ++judged_;
  token::AccessClaims claims = trial.claims;
  claims.issuer = kIssuer;
  claims.audience = trial.target.api->audience;
  claims.jti = "access";
  if (trial.task) claims.task = trial.task->id;
  std::optional<task::LiveTask> task;
  if (trial.task) task.emplace(*trial.task, task::State::kActive, std::vector<task::Reservation>(), tasks_);
  const enforce::Deciding deciding{frame.inventory, frame.policies, task ? &*task : nullptr, frame.pushed};
  if (trial.target.point == Point::kUse) return judge_step(trial, frame, claims, deciding);

  const enforce::Issuing issuing{
      claims, *trial.target.api, {trial.method, trial.path, {}, {}, trial.ip}, trial.time};
  std::vector<enforce::IssuingStep> steps{enforce::IssuingStep::kIssue};
  const auto* client = frame.inventory.find(claims.client_id);
  if (claims.subject != claims.client_id && client != nullptr && (*client)->kind == inventory::Kind::kAgent)
    steps.push_back(enforce::IssuingStep::kDelegate);
  for (const auto step : steps) {
    const auto ruling = TRY(enforce::rule_on(step, issuing, deciding, memory_, enforce::Shadows::kLeftAlone));
    if (!ruling.permitted()) return Judgement{false, ruling.refusal()};
  }
  return Judgement{true, std::nullopt};
}

Result<std::string> Court::minted(const token::AccessClaims& claims, const token::ClaimsContract& contract) {
  if (minted_.size() >= kMinted) minted_.clear();
  auto& text = minted_[token::claims_to_json(claims, contract).dump()];
  if (text.empty()) text = TRY(minter_.mint(claims, contract));
  return text;
}

Result<Court::Judgement> Court::judge_step(const Trial& trial, const Frame&,
                                           const token::AccessClaims& claims,
                                           const enforce::Deciding& deciding) {
  const inventory::Api& api = *trial.target.api;
  const enforce::Attributes attributes = [&](cedar::Arena& arena) {
    auto record = cedar::record_from_json(arena, trial.attributes);
    return record ? *record : cedar::Value::record(cedar::empty_record());
  };
  const enforce::Facts facts{.time = trial.time,
                             .method = trial.method,
                             .path = trial.path,
                             .peer_ip = trial.ip,
                             .api = api,
                             .action = {trial.target.action.type, trial.target.action.id},
                             .resource = {trial.resource.type, trial.resource.id},
                             .attributes = attributes,
                             .approved = trial.approved};
  // Like a real one it carries what the API asks for, and no more.
  const auto contract = TRY(decision::minted_claims(api, deciding.policies, claims, deciding.task));
  const auto text = TRY(minted(claims, contract));
  const auto verified = verifier_.verify_parameter(text, trial.time);
  if (!verified)
    return Judgement{false, decision::Refusal{verified.error().reason, verified.error().message, {}, {}, {}}};
  const auto ruling =
      TRY(enforce::rule_on_use(*verified, facts, deciding, memory_, enforce::Shadows::kLeftAlone));
  return Judgement{ruling.permitted(), ruling.refusal()};
}

}  // namespace writ::access
