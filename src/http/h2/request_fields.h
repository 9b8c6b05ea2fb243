// The strict reading of a request's fields in HTTP/2 (RFC 9113 §8), into the same Request that HTTP/1 makes.
//
// What goes upstream is HTTP/1.1, written from this Request. So nothing may stand in it that HTTP/1 would not
// have let pass: no line ends in names and values, no framing fields, one host, one length, a target without
// spaces. nghttp2 looks at much of this as well, and more leniently; nothing here relies on it. Pure;
// internal to http.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "http/h1/framing.h"
#include "http/request.h"

namespace writ::http {

// Why there is no request. A malformed one resets its stream (RFC 9113 §8.1.1); what Writ does not take gets
// an answer, as in HTTP/1.
struct FieldsFault {
  bool malformed;
  FramingRefusal refusal;
};

class RequestFields {
 public:
  // `into` is new, and stays where it is until finish(). `web_sockets`: an extended CONNECT for a WebSocket
  // (RFC 8441) becomes the GET that it would be over HTTP/1.1, and Framing::web_socket says so.
  RequestFields(const HeadLimits& limits, Request& into, bool web_sockets = false)
      : limits_(limits), web_sockets_(web_sockets), request_(into) {}

  // Field by field as they come. After a fault nothing more is kept.
  void add(std::string_view name, std::string_view value);
  // The block is over; `ended`: and the request with it, there is no body.
  std::expected<Framing, FieldsFault> finish(bool ended);

 private:
  void add_pseudo(std::string_view name, std::string_view value);
  void add_regular(std::string_view name, std::string_view value);
  void note_host();
  void malformed(std::string_view message);
  void refuse(int status, std::string_view code, std::string message);
  std::optional<FieldsFault> check_target();
  void check_protocol(bool ended);

  const HeadLimits limits_;
  const bool web_sockets_;
  Request& request_;
  std::optional<FieldsFault> fault_;
  Framing framing_;
  std::size_t bytes_ = 0;
  std::size_t count_ = 0;
  bool regular_ = false;  // a field that is not a pseudo-header field has come
  bool has_method_ = false, has_scheme_ = false, has_path_ = false;
  std::optional<std::string> authority_, protocol_;
  bool has_host_ = false;
  std::string cookies_;
};

// RFC 9113 §8.1: a field as it may stand after a body.
bool is_trailer_field(std::string_view name, std::string_view value) noexcept;

}  // namespace writ::http
