// TaskDesk: opens the tasks that token requests ask for, by way of TasksApi.
//
// Thread-safe.
#pragma once

#include <string>

#include "oauth/task_details.h"
#include "server/own_api.h"
#include "server/tasks_api.h"

namespace writ::server {

class TaskDesk final : public oauth::TaskDesk {
 public:
  // What it refers to must outlive it. `audience`: of Writ's own API.
  TaskDesk(const TasksApi& api, task::Registry& tasks, const Clock& clock, Recorder record,
           std::string audience)
      : api_(api), tasks_(tasks), clock_(clock), record_(std::move(record)), audience_(std::move(audience)) {}

  std::string_view audience() const override { return audience_; }
  oauth::Outcome<std::string> open(const http::Request& request, const token::Verified& caller,
                                   const codec::Json& task) override;
  void abandon(std::string_view id, std::string_view client, std::string_view request_id) override;

 private:
  const TasksApi& api_;
  task::Registry& tasks_;
  const Clock& clock_;
  Recorder record_;
  std::string audience_;
};

}  // namespace writ::server
