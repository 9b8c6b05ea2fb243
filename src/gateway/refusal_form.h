// The form in which Writ's own answers are given: JSON, unless the caller asks for another one (RFC 9110
// §12.5.1).
//
//   Accept: application/problem+json   the same members, and those of RFC 9457
//   Accept: text/html (of a browser)   a page that says the same to a person
//
// Status, fields and what is told are the same in each form, so that the form of a refusal tells nothing
// more. Pure.
#pragma once

#include "http/headers.h"
#include "http/response.h"

namespace writ::gateway {

enum class RefusalForm { kJson, kProblem, kPage };

// Of two that are liked equally, the earlier one. JSON also where the list is of 1 KiB or more, which is not
// read.
RefusalForm form_asked_for(const http::Headers& request);

// `response` is 4xx or 5xx and has a body of JSON, {"error", "message", ...}; any other is left as it is.
// Never throws: for want of memory it stays JSON.
http::Response in_form(RefusalForm form, http::Response response) noexcept;

}  // namespace writ::gateway
