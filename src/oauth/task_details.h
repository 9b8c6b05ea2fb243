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
#include "http/request.h"
#include "oauth/refusal.h"
#include "task/task.h"
#include "token/verified.h"

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

// Opens tasks as POST /v1/tasks does, for a caller to whom a token for Writ's own API could be issued: the
// same checks, the same decisions, the same records. Implemented by server. Thread-safe.
class TaskDesk {
 public:
  virtual ~TaskDesk() = default;
  // Of tokens for Writ's own API.
  virtual std::string_view audience() const = 0;
  // The id of the new task; it may wait for approval.
  virtual Outcome<std::string> open(const http::Request& request, const token::Verified& caller,
                                    const codec::Json& task) = 0;
  // Ends a task that was opened for a token which then was not issued. What fails here stays open until its
  // window ends, and gives nobody anything.
  virtual void abandon(std::string_view id, std::string_view client, std::string_view request_id) = 0;
};

}  // namespace writ::oauth
