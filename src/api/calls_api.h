// /v1/approvals: the single calls that wait for people, and what these say to them (docs/api.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/calls.h"
#include "http/endpoints.h"

namespace writ::api {

class CallsApi {
 public:
  // What it refers to must outlive it.
  explicit CallsApi(const control::Calls& calls) : calls_(calls) {}

  // `readers` do what may take long to read.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  Answer<http::Response> list(const http::Request& request) const;

  const control::Calls& calls_;
};

}  // namespace writ::api
