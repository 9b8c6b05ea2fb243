// POST /v1/decide: what would come of a request, in the state that is running, and why (docs/api.md).
//
// Nothing comes of it: it is an answer about a request that nobody sent. Thread-safe.
#pragma once

#include "base/published.h"
#include "http/endpoints.h"
#include "server/own_api.h"
#include "server/policies_in_force.h"
#include "server/question.h"

namespace writ::server {

class DecideApi {
 public:
  // What it refers to must outlive it.
  struct Parts {
    const OwnApi& api;
    const Config& config;
    const PoliciesInForce& policies;
    const inventory::Directory& directory;
    const task::Registry& tasks;
    const Published<gateway::Routes>& routes;
    const WhatIf& what_if;
  };
  explicit DecideApi(Parts parts) : parts_(parts) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<http::Response> decide(const http::Request& request) const;

  const Parts parts_;
};

}  // namespace writ::server
