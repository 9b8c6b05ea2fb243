#include "api/decide_api.h"

#include <fmt/format.h>

#include "api/problem.h"
#include "codec/members.h"

namespace writ::api {
namespace {

using codec::Json;

constexpr std::string_view kAction = "explain-decisions";

void add_refusal(Json& json, std::string_view code, const std::string& message) {
  json.set("reason", code);
  json.set("message", message);
}

// The first refusal counts, as it does for a caller; an explanation's are redacted.
void add_decision(Json& json, const decision::Explanation& explanation) {
  if (explanation.effect == decision::Effect::kPermit)
    return void(json.set("policies", codec::json_texts(explanation.policies)));
  if (explanation.refusals.empty()) return;
  const auto& refusal = explanation.refusals.front();
  add_refusal(json, reason_code(refusal.reason), refusal.message);
  if (!refusal.party.empty()) json.set("party", refusal.party);
  if (!refusal.path.empty()) json.set("path", refusal.path);
  json.set("policies", codec::json_texts(refusal.policies));
  Json reasons = Json::array();
  for (const auto& each : explanation.refusals) reasons.push(reason_code(each.reason));
  json.set("reasons", std::move(reasons));
}

Json to_json(const simulate::Inquiry& question, const simulate::Prospect& prospect,
             const std::string& revision) {
  const auto& asked = question.hypothesis;
  Json json = Json::object({{"decision", decision::effect_name(prospect.effect())},
                            {"api", asked.api},
                            {"action", task::uid_text(asked.action)},
                            {"resource", task::uid_text(asked.resource)},
                            {"at", audit::format_time(asked.time)},
                            {"policy_revision", revision}});
  if (prospect.token) add_refusal(json, reason_code(prospect.token->reason), prospect.token->message);
  if (prospect.explanation) add_decision(json, *prospect.explanation);
  if (prospect.with_shadows) json.set("with_shadow_policies", decision::effect_name(*prospect.with_shadows));
  if (question.left_out) json.set("left_out", codec::json_texts(*question.left_out));
  if (question.explain && prospect.explanation) {
    json.set("explanation", decision::to_json(*prospect.explanation));
    json.set("text", decision::to_text(*prospect.explanation));
  }
  return json;
}

}  // namespace

Answer<http::Response> DecideApi::decide(const http::Request& request) const {
  const auto permit = TRY(rendered(parts_.authority.allow(caller_of(request), kAction)));
  const auto json = TRY(read_json(request));
  const auto in_force = parts_.current.get();
  const auto& policies = in_force->policies;
  const auto question = simulate::read_inquiry(json, {.inventory = *in_force->inventory,
                                                      .routes = *in_force->routes,
                                                      .tasks = parts_.tasks,
                                                      .issuer = parts_.config.issuer,
                                                      .token_lifetime = parts_.config.token_lifetime,
                                                      .now = permit.time().latest});
  if (!question) return std::unexpected(problem(question.error()));
  const auto& claims = question->hypothesis.claims;
  const auto task = claims && claims->task ? parts_.tasks.find(*claims->task) : nullptr;
  const auto prospect = parts_.what_if.ask(
      question->hypothesis, {*in_force->inventory, *policies, task.get()}, parts_.config.redact);
  if (!prospect) return std::unexpected(problem(prospect.error()));
  const auto answer = to_json(*question, *prospect, policies->revision);
  // What was asked, and what the answer was in a word: who asks about others is seen.
  TRY(rendered(parts_.authority.record(permit, "decision.asked", decision::effect_name(prospect->effect()),
                                       json.dump())));
  return answer_json(200, answer);
}

Result<void> DecideApi::add_to(http::Endpoints& endpoints) const {
  return endpoints.add(
      "POST", "/v1/decide", http::Cost::kSlow,
      endpoint([this](const http::Request& r, const http::PathValues&) { return decide(r); }));
}

}  // namespace writ::api
