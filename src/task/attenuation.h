// Attenuation: a task that becomes less than it was, never more. In every dimension: actions, resources,
// agents, window and budget; and its labels stay.
//
// Pure. Errors are kInvalid and name the member at fault and what would be wider.
#pragma once

#include "task/task.h"

namespace writ::task {

// Is nothing of `inner` outside of `outer`? A budget that `inner` lacks and `outer` has counts as within:
// what `inner` uses is counted there too.
Result<void> check_within(const Task& inner, const Task& outer);

// The task with what `json` takes from it: `actions`, `resources`, `agents` that stay, an earlier
// `expires_at` or `expires_in_seconds` (from now on), a smaller `budget`. What is absent stays as it is. A
// budget for calls that were not limited before counts from now on.
Result<Task> narrowed(const Task& task, const codec::Json& json, Instant now);

// What a sub-task that does not say so has of its parent: subject, client, tenant and environment.
void inherit(Task& sub_task, const Task& parent);
// Is it within its parent, and for the same purpose, subject and client, in the same place?
Result<void> check_sub_task(const Task& sub_task, const Task& parent);

}  // namespace writ::task
