// The form in which Writ's own answers are given: JSON, unless the caller asks for another one (RFC 9110
// §12.5.1).
//
//   Accept: application/problem+json   the same members, and those of RFC 9457
//   Accept: text/html (of a browser)   a page that says the same to a person
//   a call of gRPC                     its status, and reason and message as its message
//
// Status, fields and what is told are the same in each form, so that the form of a refusal tells nothing
// more; but gRPC has statuses of its own, and to it every answer is a 200 (its protocol over HTTP/2, which
// calls such an answer Trailers-Only). Pure.
#pragma once

#include <string_view>

#include "http/exchange.h"
#include "http/headers.h"
#include "http/response.h"

namespace writ::gateway {

enum class RefusalForm { kJson, kProblem, kPage, kGrpc };

// Of two that are liked equally, the earlier one. JSON also where the list is of 1 KiB or more, which is not
// read.
RefusalForm form_asked_for(const http::Headers& request);
// Also of gRPC, which there is over HTTP/2 alone.
RefusalForm form_asked_for(const http::Exchange& exchange);

// `application/grpc`, or with a `+` and what its messages are in. gRPC-Web is not it.
bool is_grpc(const http::Headers& headers);

// What ends a stream of gRPC that is cut (gateway/open_streams.h): all of an answer, or its trailers.
http::Headers grpc_end(std::string_view reason, std::string_view message);

// `response` is 4xx or 5xx and has a body of JSON, {"error", "message", ...}; any other is left as it is.
// Never throws: for want of memory it stays JSON.
http::Response in_form(RefusalForm form, http::Response response) noexcept;

}  // namespace writ::gateway
