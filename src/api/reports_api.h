// /v1/contracts, /v1/posture and /v1/rightsizing over HTTP (docs/api.md). Rendering alone; the answers are of
// control/reports.h. Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/reports.h"
#include "http/endpoints.h"

namespace writ::api {

class ReportsApi {
 public:
  // What it refers to must outlive it.
  explicit ReportsApi(const control::Reports& reports) : reports_(reports) {}

  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  Answer<http::Response> contracts(const http::Request& request) const;
  Answer<http::Response> posture(const http::Request& request) const;
  Answer<http::Response> rightsizing(const http::Request& request) const;

  const control::Reports& reports_;
};

}  // namespace writ::api
