// AuthZEN 1.0 §10.1.3: the identifier that a caller gives its request comes back with the answer, whatever
// the answer is and whoever gives it: a decision, a refusal, a body that is no question or too large.
//
// A handler before others. Thread-safe, as they are.
#pragma once

#include <memory>
#include <string_view>

#include "http/server.h"

namespace writ::authzen {

class EchoedIds final : public http::Handler {
 public:
  explicit EchoedIds(std::shared_ptr<http::Handler> next) : next_(std::move(next)) {}

  void handle(http::Exchange exchange) override;

 private:
  const std::shared_ptr<http::Handler> next_;
};

// The caller's identifier; empty: it gave none.
std::string_view given_id(const http::Request& request) noexcept;

}  // namespace writ::authzen
