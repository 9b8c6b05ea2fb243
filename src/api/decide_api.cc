#include "api/decide_api.h"

#include "codec/members.h"

namespace writ::api {
namespace {

using codec::Json;

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

Json to_json(const control::Simulated& simulated) {
  const auto& prospect = simulated.prospect;
  Json json = Json::object({{"decision", decision::effect_name(prospect.effect())},
                            {"api", simulated.api},
                            {"action", task::uid_text(simulated.action)},
                            {"resource", task::uid_text(simulated.resource)},
                            {"at", audit::format_time(simulated.time)},
                            {"policy_revision", simulated.policy_revision}});
  if (prospect.token) add_refusal(json, reason_code(prospect.token->reason), prospect.token->message);
  if (prospect.explanation) add_decision(json, *prospect.explanation);
  if (prospect.with_shadows) json.set("with_shadow_policies", decision::effect_name(*prospect.with_shadows));
  if (simulated.left_out) json.set("left_out", codec::json_texts(*simulated.left_out));
  if (simulated.explain && prospect.explanation) {
    json.set("explanation", decision::to_json(*prospect.explanation));
    json.set("text", decision::to_text(*prospect.explanation));
  }
  return json;
}

}  // namespace

Answer<http::Response> DecideApi::decide(const http::Request& request) const {
  const auto question = TRY(read_json(request));
  return answer_json(200, to_json(TRY(rendered(simulations_.ask(caller_of(request), question)))));
}

Result<void> DecideApi::add_to(http::Endpoints& endpoints) const {
  return endpoints.add(
      "POST", "/v1/decide", http::Cost::kSlow,
      endpoint([this](const http::Request& r, const http::PathValues&) { return decide(r); }));
}

}  // namespace writ::api
