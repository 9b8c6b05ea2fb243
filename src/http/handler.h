// Handler: what a server gives its requests to.
#pragma once

#include "http/exchange.h"

namespace writ::http {

// Takes requests whose head is complete and checked. Thread-safe: it is called on every loop thread.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void handle(Exchange exchange) = 0;
};

}  // namespace writ::http
