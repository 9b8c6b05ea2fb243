// /v1/grants: what identities are given until a day (docs/grants.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/grants.h"
#include "http/endpoints.h"

namespace writ::api {

class GrantsApi {
 public:
  // What it refers to must outlive it.
  explicit GrantsApi(const control::Grants& grants) : grants_(grants) {}

  // `readers` do what may take long to read.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> give(const http::Request& request) const;
  Answer<http::Response> review(const http::Request& request) const;
  Answer<http::Response> revoke(const http::Request& request) const;

  const control::Grants& grants_;
};

}  // namespace writ::api
