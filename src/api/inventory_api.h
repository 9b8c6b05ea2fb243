// /v1/identities and /v1/apis: the inventory (docs/api.md).
//
// Thread-safe.
#pragma once

#include "api/own_api.h"
#include "control/identities.h"
#include "http/endpoints.h"

namespace writ::api {

class InventoryApi {
 public:
  // What it refers to must outlive it.
  explicit InventoryApi(const control::Identities& identities) : identities_(identities) {}

  // `readers` do what may take long to read.
  Result<void> add_to(http::Endpoints& endpoints, http::Workers& readers) const;

 private:
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> show(const http::Request& request, const std::string& id) const;
  Answer<http::Response> create(const http::Request& request) const;
  Answer<http::Response> update(const http::Request& request,
                                const std::optional<std::string>& path_id) const;
  Answer<http::Response> order(const http::Request& request, const std::string& id,
                               inventory::Status status) const;
  Answer<http::Response> order_by_body(const http::Request& request, inventory::Status status) const;
  Answer<http::Response> review(const http::Request& request) const;
  Answer<http::Response> unlisted(const http::Request& request) const;
  Answer<http::Response> list_apis(const http::Request& request) const;
  Answer<http::Response> show_api(const http::Request& request, const std::string& id) const;
  Answer<http::Response> create_api(const http::Request& request) const;
  Result<void> add_identities_to(http::Endpoints& endpoints, http::Workers& readers) const;

  const control::Identities& identities_;
};

}  // namespace writ::api
