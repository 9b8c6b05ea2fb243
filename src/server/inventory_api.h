// /v1/identities and /v1/apis: the inventory (docs/api.md).
//
// Thread-safe.
#pragma once

#include "http/endpoints.h"
#include "inventory/directory.h"
#include "server/own_api.h"

namespace writ::server {

class InventoryApi {
 public:
  // What it refers to must outlive it.
  InventoryApi(const OwnApi& api, inventory::Directory& directory) : api_(api), directory_(directory) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<http::Response> list(const http::Request& request) const;
  Answer<http::Response> show(const http::Request& request, const std::string& id) const;
  Answer<http::Response> create(const http::Request& request) const;
  Answer<http::Response> update(const http::Request& request,
                                const std::optional<std::string>& path_id) const;
  Answer<http::Response> order(const http::Request& request, const std::string& id,
                               inventory::Status status) const;
  Answer<http::Response> order_by_body(const http::Request& request, inventory::Status status) const;
  Answer<http::Response> list_apis(const http::Request& request) const;
  Answer<http::Response> show_api(const http::Request& request, const std::string& id) const;
  Answer<http::Response> create_api(const http::Request& request) const;

  Result<void> add_identities_to(http::Endpoints& endpoints) const;
  // `presence` of who is not listed.
  Answer<gateway::Permit> allow_on(const http::Request& request, std::string_view action,
                                   const inventory::Member* member, const std::string& id,
                                   OwnApi::Presence presence) const;
  codec::Json inventory_shown(const std::string& id) const;

  const OwnApi& api_;
  inventory::Directory& directory_;
};

}  // namespace writ::server
