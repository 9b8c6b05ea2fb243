// The world that the configuration declares: identities, APIs, and the routes by which requests reach the
// APIs.
//
// The second half of reading the configuration: config.h checked the form of the file, this gives `inventory`
// its meaning and finds what does not fit together, with the place in the file. Plain values, used at
// start-up.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/fact_sources.h"
#include "control/own_api.h"
#include "files/issue.h"
#include "gateway/answer_reader.h"
#include "gateway/cors.h"
#include "gateway/fact_finder.h"
#include "gateway/rates.h"
#include "gateway/routes.h"
#include "http/upstream.h"
#include "inventory/directory.h"
#include "inventory/user_names.h"

namespace writ::config {

using control::kOwnApi;
using control::kOwnNamespace;

// One way in: method and path template mean this action on this resource.
struct DeclaredRoute {
  files::Place place;
  std::string api;
  std::string method;
  std::string path;    // "/invoices/{invoice}"
  std::string action;  // of the API, without its namespace
  std::string resource_type;
  std::string resource_id;                                      // a template: "{invoice}"
  std::vector<std::pair<std::string, std::string>> attributes;  // of the resource: name, template
  std::vector<std::pair<std::string, std::string>> amounts;     // name, and where it stands in the request
  std::vector<std::string> labels;                              // that a task earns
  std::optional<std::vector<std::string>> query = {};           // the parameters that it takes; absent: most
  std::optional<gateway::AnswerSpec> answer = {};               // `decide: on response`
  bool is_public = false;
  std::vector<gateway::FactSpec> facts = {};  // what else is found in the request, typed
  bool web_socket = false, stream = false;
  gateway::RouteTimeouts timeouts = {};
};

// What one identity is given. `place` has no file where it was given over the API.
struct DeclaredGrant {
  files::Place place;
  inventory::Grant grant;
};

// Where an API's permitted requests go.
struct DeclaredUpstream {
  files::Place place;
  std::string api;
  std::shared_ptr<http::Upstream> to;              // null: it cannot be one, and that was reported
  std::vector<std::string> forward_headers = {};   // what the API reads beside the standard ones
  std::shared_ptr<const gateway::Cors> cors = {};  // null: no page of another origin
  bool enforced = true;                            // false: what would be refused is recorded, and passes
  std::vector<gateway::RateSpec> rates = {};       // how often it may be called
  std::vector<std::string> hosts = {};             // that its routes are for; empty: every one
  bool redirects_slash = false;
};

struct World {
  inventory::Change declared;  // with Writ's own API
  std::vector<DeclaredRoute> routes;
  std::vector<DeclaredUpstream> upstreams;
  std::vector<DeclaredSource> sources;  // of facts about resources, that are asked
  // Ids of identities and APIs that have errors, and are not among the declared.
  std::vector<std::string> left_out = {};
  // The grants that are linked: those of `declared`, unless somebody said more of them since.
  std::vector<DeclaredGrant> grants = {};
};

// Reports into `issues`; what has errors is left out.
World read_world(const Config& config, files::Issues& issues);

// Below which prefixes the trusted issuers name their users.
std::vector<inventory::UserNames> user_names(const Config& config);

// Writ's own API: its audience is config.api_audience.
inventory::Api own_api(const Config& config);

}  // namespace writ::config
