// A suite's world with one thing changed: another task, another time, a resource of which less is known. Its
// fixtures, as they are written, say the same, so that what is derived can be reproduced from a file.
//
// Each gives a new suite without tests, or nothing where the change cannot be made. Pure.
#pragma once

#include <memory>
#include <string_view>

#include "policytest/suite.h"

namespace writ::policytest {

// Whether it is a task of the suite: of that, Writ's own record counts, and no attribute that a test gives.
bool is_task_of(const Suite& suite, const cedar::EntityUid& resource);

using ChangedWorld = std::shared_ptr<const Suite>;

// With `task` in place of the one of its id: its purpose, parties, place, labels and approvals.
ChangedWorld with_task(const Suite& suite, const task::Task& task);
// With all tasks so much later.
ChangedWorld with_tasks_moved(const Suite& suite, Duration by);
// Of `resource`, nobody knows that attribute. Nothing when it has none, or one that cannot be written.
ChangedWorld without_attribute(const Suite& suite, const cedar::EntityUid& resource,
                               std::string_view attribute);

}  // namespace writ::policytest
