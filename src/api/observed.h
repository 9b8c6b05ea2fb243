// That an API is not enforced (`enforce: false`) is seen wherever somebody looks after Writ.
#pragma once

#include "api/metrics.h"
#include "enforce/enforcer.h"
#include "http/response.h"

namespace writ::api {

// What /readyz says when requests can come: {"status":"ready"}, with the APIs that are only observed.
http::Response ready_response(const enforce::InForce& in_force);

void write_observed(PrometheusText& out, const enforce::EnforcerStats& stats,
                    const enforce::InForce& in_force);

}  // namespace writ::api
