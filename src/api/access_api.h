// /v1/access: who reaches what, what an API cannot tell apart, and what a change gives and takes
// (docs/access-report.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/access.h"
#include "http/endpoints.h"

namespace writ::api {

class AccessApi {
 public:
  // What it refers to must outlive it.
  explicit AccessApi(const control::Access& access) : access_(access) {}

  // `readers` do what may take seconds.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  Answer<http::Response> ask(const http::Request& request, control::AccessQuestion::Kind kind) const;

  const control::Access& access_;
};

}  // namespace writ::api
