// POST /v1/decide: what would come of a request, in the state that is running, and why (docs/api.md).
//
// Nothing comes of it: it is an answer about a request that nobody sent. Thread-safe.
#pragma once

#include "api/own_api.h"
#include "config/config.h"
#include "enforce/in_force.h"
#include "http/endpoints.h"
#include "simulate/inquiry.h"

namespace writ::api {

class DecideApi {
 public:
  // What it refers to must outlive it.
  struct Parts {
    const control::Authority& authority;
    const config::Config& config;
    const enforce::Current& current;
    const task::Registry& tasks;
    const simulate::WhatIf& what_if;
  };
  explicit DecideApi(Parts parts) : parts_(parts) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<http::Response> decide(const http::Request& request) const;

  const Parts parts_;
};

}  // namespace writ::api
