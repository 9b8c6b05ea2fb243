// /v1/keys: Writ's own signing keys over HTTP (docs/api.md), and the same as metrics.
//
// Thread-safe.
#pragma once

#include "api/metrics.h"
#include "api/own_api.h"
#include "control/key_rotation.h"
#include "http/endpoints.h"

namespace writ::api {

class KeysApi {
 public:
  // It must outlive this.
  explicit KeysApi(const control::KeyRotation& keys) : keys_(keys) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> rotate(const http::Request& request) const;

  const control::KeyRotation& keys_;
};

// What /v1/keys answers.
codec::Json to_json(const token::OwnKeys& keys);

void write_keys(PrometheusText& out, const token::OwnKeys& keys, Instant now);

}  // namespace writ::api
