// /v1/tasks: open or ask for, approve, see, narrow, suspend and end tasks and sub-tasks (docs/api.md).
//
// Thread-safe.
#pragma once

#include "base/times.h"
#include "http/endpoints.h"
#include "inventory/directory.h"
#include "server/own_api.h"
#include "task/registry.h"

namespace writ::server {

class TasksApi {
 public:
  // Those in force; never null.
  using Policies = std::function<std::shared_ptr<const decision::PolicySnapshot>()>;

  // What it refers to must outlive it.
  TasksApi(const OwnApi& api, const inventory::Directory& directory, task::Registry& tasks, Policies policies)
      : api_(api), directory_(directory), tasks_(tasks), policies_(std::move(policies)) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

  using Live = std::shared_ptr<task::LiveTask>;
  // What POST /v1/tasks does with its body.
  Answer<Live> open(const Caller& caller, const codec::Json& json) const;

 private:
  Answer<http::Response> open(const http::Request& request) const;
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> show(const http::Request& request, const std::string& id) const;
  Answer<http::Response> narrow(const http::Request& request, const std::string& id) const;
  Answer<http::Response> approve(const http::Request& request, const std::string& id) const;
  Answer<http::Response> deny(const http::Request& request, const std::string& id) const;
  // May it become a sub-task of its parent, by the caller's hand, for the agents that it names?
  Answer<void> check_parent(const Caller& caller, const gateway::Permit& permit,
                            const task::Task& task) const;
  Answer<void> check_edge(const Caller& caller, const gateway::Permit& permit,
                          const std::string& agent) const;
  // What can be done to a task that is there: its record's event, and what does it.
  struct Verb {
    std::string_view event;
    Result<void> (*act)(task::Registry& tasks, std::string_view id, Times now);
    bool by_requester = false;  // too: by the very parties that asked for the task
  };
  Answer<http::Response> act(const http::Request& request, const std::string& id, const Verb& verb) const;
  Result<void> check_names(const task::Task& task) const;
  // Of what its client may have.
  Answer<void> check_room(const std::string& client, const task::Task& task) const;
  Answer<std::pair<gateway::Permit, Live>> find(const http::Request& request, std::string_view action,
                                                const std::string& id) const;
  Answer<std::pair<gateway::Permit, Live>> find_to_end(const http::Request& request,
                                                       const std::string& id) const;

  const OwnApi& api_;
  const inventory::Directory& directory_;
  task::Registry& tasks_;
  Policies policies_;
};

}  // namespace writ::server
