// /v1/policies: what is in force, what was, and how the one becomes the other (docs/policies.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/policies.h"
#include "http/endpoints.h"

namespace writ::api {

class PoliciesApi {
 public:
  // What it refers to must outlive it.
  explicit PoliciesApi(const control::Policies& policies) : policies_(policies) {}

  // `readers` do what may take long to read.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> show(const http::Request& request, const std::string& revision) const;
  Answer<http::Response> reload(const http::Request& request) const;
  Answer<http::Response> roll_back(const http::Request& request) const;

  const control::Policies& policies_;
};

}  // namespace writ::api
