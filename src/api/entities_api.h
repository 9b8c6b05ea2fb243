// /v1/entities: facts that are pushed (docs/facts.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/entities.h"
#include "http/endpoints.h"

namespace writ::api {

class EntitiesApi {
 public:
  // What it refers to must outlive it.
  explicit EntitiesApi(const control::PushedFacts& entities) : entities_(entities) {}

  // `readers` do what may take long to read.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  // Of one in a path, or of the body's alone.
  using PathName = std::optional<facts::EntityKey>;
  Answer<codec::Json> body_of(const http::Request& request, const PathName& name) const;
  Answer<http::Response> put(const http::Request& request, const PathName& name) const;
  Answer<http::Response> patch(const http::Request& request, const PathName& name) const;
  Answer<http::Response> erase(const http::Request& request, const facts::EntityKey& name) const;
  Answer<http::Response> erase_named(const http::Request& request) const;
  Answer<http::Response> show(const http::Request& request, const facts::EntityKey& name) const;
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> import(const http::Request& request) const;

  const control::PushedFacts& entities_;
};

}  // namespace writ::api
