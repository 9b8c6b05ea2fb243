// What an Exchange asks of its connection. Internal to http.
#pragma once

#include "http/exchange.h"
#include "http/h1/framing.h"

namespace writ::http::internal {

class ExchangeSide {
 public:
  virtual ~ExchangeSide() = default;
  virtual bool body_at_hand() const noexcept = 0;
  virtual void keep_body() = 0;
  virtual void read_body(BodyCallback callback) = 0;
  virtual void read_whole_body(std::uint64_t max_bytes, BodyOf whose,
                               std::move_only_function<void(Exchange)> callback) = 0;
  virtual void respond(Response response) = 0;  // any thread
  virtual void start(ResponseHead head) = 0;
  virtual void write(std::string_view bytes, DoneCallback callback) = 0;
  virtual void finish(Headers trailers) = 0;
  virtual void let_last() {}
  virtual void abort() = 0;      // any thread
  virtual void abandoned() = 0;  // the exchange is gone without an end to its answer; any thread

  Request request_;
  Headers trailers_;
  Framing framing_;
  std::size_t loop_ = 0;
  bool answered_ = false;
  bool carries_trailers_ = false;
  // Of the request at hand, and of whoever holds its exchange.
  Headers added_;
  std::shared_ptr<void> kept_;
};

}  // namespace writ::http::internal
