// A form that came as a POST, for Writ's OAuth endpoints: method, media type and place of the parameters are
// checked before anything else is looked at.
//
// Pure.
#pragma once

#include <expected>

#include "http/request.h"
#include "http/response.h"
#include "oauth/form.h"

namespace writ::oauth {

// The form, or the answer that refuses it.
std::expected<Form, http::Response> read_form(const http::Request& request);

}  // namespace writ::oauth
