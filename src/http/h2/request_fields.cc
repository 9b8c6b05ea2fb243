#include "http/h2/request_fields.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "codec/ascii.h"
#include "http/h2/nghttp2.h"
#include "http/target.h"

namespace writ::http {
namespace {

// RFC 9113 §8.2.1: names are lower case.
bool is_field_name(std::string_view name) noexcept {
  return is_token(name) && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
}

// RFC 9113 §8.2.1: no white space at its ends either, which HTTP/1 would drop.
bool is_exact_value(std::string_view value) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  return is_field_value(value) && (value.empty() || (!blank(value.front()) && !blank(value.back())));
}

// RFC 9113 §8.2.2: what belongs to one HTTP/1 connection. A gateway that passed it on would let its sender
// frame somebody else's request.
bool is_of_http1(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 5> kNames = {"connection", "keep-alive", "proxy-connection",
                                                             "transfer-encoding", "upgrade"};
  return std::ranges::find(kNames, name) != kNames.end();
}

}  // namespace

bool is_trailer_field(std::string_view name, std::string_view value) noexcept {
  return is_field_name(name) && is_exact_value(value) && !is_of_http1(name);
}

void RequestFields::malformed(std::string_view message) {
  fault_ =
      FieldsFault{.malformed = true,
                  .refusal = {.status = 400, .code = "malformed_request", .message = std::string(message)}};
}

void RequestFields::refuse(int status, std::string_view code, std::string message) {
  fault_ = FieldsFault{.malformed = false,
                       .refusal = {.status = status, .code = code, .message = std::move(message)}};
}

void RequestFields::add(std::string_view name, std::string_view value) {
  if (fault_) return;
  bytes_ += name.size() + value.size() + h2::kFieldOverhead;
  if (name == ":path" && value.size() > limits_.max_target_bytes)
    return refuse(414, "target_too_long",
                  fmt::format("the request target is longer than {} bytes", limits_.max_target_bytes));
  if (bytes_ > limits_.max_head_bytes)
    return refuse(431, "head_too_large",
                  fmt::format("the request's head is larger than {} bytes", limits_.max_head_bytes));
  if (name.starts_with(':')) return add_pseudo(name, value);
  if (++count_ > limits_.max_headers)
    return refuse(431, "too_many_headers", fmt::format("more than {} header fields", limits_.max_headers));
  note_host();
  regular_ = true;
  add_regular(name, value);
}

// RFC 9113 §8.3: each once, before all others, and no others.
void RequestFields::add_pseudo(std::string_view name, std::string_view value) {
  if (regular_) return malformed("a pseudo-header field stands behind another field");
  const auto once = [&](bool& has) {
    if (std::exchange(has, true)) malformed("a pseudo-header field is there twice");
    return !fault_;
  };
  if (name == ":method") {
    if (!once(has_method_)) return;
    if (!is_token(value) || value.size() > kMaxMethodBytes) return malformed("the method is not a token");
    request_.method = value;
  } else if (name == ":path") {
    if (!once(has_path_)) return;
    // What would end a request line of HTTP/1 has no place here.
    if (value.empty() || std::ranges::any_of(value, [](unsigned char c) { return c <= 0x20 || c == 0x7f; }))
      return malformed("the path is empty, or has a space or control character");
    request_.target = value;
  } else if (name == ":scheme") {
    if (!once(has_scheme_)) return;
    if (!equal_ignoring_case(value, "http") && !equal_ignoring_case(value, "https"))
      return malformed("the scheme is neither `http` nor `https`");
  } else if (name == ":authority") {
    if (authority_) return malformed("a pseudo-header field is there twice");
    if (!is_exact_value(value)) return malformed("the authority has a control character");
    authority_ = value;
  } else if (name == ":protocol" && web_sockets_) {
    if (protocol_) return malformed("a pseudo-header field is there twice");
    protocol_ = value;
  } else {
    malformed("a pseudo-header field is not one of a request");
  }
}

// All pseudo-header fields are there: their host stands first, where HTTP/1 has it.
void RequestFields::note_host() {
  if (regular_ || !authority_ || authority_->empty()) return;
  request_.headers.add("host", *authority_);
}

void RequestFields::add_regular(std::string_view name, std::string_view value) {
  if (!is_field_name(name)) return malformed("a header name has an invalid character, or a capital");
  if (!is_exact_value(value))
    return malformed("a header value has a control character, or a space at an end");
  if (is_of_http1(name)) return malformed("a header field belongs to a connection of HTTP/1");
  switch (name.size()) {
    case 2:
      if (name == "te" && value != "trailers") return malformed("the `te` field says more than `trailers`");
      break;
    case 4:
      if (name != "host") break;
      if (std::exchange(has_host_, true)) return malformed("more than one host header");
      // RFC 9113 §8.3.1: who says two hosts misleads somebody.
      if (authority_ && !authority_->empty()) {
        if (!equal_ignoring_case(*authority_, value))
          malformed("the host header and `:authority` name different hosts");
        return;
      }
      authority_ = value;
      break;
    case 6:
      if (name == "expect") {
        if (!equal_ignoring_case(value, "100-continue"))
          return refuse(417, "expectation_failed", "the only expectation writ meets is `100-continue`");
        framing_.expect_continue = true;
      } else if (name == "cookie") {
        // RFC 9113 §8.2.3: the crumbs are one field again before anybody else sees them. An empty one would
        // leave a blank at its end, which HTTP/1 reads away.
        if (value.empty()) return;
        if (!cookies_.empty()) cookies_.append("; ");
        cookies_.append(value);
        return;
      }
      break;
    case 14:
      if (name != "content-length") break;
      if (framing_.content_length) return malformed("more than one content-length");
      framing_.content_length = parse_content_length(value);
      if (!framing_.content_length) return malformed("the content-length is not a decimal number");
      break;
    default:
      break;
  }
  request_.headers.add(name, value);
}

std::expected<Framing, FieldsFault> RequestFields::finish(bool ended) {
  if (!fault_ && !has_method_) malformed("the method is missing");
  if (!fault_ && protocol_) check_protocol(ended);
  if (!fault_ && request_.method == "CONNECT")
    refuse(501, "not_implemented", "writ is not a tunnel: CONNECT is not implemented");
  if (!fault_ && (!has_scheme_ || !has_path_)) malformed("the scheme or the path is missing");
  if (!fault_) fault_ = check_target();
  // RFC 9113 §8.1.1: a length that the data can't have any more.
  if (!fault_ && ended && framing_.content_length.value_or(0) > 0)
    malformed("the content-length is not that of the body");
  if (fault_) return std::unexpected(*std::move(fault_));
  note_host();
  if (!cookies_.empty()) request_.headers.add("cookie", cookies_);
  // As what has chunks in HTTP/1: only its end tells how long it is.
  framing_.chunked = !ended && !framing_.content_length && !framing_.web_socket;
  return framing_;
}

// RFC 8441 §4.
void RequestFields::check_protocol(bool ended) {
  if (request_.method != "CONNECT") return malformed("`:protocol` is of a CONNECT");
  if (!equal_ignoring_case(*protocol_, "websocket"))
    return refuse(501, "not_implemented", "the only protocol that writ connects is `websocket`");
  if (ended || framing_.content_length)
    return malformed("a WebSocket has no length, and does not end at once");
  request_.method = "GET";
  framing_.web_socket = true;
}

std::optional<FieldsFault> RequestFields::check_target() {
  const auto refused = [](int status, std::string_view code, std::string message) {
    return FieldsFault{.malformed = false,
                       .refusal = {.status = status, .code = code, .message = std::move(message)}};
  };
  if (!authority_ || authority_->empty())
    return refused(400, "malformed_request", "`:authority` and the host header are missing");
  if (!is_valid_host(*authority_))
    return refused(400, "malformed_request", "`:authority` is not a host with an optional port");
  request_.host = codec::lowered(*authority_);
  if (request_.target == "*" && request_.method == "OPTIONS")
    return refused(501, "not_implemented", "`OPTIONS *` is not implemented: ask for a path");
  // RFC 9113 §8.3.1: a path, and never a whole URI as in HTTP/1.
  if (request_.target[0] != '/')
    return refused(400, "malformed_request", "`:path` does not begin with a slash");
  std::string host;
  const auto target =
      parse_target_into(request_.target, request_.path, request_.encoded_path, request_.query, host);
  if (!target) return refused(400, "malformed_request", target.error().message);
  return std::nullopt;
}

}  // namespace writ::http
