// A request's body on its way to the API: as it comes, with one piece in flight, or as it was read before the
// decision. Loop thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "gateway/forwarded_headers.h"
#include "http/exchange.h"
#include "http/upstream_call.h"

namespace writ::gateway {

struct BodyToSend {
  http::Exchange& exchange;
  http::UpstreamCall& call;
  const std::optional<std::string>& read;  // the body, if it was
  const bool& over;                        // nothing more is sent
  // The caller is gone, or the server has answered it. It keeps alive what the others are of.
  std::move_only_function<void()> gone;
  // Which of the fields behind it the API gets; null: none. What was read before the decision has none.
  const ForwardedHeaders* trailers = nullptr;
  std::move_only_function<void(std::size_t)> passed = {};  // told of each piece
};

// What goes wrong with the API is told by the call's read_head().
void send_body(BodyToSend body);

}  // namespace writ::gateway
