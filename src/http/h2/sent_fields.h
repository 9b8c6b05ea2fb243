// The fields of a message as HTTP/2 sends them (RFC 9113 §8.2, §8.3). Internal to http.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nghttp2/nghttp2.h>
#include <optional>
#include <string>
#include <vector>

#include "http/client.h"
#include "http/headers.h"

namespace writ::http {

// Fields that belong to a connection are left out, as are invalid ones; names are lower case.
class SentFields {
 public:
  SentFields(const SentFields&) = delete;
  SentFields& operator=(const SentFields&) = delete;

  const nghttp2_nv* data() const noexcept { return fields_.data(); }
  std::size_t size() const noexcept { return fields_.size(); }

 protected:
  // Room for all of `headers`, and so much beside them.
  SentFields(const Headers& headers, std::size_t more_bytes, std::size_t more_fields);
  void add(std::string_view name, std::string_view value);

 private:
  std::string bytes_;
  std::vector<nghttp2_nv> fields_;
};

// The same that append_response_head (h1/response_writer.h) would write: fields that the server itself
// answers for are left out.
class ResponseFields : public SentFields {
 public:
  // `own`: the server's word: 429 and 503 say when to try again.
  ResponseFields(int status, const Headers& headers, std::optional<std::uint64_t> length, bool own);
};

// What a call sends: the fields that the client itself answers for are left out.
class CallFields : public SentFields {
 public:
  CallFields(const Outbound& request, const Origin& origin);
};

class TrailerFields : public SentFields {
 public:
  explicit TrailerFields(const Headers& trailers);
};

}  // namespace writ::http
