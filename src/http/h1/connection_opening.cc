// How a Connection begins: what a proxy says of it, and TLS. Nothing is promised to anyone by then.
#include <fmt/format.h>

#include "base/notice.h"
#include "http/h1/connection.h"
#include "http/net/proxy_header.h"

namespace writ::http {

// Exactly the header is read: behind it TLS begins, which reads for itself.
void Connection::read_proxy_header() {
  if (in_.empty()) expire_after(core_->options.handshake_timeout);
  const auto have = in_.unread();
  std::size_t wanted = kProxyPrefixBytes;
  if (have.size() >= kProxyPrefixBytes) {
    const auto size = proxy_header_size(have.substr(0, kProxyPrefixBytes));
    if (!size || have.size() == *size) return on_proxy_header(have);
    wanted = *size;
  }
  const auto space = in_.space(wanted, kMaxProxyBytes);
  stream_.async_receive(asio::buffer(space.data, std::min(space.size, wanted - have.size())),
                        [self = shared_from_this()](SystemError error, std::size_t count) {
                          self->guarded([&] {
                            if (self->state_ == State::kClosed) return;
                            if (error) return self->close();
                            self->in_.filled(count);
                            self->read_proxy_header();
                          });
                        });
}

void Connection::on_proxy_header(std::string_view bytes) {
  const auto header = parse_proxy_header(bytes);
  if (!header) {
    core_->proxy_headers_refused.fetch_add(1, std::memory_order_relaxed);
    static Notice notice;
    if (const auto times = notice.due())
      say_limit(fmt::format("a connection of the proxy {} was closed: {} ({} times, of all proxies)",
                            peer_.text(), header.error(), *times));
    return close();
  }
  in_.use(bytes.size());
  if (header->source && !belongs_to(*header->source)) return close();
  core_->options.tls != nullptr ? begin_tls() : opened();
}

// From here on its place is that of the source, as if it had come without the proxy. False: that one has as
// many as it may.
bool Connection::belongs_to(const Address& source) {
  const Places::Holder now{Source::of(source), core_->options.proxies.contains(source)};
  if (core_->places.pass_on(holder_, now) != Places::Answer::kTaken) {
    core_->over_source_limit.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  strike_off();
  holder_ = now;
  peer_ = source;
  request_.peer_ip = source.text();
  enlist();
  return true;
}

void Connection::begin_tls() {
  expire_after(core_->options.handshake_timeout);
  stream_.secure(core_->tls.get()->session(stream_.socket().native_handle(), core_->options.http2));
  // Nothing is computed before the client has said something.
  stream_.async_wait_for(TlsSession::Step::kWantRead, [self = shared_from_this()](SystemError error) {
    error ? self->close() : self->guarded([&] { self->shake_hands(); });
  });
}

// A step takes up to a millisecond, so each waits for its turn.
void Connection::shake_hands() {
  core_->loops.impl().loops[loop_]->handshakes.add([self = shared_from_this()] {
    self->guarded([&] {
      if (self->state_ == State::kClosed) return;
      const auto step = self->stream_.tls()->handshake();
      switch (step) {
        case TlsSession::Step::kDone:
          self->core_->handshakes.fetch_add(1, std::memory_order_relaxed);
          // A proxy's own says nothing of who is behind it.
          if (!self->holder_.proxy) {
            self->request_.peer_certificate = self->stream_.tls()->peer_certificate();
            self->request_.peer_names = self->stream_.tls()->peer_names();
          }
          return self->opened();
        case TlsSession::Step::kEnd:
        case TlsSession::Step::kFailed:
          return self->handshake_failed();
        case TlsSession::Step::kAgain:
          return self->shake_hands();
        case TlsSession::Step::kWantRead:
        case TlsSession::Step::kWantWrite:
          break;
      }
      self->stream_.async_wait_for(step, [self](SystemError error) {
        error ? self->close() : self->guarded([&] { self->shake_hands(); });
      });
    });
  });
}

// OpenSSL has told the client, as far as TLS has words for it. One who spoke plain HTTP is told in plain.
void Connection::handshake_failed() {
  core_->handshakes_failed.fetch_add(1, std::memory_order_relaxed);
  if (!stream_.tls()->spoke_http()) return close();
  stream_.secure(nullptr);
  state_ = State::kHead;
  refuse({.status = 400,
          .code = "malformed_request",
          .message = "this is plain HTTP; writ speaks TLS here: use `https`"});
}

}  // namespace writ::http
