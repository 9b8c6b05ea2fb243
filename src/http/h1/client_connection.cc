#include "http/h1/client_connection.h"

#include <fmt/format.h>
#include <utility>

namespace writ::http {
namespace {
constexpr std::size_t kBufferBytes = 16 * 1024;
constexpr std::size_t kBodyBufferBytes = 64 * 1024;
}  // namespace

ClientConnection::ClientConnection(std::shared_ptr<ClientCore> core, std::size_t loop, std::string authority)
    : in(kBufferBytes),
      core_(std::move(core)),
      loop_(loop),
      authority_(std::move(authority)),
      socket_(core_->loops.impl().loops[loop]->context) {
  watch(core_->loops.impl().loops[loop]->deadlines);
  ++core_->per_loop[loop_].pool(authority_).open;
  core_->opened.fetch_add(1, std::memory_order_relaxed);
}

ClientConnection::~ClientConnection() = default;

void ClientConnection::connect(const Origin& origin) {
  expire_after(core_->options.connect_timeout);
  SystemError error;
  const auto address = asio::ip::make_address(origin.host, error);
  if (!error) return connect_to({Tcp::endpoint(address, origin.port)}, 0);
  resolver_ = std::make_unique<Tcp::resolver>(socket_.get_executor());
  resolver_->async_resolve(
      origin.host, std::to_string(origin.port),
      [self = shared_from_this()](SystemError failed, const Tcp::resolver::results_type& endpoints) {
        if (self->closed_) return;
        if (failed) {
          return self->fail(CallError::Kind::kUnreachable,
                            fmt::format("cannot resolve `{}`: {}", self->authority_, failed.message()));
        }
        self->on_resolved(endpoints);
      });
}

void ClientConnection::on_resolved(const Tcp::resolver::results_type& endpoints) {
  std::vector<Tcp::endpoint> all;
  for (const auto& entry : endpoints) all.push_back(entry.endpoint());
  connect_to(std::move(all), 0);
}

// Tries the addresses in turn, all within one connect timeout.
void ClientConnection::connect_to(std::vector<Tcp::endpoint> endpoints, std::size_t index) {
  if (index == endpoints.size()) {
    return fail(CallError::Kind::kUnreachable,
                fmt::format("cannot connect to {}: it has no address", authority_));
  }
  const Tcp::endpoint endpoint = endpoints[index];
  socket_.async_connect(endpoint, [self = shared_from_this(), endpoints = std::move(endpoints),
                                   index](SystemError error) mutable {
    if (self->closed_) return;
    if (!error) return self->on_connected();
    SystemError ignored;
    self->socket_.close(ignored);
    if (index + 1 < endpoints.size()) return self->connect_to(std::move(endpoints), index + 1);
    self->fail(CallError::Kind::kUnreachable,
               fmt::format("cannot connect to {}: {}", self->authority_, error.message()));
  });
}

void ClientConnection::on_connected() {
  SystemError error;
  socket_.non_blocking(true, error);
  if (!error) socket_.set_option(Tcp::no_delay(true), error);
  if (error) return fail(CallError::Kind::kUnreachable, error.message());
  resolver_.reset();
  connected_ = true;
  expire_never();
  if (owner_ == nullptr) return close();
  owner_->on_connected();
}

void ClientConnection::attach(CallState& owner) {
  owner_ = &owner;
  reused_ = connected_;
  expire_never();
}

void ClientConnection::release() {
  owner_ = nullptr;
  if (closed_) return;
  auto& pool = core_->per_loop[loop_].pool(authority_);
  in.shrink();
  if (pool.idle.size() >= core_->options.max_idle_per_origin || !receive()) return close();
  expire_after(core_->options.idle_timeout);
  pool.idle.push_back(shared_from_this());
}

void ClientConnection::close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  owner_ = nullptr;
  if (resolver_) resolver_->cancel();
  SystemError ignored;
  socket_.close(ignored);
  unwatch();
  auto& pool = core_->per_loop[loop_].pool(authority_);
  --pool.open;
  std::erase(pool.idle, self);
}

void ClientConnection::fail(CallError::Kind kind, std::string message) {
  CallState* owner = std::exchange(owner_, nullptr);
  close();
  if (owner != nullptr) owner->fail(kind, std::move(message));
}

void ClientConnection::on_deadline() {
  const auto self = shared_from_this();
  const char* what = connected_ ? "did not answer in time" : "could not be connected to in time";
  fail(CallError::Kind::kTimeout, fmt::format("upstream {} {}", authority_, what));
}

void ClientConnection::send() {
  switch (queue.send(socket_)) {
    case SendQueue::Sent::kAll:
      if (owner_ != nullptr) owner_->on_sent();
      return;
    case SendQueue::Sent::kFailed:
      // The upstream may have answered before it closed: what it said is still to be read.
      queue.clear();
      expire_after(core_->options.read_timeout);
      if (!receive() && owner_ != nullptr) owner_->on_closed();
      return;
    case SendQueue::Sent::kBlocked:
      break;
  }
  expire_after(core_->options.write_timeout);
  socket_.async_wait(Tcp::socket::wait_write, [self = shared_from_this()](SystemError error) {
    if (self->closed_ || error) return;
    self->send();
  });
}

bool ClientConnection::receive() {
  if (receiving_ || closed_) return true;
  const std::size_t wanted = owner_ != nullptr ? kBodyBufferBytes : kBufferBytes;
  const auto space = in.space(wanted, kBodyBufferBytes);
  if (space.size == 0) return false;
  receiving_ = true;
  socket_.async_receive(asio::buffer(space.data, space.size),
                        [self = shared_from_this()](SystemError error, std::size_t count) {
                          self->receiving_ = false;
                          if (self->closed_) return;
                          // Idle: the upstream has closed, or speaks without having been asked.
                          if (self->owner_ == nullptr) return self->close();
                          if (error) return self->owner_->on_closed();
                          self->in.filled(count);
                          self->owner_->on_received();
                        });
  return true;
}

}  // namespace writ::http
