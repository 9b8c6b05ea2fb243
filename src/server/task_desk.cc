#include "server/task_desk.h"

namespace writ::server {
namespace {

using oauth::OauthError;

// What POST /v1/tasks would have answered, as an OAuth error.
oauth::Refusal refusal_of(const http::Response& answer) {
  oauth::Refusal refusal{OauthError::kServerError, "the task could not be opened", std::nullopt};
  const auto told = codec::parse_json(answer.body);
  if (!told) return refusal;
  if (const auto* message = told->find_string("message")) refusal.description = *message;
  if (const auto* code = told->find_string("reason")) refusal.reason = reason_from_code(*code);
  if (const auto* party = told->find_string("party")) refusal.party = *party;
  if (const auto* policies = told->find("policies")) {
    for (const auto& policy : *policies->if_array()) refusal.policies.push_back(*policy.if_string());
  }
  if (answer.status >= 500) return refusal;
  refusal.error = refusal.reason ? oauth::error_of(*refusal.reason) : OauthError::kInvalidTarget;
  // Not the API is out of reach, but the task. RFC 9396 §5 has an error of its own for that.
  if (refusal.error == OauthError::kInvalidTarget) refusal.error = OauthError::kInvalidAuthorizationDetails;
  return refusal;
}

}  // namespace

oauth::Outcome<std::string> TaskDesk::open(const http::Request& request, const token::Verified& caller,
                                           const codec::Json& task) {
  const auto live = api_.open(Caller(request, &caller), task);
  if (!live) return std::unexpected(refusal_of(live.error()));
  return (**live)->id;
}

void TaskDesk::abandon(std::string_view id, std::string_view client, std::string_view request_id) {
  const audit::Event ended{.type = "task.ended",
                           .actor = client,
                           .object = id,
                           .detail = "no token was issued for it",
                           .request_id = request_id};
  if (!record_(audit::make_record(clock_.earliest(), ended))) return;
  (void)tasks_.end(id);
}

}  // namespace writ::server
