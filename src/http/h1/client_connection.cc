#include "http/h1/client_connection.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "base/notice.h"

namespace writ::http {
namespace {
constexpr std::size_t kReadBufferBytes = 16 * 1024;
constexpr std::size_t kBodyReadBufferBytes = 64 * 1024;

Address address_of(const Tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  const auto v6 =
      address.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()) : address.to_v6();
  return {v6.to_bytes()};
}
}  // namespace

ClientConnection::ClientConnection(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin,
                                   bool http2)
    : in(kReadBufferBytes),
      core_(std::move(core)),
      loop_(loop),
      origin_(origin),
      offers_http2_(http2),
      stream_(core_->loops.impl().loops[loop]->context) {
  watch(core_->loops.impl().loops[loop]->deadlines);
  ++pool().open;
  core_->opened.fetch_add(1, std::memory_order_relaxed);
}

ClientConnection::~ClientConnection() = default;

void ClientConnection::connect() {
  expire_after(core_->options.connect_timeout);
  if (!origin_.socket.empty()) return connect_to_socket();
  SystemError error;
  const auto address =
      asio::ip::make_address(origin_.address.empty() ? origin_.host : origin_.address, error);
  if (!error) return on_resolved({Tcp::endpoint(address, origin_.port)});
  if (goes_through_proxy() && core_->options.proxy->resolves_names()) return ask_for_name();
  resolver_ = std::make_unique<Tcp::resolver>(stream_.get_executor());
  resolver_->async_resolve(
      origin_.host, std::to_string(origin_.port),
      [self = shared_from_this()](SystemError failed, const Tcp::resolver::results_type& endpoints) {
        if (self->closed_) return;
        if (failed) {
          return self->fail(
              CallError::Kind::kUnreachable,
              fmt::format("cannot resolve `{}`: {}", self->origin_.authority, failed.message()));
        }
        std::vector<Tcp::endpoint> all;
        for (const auto& entry : endpoints) all.push_back(entry.endpoint());
        self->on_resolved(std::move(all));
      });
}

// unix(7): connecting waits for nobody; it succeeds, or fails at once. From there on it is a socket like any.
void ClientConnection::connect_to_socket() {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int failed = made < 0 ? errno : 0;
  if (failed == 0 && origin_.socket.size() >= sizeof(name.sun_path)) failed = ENAMETOOLONG;
  if (failed == 0) {
    std::memcpy(name.sun_path, origin_.socket.data(), origin_.socket.size());
    // The system takes every family's address as the one that all begin with.
    if (::connect(made, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) failed = errno;
  }
  SystemError error;
  if (failed == 0) stream_.socket().assign(Tcp::v4(), made, error);
  if ((failed != 0 || error) && made >= 0) ::close(made);
  // Told from the loop: whoever opened this call has not its callbacks yet.
  asio::post(stream_.get_executor(), [self = shared_from_this(), failed, error] {
    if (self->closed_) return;
    if (failed == 0 && !error) return self->on_connected();
    self->fail(CallError::Kind::kUnreachable,
               fmt::format("cannot connect to unix:{}: {}", self->origin_.socket,
                           failed != 0 ? std::strerror(failed) : error.message()));
  });
}

// Connected to are the very addresses that the rules let pass.
void ClientConnection::on_resolved(std::vector<Tcp::endpoint> endpoints) {
  const auto self = shared_from_this();
  std::string refused;
  if (const auto& rules = core_->options.rules) {
    std::erase_if(endpoints, [&](const Tcp::endpoint& endpoint) {
      auto why = rules->refusal(address_of(endpoint), origin_.tls != nullptr);
      if (!why) return false;
      if (refused.empty()) refused = *std::move(why);
      return true;
    });
    // They share one timeout, and it is more often IPv6 that leads nowhere without a word.
    std::ranges::stable_partition(endpoints, [](const auto& each) { return each.address().is_v4(); });
  }
  if (endpoints.empty() && !refused.empty()) return fail(CallError::Kind::kUnreachable, std::move(refused));
  if (!endpoints.empty() && goes_through_proxy()) return ask_for_address(endpoints.front());
  connect_to(std::move(endpoints), 0);
}

// Tries the addresses in turn, all within one connect timeout.
void ClientConnection::connect_to(std::vector<Tcp::endpoint> endpoints, std::size_t index) {
  if (index == endpoints.size()) {
    return fail(CallError::Kind::kUnreachable,
                fmt::format("cannot connect to {}: it has no address", peer()));
  }
  const Tcp::endpoint endpoint = endpoints[index];
  stream_.socket().async_connect(endpoint, [self = shared_from_this(), endpoints = std::move(endpoints),
                                            index](SystemError error) mutable {
    if (self->closed_) return;
    if (!error) return self->on_connected();
    self->stream_.close();
    if (index + 1 < endpoints.size()) return self->connect_to(std::move(endpoints), index + 1);
    self->fail(CallError::Kind::kUnreachable,
               fmt::format("cannot connect to {}: {}", self->peer(), error.message()));
  });
}

void ClientConnection::on_connected() {
  SystemError error;
  stream_.socket().non_blocking(true, error);
  if (!error && origin_.socket.empty()) stream_.socket().set_option(Tcp::no_delay(true), error);
  if (error) return fail(CallError::Kind::kUnreachable, error.message());
  resolver_.reset();
  if (tunnel_ != nullptr) return ask_proxy();
  origin_.tls == nullptr ? ready() : secure();
}

void ClientConnection::secure() {
  stream_.secure(origin_.tls->session(stream_.socket().native_handle(), origin_.host, offers_http2_));
  shake_hands();
}

// All within the connect timeout.
void ClientConnection::shake_hands() {
  if (closed_) return;
  const auto step = stream_.tls()->handshake();
  const auto self = shared_from_this();
  switch (step) {
    case TlsSession::Step::kDone:
      return ready();
    case TlsSession::Step::kEnd:
    case TlsSession::Step::kFailed:
      return handshake_failed();
    case TlsSession::Step::kAgain:
      return asio::post(stream_.get_executor(), [self] { self->shake_hands(); });
    case TlsSession::Step::kWantRead:
    case TlsSession::Step::kWantWrite:
      break;
  }
  stream_.async_wait_for(step, [self](SystemError error) {
    if (!error) self->shake_hands();
  });
}

// The caller is told only that there is no connection; what has to be mended is the operator's business.
void ClientConnection::handshake_failed() {
  const auto message = fmt::format("no TLS connection to {} {}: {}", core_->options.peer, origin_.authority,
                                   stream_.tls()->why());
  static Notice notice;
  if (const auto times = core_->options.rules == nullptr ? notice.due() : std::nullopt)
    say_limit(fmt::format("{} ({} times, of all upstreams)", message, *times));
  fail(CallError::Kind::kUnreachable, message);
}

void ClientConnection::ready() {
  connected_ = true;
  speaks_http2_ = offers_http2_ && stream_.tls() != nullptr && stream_.tls()->protocol() == "h2";
  expire_never();
  if (owner_ == nullptr) return close();
  owner_->on_connected();
}

void ClientConnection::attach(ConnectionOwner& owner) {
  owner_ = &owner;
  reused_ = connected_;
  expire_never();
}

bool ClientConnection::is_quiet() noexcept {
  char byte = 0;
  const auto got = ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void ClientConnection::release() {
  owner_ = nullptr;
  if (closed_) return;
  auto& idle = pool().idle;
  in.shrink();
  if (idle.size() >= core_->options.max_idle_per_origin || !receive()) return close();
  expire_after(core_->options.idle_timeout);
  idle.push_back(shared_from_this());
}

void ClientConnection::close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  // Between two calls nothing is cut off, and the upstream may know.
  if (connected_ && owner_ == nullptr) stream_.shutdown_send();
  owner_ = nullptr;
  if (resolver_) resolver_->cancel();
  stream_.close();
  unwatch();
  auto& pools = core_->per_loop[loop_].pools;
  const auto mine = pools.find(origin_.pool);
  std::erase(mine->second.idle, self);
  if (--mine->second.open == 0) pools.erase(mine);
}

void ClientConnection::fail(CallError::Kind kind, std::string message) {
  ConnectionOwner* owner = std::exchange(owner_, nullptr);
  close();
  if (owner != nullptr) owner->on_failed(kind, std::move(message));
}

void ClientConnection::on_deadline() {
  const auto self = shared_from_this();
  const char* what = connected_ ? "did not answer in time" : "could not be connected to in time";
  const auto by = tunnel_ != nullptr ? fmt::format(" by {}", peer()) : std::string();
  fail(CallError::Kind::kTimeout,
       fmt::format("{} {} {}{}", core_->options.peer, origin_.authority, what, by));
}

void ClientConnection::send() {
  switch (queue.send(stream_)) {
    case SendQueue::Sent::kAll:
      if (owner_ != nullptr) owner_->on_sent();
      return;
    case SendQueue::Sent::kFailed:
      // The upstream may have answered before it closed: what it said is still to be read.
      queue.clear();
      expire_after(core_->options.read_timeout);
      if (!receive() && owner_ != nullptr) owner_->on_closed(false);
      return;
    case SendQueue::Sent::kBlocked:
      break;
  }
  expire_after(core_->options.write_timeout);
  stream_.async_wait_to_write([self = shared_from_this()](SystemError error) {
    if (self->closed_ || error) return;
    self->send();
  });
}

bool ClientConnection::receive() {
  if (receiving_ || closed_) return true;
  const std::size_t wanted = owner_ != nullptr ? kBodyReadBufferBytes : kReadBufferBytes;
  const auto space = in.space(wanted, kBodyReadBufferBytes);
  if (space.size == 0) return false;
  receiving_ = true;
  stream_.async_receive(asio::buffer(space.data, space.size),
                        [self = shared_from_this()](SystemError error, std::size_t count) {
                          self->receiving_ = false;
                          if (self->closed_) return;
                          // Idle: the upstream has closed, or speaks without having been asked.
                          if (self->owner_ == nullptr) return self->close();
                          if (error) return self->owner_->on_closed(error == asio::error::eof);
                          self->in.filled(count);
                          self->owner_->on_received();
                        });
  return true;
}

}  // namespace writ::http
