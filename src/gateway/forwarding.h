// A permitted request on its way to the API, and the answer on its way back: bodies stream both ways with one
// piece in flight each, trailers follow them where both sides speak HTTP/2 (gRPC needs them), and what goes
// on after its decision is decided again until it ends (gateway/open_streams.h).
//
// The caller of a route that is marked `stream` may be quiet before its answer begins, over HTTP/2: there a
// stream goes both ways, and is looked at from the begin on.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "gateway/open_streams.h"
#include "http/client.h"
#include "http/exchange.h"
#include "http/loops.h"

namespace writ::gateway {

struct ForwardingParts {
  http::Loops& loops;
  http::Client& client;
  OpenStreams& streams;
  std::atomic<std::uint64_t>& forwarded;
  std::atomic<std::uint64_t>& failures;    // of the API
  std::atomic<std::uint64_t>& broken_off;  // answers that could not be completed
};

struct ForwardingRequest {
  http::Exchange exchange;
  http::Headers headers;            // for the API
  std::optional<std::string> read;  // the body, if it was read before the decision
  http::Shares::Party party;
  enforce::RequestId request_id;
  StreamBasis basis;
};

// On record. On the loop of the exchange. `keeps` lives as long as it takes: what the parts are of.
void forward_request(const ForwardingParts& parts, ForwardingRequest request, std::shared_ptr<void> keeps);

}  // namespace writ::gateway
