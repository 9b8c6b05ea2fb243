// How often an API may be called, as the configuration says it (gateway/rates.h).
#pragma once

#include <vector>

#include "files/fields.h"
#include "gateway/rates.h"
#include "inventory/directory.h"

namespace writ::config {

// `rates` of an API. What is wrong is reported, and left out.
std::vector<gateway::RateSpec> read_rates(const files::Fields& fields, const inventory::Api& api,
                                          files::Source& source);

}  // namespace writ::config
