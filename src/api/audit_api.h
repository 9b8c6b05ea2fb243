// /v1/audit: the records of what was decided and done, and the head that proves them whole (docs/api.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/audit_trail.h"
#include "http/endpoints.h"

namespace writ::api {

class AuditApi {
 public:
  // What it refers to must outlive it.
  explicit AuditApi(const control::AuditTrail& trail) : trail_(trail) {}

  // `readers` do what may take long to read.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  Answer<http::Response> head(const http::Request& request) const;
  // ?after=SEQ&limit=N
  Answer<http::Response> records(const http::Request& request) const;

  const control::AuditTrail& trail_;
};

}  // namespace writ::api
