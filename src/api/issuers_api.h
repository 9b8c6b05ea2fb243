// /v1/issuers: how it stands with the keys of the providers that are fetched from a URL (docs/api.md), and
// the same as metrics.
//
// Thread-safe.
#pragma once

#include "api/metrics.h"
#include "api/own_api.h"
#include "http/endpoints.h"
#include "oauth/key_refresher.h"
#include "oauth/trusted_issuers.h"

namespace writ::api {

class IssuersApi {
 public:
  // What it refers to must outlive it.
  IssuersApi(const control::Authority& authority, const oauth::TrustedIssuers& issuers)
      : authority_(authority), issuers_(issuers) {}

  Result<void> add_to(http::Endpoints& endpoints) const;

 private:
  Answer<http::Response> list(const http::Request& request) const;

  const control::Authority& authority_;
  const oauth::TrustedIssuers& issuers_;
};

void write_issuers(PrometheusText& out, const std::vector<oauth::IssuerKeysStatus>& issuers, Instant now);
// Of those that are asked about tokens.
void write_askers(PrometheusText& out, const std::vector<std::shared_ptr<oauth::TokenAsker>>& askers);

}  // namespace writ::api
