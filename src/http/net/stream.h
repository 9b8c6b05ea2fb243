// Stream: a connection's bytes, over plain TCP or TLS. What is above reads and writes without knowing which;
// plain TCP costs a look at a pointer.
//
// The socket does not block. As with Asio's sockets, a callback never comes from inside the call that was
// given it, and what is read goes into the caller's buffer, which stays until then. The callback keeps the
// stream alive. Loop thread only. Internal to http.
#pragma once

#include <memory>
#include <utility>

#include "http/net/asio.h"
#include "http/tls/session.h"

namespace writ::http {

class Stream {
 public:
  explicit Stream(Tcp::socket socket) : socket_(std::move(socket)) {}
  explicit Stream(asio::io_context& context) : socket_(context) {}

  Tcp::socket& socket() noexcept { return socket_; }
  auto get_executor() { return socket_.get_executor(); }
  // From here on all bytes are of this session, whose handshake is done first.
  void secure(std::unique_ptr<TlsSession> tls) noexcept { tls_ = std::move(tls); }
  TlsSession* tls() noexcept { return tls_.get(); }

  // Something has come: error and number of bytes. The end is `eof`; over TLS an end that the peer did not
  // announce is another error, since somebody may have cut the rest off.
  template <class Handler>
  void async_receive(asio::mutable_buffer space, Handler handler) {
    if (tls_ == nullptr) return socket_.async_receive(space, std::move(handler));
    if (!tls_->has_pending()) return read_once(Tcp::socket::wait_read, space, std::move(handler));
    asio::post(socket_.get_executor(),
               [this, space, handler = std::move(handler)]() mutable { read(space, std::move(handler)); });
  }
  template <class Handler>
  void async_wait_to_write(Handler handler) {
    socket_.async_wait(Tcp::socket::wait_write, std::move(handler));
  }
  // Waits for what a step of the handshake, which has not failed, waits for.
  template <class Handler>
  void async_wait_for(TlsSession::Step step, Handler handler) {
    socket_.async_wait(
        step == TlsSession::Step::kWantWrite ? Tcp::socket::wait_write : Tcp::socket::wait_read,
        std::move(handler));
  }

  // Nothing more is sent. Over TLS the peer is told so.
  void shutdown_send() noexcept {
    SystemError ignored;
    if (tls_ != nullptr) tls_->end();
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  }
  // The end that close() makes is one that no peer takes for a proper one.
  void reset_on_close() noexcept {
    SystemError ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  }
  // Without a word: a peer over TLS sees that what it has may not be all. The session goes first: the number
  // of its socket may be another connection's next.
  void close() noexcept {
    SystemError ignored;
    tls_.reset();
    socket_.close(ignored);
  }

 private:
  template <class Handler>
  void read_once(Tcp::socket::wait_type what, asio::mutable_buffer space, Handler handler) {
    socket_.async_wait(what, [this, space, handler = std::move(handler)](SystemError error) mutable {
      error ? handler(error, 0) : read(space, std::move(handler));
    });
  }
  template <class Handler>
  void read(asio::mutable_buffer space, Handler handler) {
    if (tls_ == nullptr) return handler(asio::error::operation_aborted, 0);  // closed meanwhile
    std::size_t count = 0;
    switch (tls_->read(static_cast<char*>(space.data()), space.size(), count)) {
      case TlsSession::Step::kDone:
        return handler(SystemError(), count);
      case TlsSession::Step::kWantRead:
        return read_once(Tcp::socket::wait_read, space, std::move(handler));
      case TlsSession::Step::kWantWrite:
        return read_once(Tcp::socket::wait_write, space, std::move(handler));
      case TlsSession::Step::kAgain:
        return asio::post(socket_.get_executor(), [this, space, handler = std::move(handler)]() mutable {
          read(space, std::move(handler));
        });
      case TlsSession::Step::kEnd:
        return handler(asio::error::eof, 0);
      case TlsSession::Step::kFailed:
        return handler(asio::error::connection_reset, 0);
    }
  }

  Tcp::socket socket_;
  std::unique_ptr<TlsSession> tls_;  // null: plain; destroyed before the socket it works on
};

}  // namespace writ::http
