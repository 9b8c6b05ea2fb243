// /v1/approvals: the single calls that wait for people, and what these say to them (docs/api.md).
//
// Thread-safe.
#pragma once

#include "http/endpoints.h"
#include "inventory/directory.h"
#include "server/own_api.h"
#include "task/call_approvals.h"

namespace writ::server {

class CallsApi {
 public:
  // What it refers to must outlive it.
  CallsApi(const OwnApi& api, const inventory::Directory& directory, task::CallApprovals& calls)
      : api_(api), directory_(directory), calls_(calls) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> show(const http::Request& request, const std::string& id) const;
  Answer<http::Response> approve(const http::Request& request, const std::string& id) const;
  Answer<http::Response> deny(const http::Request& request, const std::string& id) const;
  Answer<std::pair<gateway::Permit, task::StoredCall>> find(const http::Request& request,
                                                            const std::string& id) const;
  http::Response shown(const std::string& id, Instant now) const;

  const OwnApi& api_;
  const inventory::Directory& directory_;
  task::CallApprovals& calls_;
};

}  // namespace writ::server
