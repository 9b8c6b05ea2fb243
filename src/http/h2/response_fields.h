// The fields of an answer as HTTP/2 sends them (RFC 9113 §8.3.2). Internal to http.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nghttp2/nghttp2.h>
#include <optional>
#include <string>
#include <vector>

#include "http/headers.h"

namespace writ::http {

// The same that append_response_head (h1/response_writer.h) would write: fields that the server itself
// answers for are left out, as are invalid ones; names are lower case.
class ResponseFields {
 public:
  // `own`: the server's word: 429 and 503 say when to try again.
  ResponseFields(int status, const Headers& headers, std::optional<std::uint64_t> length, bool own);
  ResponseFields(const ResponseFields&) = delete;
  ResponseFields& operator=(const ResponseFields&) = delete;

  const nghttp2_nv* data() const noexcept { return fields_.data(); }
  std::size_t size() const noexcept { return fields_.size(); }

 private:
  void add(std::string_view name, std::string_view value);

  std::string bytes_;
  std::vector<nghttp2_nv> fields_;
};

}  // namespace writ::http
