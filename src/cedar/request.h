// Request: what Cedar is asked. Part of the public face (docs/cedar.md).
#pragma once

#include "cedar/symbols.h"
#include "cedar/value.h"

namespace writ::cedar {

// A view: the names and the context live in an Arena of the caller. The context is a record.
struct Request {
  EntityRef principal;
  EntityRef action;
  EntityRef resource;
  Value context;
};

}  // namespace writ::cedar
