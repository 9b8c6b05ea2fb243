// /v1/tasks: open or ask for, approve, see, narrow, suspend and end tasks and sub-tasks (docs/api.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/tasks.h"
#include "http/endpoints.h"

namespace writ::api {

class TasksApi {
 public:
  // What it refers to must outlive it.
  explicit TasksApi(const control::Tasks& tasks) : tasks_(tasks) {}

  // `readers` do what may take long to read.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  Answer<http::Response> open(const http::Request& request) const;
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> narrow(const http::Request& request, const std::string& id) const;

  const control::Tasks& tasks_;
};

}  // namespace writ::api
