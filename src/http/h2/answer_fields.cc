#include "http/h2/answer_fields.h"

#include <fmt/format.h>

#include "http/h2/nghttp2.h"
#include "http/h2/request_fields.h"

namespace writ::http {
void AnswerFields::malformed(std::string_view message) {
  if (fault_.empty()) fault_ = message;
}

void AnswerFields::add(std::string_view name, std::string_view value) {
  if (!fault_.empty()) return;
  bytes_ += name.size() + value.size() + h2::kFieldOverhead;
  if (bytes_ > limits_.max_head_bytes)
    return malformed(fmt::format("the head is larger than {} bytes", limits_.max_head_bytes));
  if (name.starts_with(':')) return add_pseudo(name, value);
  if (headers_.size() >= limits_.max_headers)
    return malformed(fmt::format("more than {} header fields", limits_.max_headers));
  if (status_ == 0) return malformed("`:status` is missing, or behind another field");
  if (!is_trailer_field(name, value) || name == "te") return malformed("a header field is not one of HTTP/2");
  if (name == "content-length") {
    if (content_length_) return malformed("more than one content-length");
    content_length_ = parse_content_length(value);
    if (!content_length_) return malformed("the content-length is not a decimal number");
  }
  headers_.add(name, value);
}

// RFC 9113 §8.3.2: one, before all others, and no others.
void AnswerFields::add_pseudo(std::string_view name, std::string_view value) {
  if (!headers_.empty()) return malformed("a pseudo-header field stands behind another field");
  if (name != ":status") return malformed("a pseudo-header field is not one of an answer");
  if (status_ != 0) return malformed("`:status` is there twice");
  const auto digit = [&](std::size_t at) { return value[at] >= '0' && value[at] <= '9'; };
  if (value.size() != 3 || !digit(0) || !digit(1) || !digit(2) || value[0] < '1' || value[0] > '5')
    return malformed("`:status` is not a status of three digits");
  status_ = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
  // RFC 9113 §8.6.
  if (status_ == 101) malformed("101 is not a status of HTTP/2");
}

std::expected<AnswerFields::Answer, std::string> AnswerFields::finish() {
  if (status_ == 0) malformed("`:status` is missing");
  if (!fault_.empty()) return std::unexpected(std::move(fault_));
  return Answer{.status = status_, .content_length = content_length_, .headers = std::move(headers_)};
}

bool TrailersRead::add(std::string_view name, std::string_view value, const HeadLimits& limits) {
  bytes_ += name.size() + value.size() + h2::kFieldOverhead;
  if (!is_trailer_field(name, value) || bytes_ > limits.max_head_bytes ||
      trailers_.size() >= limits.max_headers)
    return false;
  trailers_.add(name, value);
  return true;
}

}  // namespace writ::http
