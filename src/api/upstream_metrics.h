// What is known of the addresses behind the APIs (http/upstream.h), for /metrics.
#pragma once

#include "api/metrics.h"
#include "gateway/routes.h"

namespace writ::api {

void write_upstreams(PrometheusText& out, const gateway::Routes& routes);

}  // namespace writ::api
