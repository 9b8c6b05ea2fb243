#include "api/observed.h"

#include "codec/json.h"
#include "gateway/routes.h"

namespace writ::api {

http::Response ready_response(const enforce::InForce& in_force) {
  auto ready = codec::Json::object({{"status", "ready"}});
  if (in_force.routes != nullptr && !in_force.routes->observed_apis().empty()) {
    auto apis = codec::Json::array();
    for (const auto& api : in_force.routes->observed_apis()) apis.push(api);
    ready.set("not_enforced", std::move(apis));
  }
  return http::json_response(200, ready.dump());
}

void write_observed(PrometheusText& out, const enforce::EnforcerStats& stats,
                    const enforce::InForce& in_force) {
  out.family("writ_refusals_not_enforced_total", "counter",
             "Refusals that passed, because their API has `enforce: false`.");
  out.sample("writ_refusals_not_enforced_total", "", stats.observed);
  out.family("writ_apis_not_enforced", "gauge", "APIs with `enforce: false`.");
  out.sample("writ_apis_not_enforced", "",
             in_force.routes != nullptr ? in_force.routes->observed_apis().size() : 0);
}

}  // namespace writ::api
