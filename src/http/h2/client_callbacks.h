// What nghttp2 calls, for an Http2ClientSession as its user data. Internal to http.
#pragma once

#include <nghttp2/nghttp2.h>

namespace writ::http {

class Http2ClientSession;

// An nghttp2_session for a client, with the limits of h2/limits.h. Throws bad_alloc.
nghttp2_session* make_http2_client(Http2ClientSession& session);

// The source of a call's body.
nghttp2_data_provider body_of_call();

}  // namespace writ::http
