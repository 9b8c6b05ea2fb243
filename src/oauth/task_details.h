// Task details: an `authorization_details` of type `writ_task` (RFC 9396), by which a client asks for a task
// in the token request itself.
//
//   [{"type": "writ_task", "purpose": "support", "actions": [...], ...}]    the members of POST /v1/tasks
//   [{"type": "writ_task", "identifier": "t-..."}]                          the task of an earlier request
//
// A token is for one task, so there is exactly one. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codec/json.h"
#include "oauth/refusal.h"
#include "task/task.h"

namespace writ::oauth {

inline constexpr std::string_view kTaskDetails = "writ_task";

struct AskedTask {
  std::optional<std::string> identifier;
  codec::Json request;  // without an identifier: as POST /v1/tasks takes it
};

// The parameter of a token request. RFC 9396 §5: invalid_authorization_details, naming what is wrong.
Outcome<AskedTask> read_task_details(std::string_view text);

// RFC 9396 §7: what was granted, as it stands in the answer.
codec::Json granted_details(const task::Task& task, Instant now);

}  // namespace writ::oauth
