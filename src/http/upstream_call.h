// UpstreamCall: a Call to whichever address of an Upstream, and to another one where that is safe.
//
// It is used as a Call is, and its callbacks keep the same promises. A request is sent to another address,
// within the upstream's retries, in two cases:
//
//   nothing was sent, or done     no connection came about (RFC 9110 §9.2.2), or the upstream said so over
//                                 HTTP/2 (RFC 9113 §8.7); then it may be any request
//   the connection ended before   the method is idempotent and there is no body; what was sent is sent again,
//   the first byte of an answer   byte for byte but for Host, which is each URL's own
//
// An answer that has begun is never replaced, and a timeout after sending is an answer of its own. Loop
// thread only.
#pragma once

#include <memory>
#include <string_view>

#include "http/client.h"
#include "http/upstream.h"

namespace writ::http {

class UpstreamCall {
 public:
  UpstreamCall() = default;  // no call yet; using it is a defect
  UpstreamCall(UpstreamCall&& other) noexcept = default;
  UpstreamCall& operator=(UpstreamCall&& other) noexcept;
  ~UpstreamCall();
  explicit operator bool() const noexcept { return tries_ != nullptr; }

  // kOverloaded by its callbacks: the upstream's max_requests are in flight. The client outlives the call.
  static UpstreamCall open(Client& client, Upstream& upstream, Outbound request);

  // As those of Call.
  void write_body(std::string_view bytes, Call::Done callback);
  void finish_body(Call::Done callback, Headers trailers = {});
  void read_head(Call::HeadDone callback);
  void read_body(Call::PieceDone callback);
  Headers take_trailers();

 private:
  class Tries;
  void drop() noexcept;
  std::shared_ptr<Tries> tries_;
};

}  // namespace writ::http
