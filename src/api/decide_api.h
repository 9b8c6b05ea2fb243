// POST /v1/decide: what would come of a request, in the state that is running, and why (docs/api.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/simulations.h"
#include "http/endpoints.h"

namespace writ::api {

class DecideApi {
 public:
  // What it refers to must outlive it.
  explicit DecideApi(const control::Simulations& simulations) : simulations_(simulations) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<http::Response> decide(const http::Request& request) const;

  const control::Simulations& simulations_;
};

}  // namespace writ::api
