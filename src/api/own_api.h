// What the parts of /v1 share: a caller's request as `control` sees it, and what `control` says as an HTTP
// answer.
//
// Thread-safe.
#pragma once

#include <expected>
#include <functional>
#include <string_view>

#include "codec/json.h"
#include "codec/json_reader.h"
#include "control/authority.h"
#include "http/endpoints.h"

namespace writ::api {

// The way out of a handler early: an answer that is no success.
template <class T>
using Answer = std::expected<T, http::Response>;

control::Caller caller_of(const http::Request& request);

// Why a use case did not happen.
http::Response response_of(const control::Failure& failure);
// The same of an answer.
template <class T>
Answer<T> rendered(control::Answer<T> answer) {
  if (!answer) return std::unexpected(response_of(answer.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(answer);
  }
}

// For http::Endpoints::guard: who brings no good token is refused, with a record, before its body is read
// and before it takes a worker's time. Who passes is not allowed anything yet.
void gate(const control::Authority& authority, http::Exchange exchange, http::Endpoints::Pass pass);

// The request's body as JSON; refuses another media type.
Answer<codec::Json> read_json(const http::Request& request);
// The same, in the reader's memory.
Answer<const codec::JsonNode*> read_json(
    const http::Request& request, codec::JsonReader& reader,
    codec::JsonReader::LargeIntegers large = codec::JsonReader::LargeIntegers::kRefused);
http::Response answer_json(int status, const codec::Json& json);

// Turns `Answer<Response> (Request, PathValues)` into an endpoint.
template <class Function>
http::Endpoints::Function endpoint(Function function) {
  return [function = std::move(function)](const http::Request& request, const http::PathValues& values) {
    Answer<http::Response> answer = function(request, values);
    return answer ? *std::move(answer) : std::move(answer).error();
  };
}

// GET of what may take long to read: a list, a page of the audit, the texts of policies. On workers of its
// own, so that no reader holds up an operator who stops something. What it refers to must outlive `to`.
Result<void> add_read(http::Endpoints& to, std::string_view path, http::Workers& readers,
                      http::Endpoints::Function function);

}  // namespace writ::api
