// /v1/audit: the records of what was decided and done, and the head that proves them whole (docs/api.md).
//
// Thread-safe. A look at records finds the first of them by halving the file, and reads on from there.
#pragma once

#include "audit/log.h"
#include "http/endpoints.h"
#include "server/own_api.h"

namespace writ::server {

class AuditApi {
 public:
  // What it refers to must outlive it.
  AuditApi(const OwnApi& api, const audit::Log& log) : api_(api), log_(log) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<void> allow(const http::Request& request) const;
  Answer<http::Response> head(const http::Request& request) const;
  // ?after=SEQ&limit=N
  Answer<http::Response> records(const http::Request& request) const;

  const OwnApi& api_;
  const audit::Log& log_;
};

}  // namespace writ::server
