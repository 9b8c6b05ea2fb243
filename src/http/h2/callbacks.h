// What nghttp2 calls, for an Http2Session as its user data. Internal to http.
#pragma once

#include <memory>
#include <nghttp2/nghttp2.h>

namespace writ::http {

class Http2Session;

// An nghttp2_session for a server, with the limits of h2/limits.h. Throws bad_alloc.
nghttp2_session* make_http2_server(Http2Session& session);

// The source of a stream's answer.
nghttp2_data_provider answer_of_stream();

}  // namespace writ::http
