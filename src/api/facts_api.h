// DELETE /v1/facts: what sources said is asked for anew (docs/asked-facts.md). Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/asked_facts.h"
#include "http/endpoints.h"

namespace writ::api {

class FactsApi {
 public:
  // What it refers to must outlive it.
  explicit FactsApi(const control::AskedFacts& facts) : facts_(facts) {}
  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<http::Response> forget(const http::Request& request) const;

  const control::AskedFacts& facts_;
};

}  // namespace writ::api
