// Where an API's permitted requests go, in the configuration: `upstream` and `upstream_options`. Used while
// reading it; nothing is connected to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "files/fields.h"
#include "http/tls/context.h"
#include "http/upstream.h"

namespace writ::config {

// The URLs of `upstream`, which is one or a list of them; empty when the key is absent or has none.
std::vector<std::string> read_upstream_urls(const files::Fields& api);

// Null, after it was reported: what cannot be an upstream. `urls` are not empty.
std::shared_ptr<http::Upstream> read_upstream(const files::Fields& api, const std::string& id,
                                              const std::vector<std::string>& urls,
                                              std::shared_ptr<const http::TlsClient> tls);

}  // namespace writ::config
