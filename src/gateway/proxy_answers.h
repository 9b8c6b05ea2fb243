// What the proxy answers beside refusals: where no route leads, to preflights, and when the API behind it
// gave no answer. Pure, but for what it tells the operator.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "enforce/in_force.h"
#include "gateway/routes.h"
#include "http/client.h"
#include "http/request.h"
#include "http/response.h"

namespace writ::gateway {

// `allow`: the methods that the path takes; null: there is no such path.
http::Response unrouted_answer(const std::string* allow);

// Nothing: it is not a preflight, or one that the API answers itself.
// Where no route has the path, and one that redirects has it with one slash more or less at its end: 308, to
// this very server (RFC 9110 §15.4.9).
std::optional<http::Response> slash_redirect(const Routes& routes, const Routes::Match& match,
                                             const http::Request& request);

std::optional<http::Response> preflight_answer(const enforce::InForce& now, const http::Request& request);

// RFC 9728 §5.1: where to find who makes tokens for the path, in the challenge of a 401. Without an origin,
// nowhere.
http::Response with_metadata(http::Response response, std::string_view public_origin,
                             std::string_view encoded_path);

// Addresses and details are the operator's business.
http::Response trouble_answer(http::CallError::Kind kind, std::string_view request_id);
// Tells the operator, now and then.
void say_trouble(const http::CallError& error);

}  // namespace writ::gateway
