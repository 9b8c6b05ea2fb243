// POST /v1/sessions/end: an operator says that a session, a user's sessions or a token of a provider is over
// (docs/logout.md), for providers that tell nobody.
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "http/endpoints.h"
#include "oauth/session_end.h"

namespace writ::api {

class SessionsApi {
 public:
  // What it refers to must outlive it.
  SessionsApi(const control::Authority& authority, const oauth::SessionEnds& ends)
      : authority_(authority), ends_(ends) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  control::Answer<enforce::Permit> allow(const http::Request& request) const;
  Answer<http::Response> end(const http::Request& request) const;

  const control::Authority& authority_;
  const oauth::SessionEnds& ends_;
};

}  // namespace writ::api
