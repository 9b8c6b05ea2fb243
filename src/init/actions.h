// Names for what operations do. Pure.
#pragma once

#include <string>
#include <vector>

#include "init/operations.h"
#include "init/paths.h"

namespace writ::init {

struct ActionSource {
  const Operation* operation;
  const SegmentedPath* path;
  std::string type;  // of the resource
};

// One name for each, all different: the operationId where it can be one and is the only one of its kind, else
// what method and path say: "listOrders". Notes say where an operationId is not used. FastAPI's ids, which
// end with path and method, are cut (`get_order_orders__id__get` is `get_order`).
std::vector<std::string> name_actions(const std::vector<ActionSource>& sources,
                                      const std::vector<std::string>& reserved, std::vector<Note>& notes);

}  // namespace writ::init
