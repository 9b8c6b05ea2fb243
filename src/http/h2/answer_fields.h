// The strict reading of an answer's fields in HTTP/2 (RFC 9113 §8): what an upstream may say to Writ.
//
// What passes is written to the caller as HTTP/1.1 or HTTP/2, so nothing may stand in it that either would
// not have let pass. nghttp2 looks at much of this as well; nothing here relies on it. Pure; internal to
// http.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/h1/framing.h"
#include "http/headers.h"

namespace writ::http {

class AnswerFields {
 public:
  explicit AnswerFields(const HeadLimits& limits) : limits_(limits) {}

  // Field by field as they come. After a fault nothing more is kept.
  void add(std::string_view name, std::string_view value);
  struct Answer {
    int status;
    std::optional<std::uint64_t> content_length;
    Headers headers;
  };
  // The block is over; or what is wrong with it.
  std::expected<Answer, std::string> finish();

 private:
  void add_pseudo(std::string_view name, std::string_view value);
  void malformed(std::string_view message);

  const HeadLimits limits_;
  std::string fault_;
  Headers headers_;
  int status_ = 0;
  std::optional<std::uint64_t> content_length_;
  std::size_t bytes_ = 0;
};

// The fields behind a body (RFC 9113 §8.1), of a request or an answer. What is malformed or more than a head
// may be stays out, and says so.
class TrailersRead {
 public:
  // False: malformed.
  bool add(std::string_view name, std::string_view value, const HeadLimits& limits);
  Headers take() noexcept { return std::move(trailers_); }

 private:
  Headers trailers_;
  std::size_t bytes_ = 0;
};

}  // namespace writ::http
