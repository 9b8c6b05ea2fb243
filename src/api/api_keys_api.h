// /v1/api-keys: keys for callers that cannot do better (docs/api-keys.md). A key's text is in the answer that
// made it, and nowhere else.
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/api_keys.h"
#include "http/endpoints.h"

namespace writ::api {

class ApiKeysApi {
 public:
  // What it refers to must outlive it.
  explicit ApiKeysApi(const control::ApiKeys& keys) : keys_(keys) {}

  // `readers` do what may take long to read.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  http::Response shown(const control::ApiKeys::Made& made) const;
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> make(const http::Request& request) const;
  Answer<http::Response> rotate(const http::Request& request) const;
  Answer<http::Response> revoke(const http::Request& request) const;

  const control::ApiKeys& keys_;
};

}  // namespace writ::api
