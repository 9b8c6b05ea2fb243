#include "http/server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <thread>

#include "base/check.h"
#include "http/asio.h"
#include "http/connection.h"

namespace writ::http {
namespace {

// Pause after an accept that failed for want of file descriptors or memory.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string endpoint_text(const ServerOptions& options) {
  return options.address.find(':') == std::string::npos
             ? fmt::format("{}:{}", options.address, options.port)
             : fmt::format("[{}]:{}", options.address, options.port);
}

}  // namespace

struct Server::Impl {
  Impl(std::shared_ptr<ServerCore> shared, asio::io_context& context)
      : core(std::move(shared)), acceptor(context) {}

  Result<void> listen() {
    SystemError error;
    const auto address = asio::ip::make_address(core->options.address, error);
    if (error) {
      return failure(
          ErrorCode::kInvalid,
          fmt::format("cannot listen on `{}`: not an IP address; correct `listen`", core->options.address));
    }
    const Tcp::endpoint endpoint(address, core->options.port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) port = acceptor.local_endpoint(error).port();
    if (error == asio::error::address_in_use) {
      return failure(
          ErrorCode::kConflict,
          fmt::format(
              "cannot listen on {}: address already in use; stop the other process or change `listen`",
              endpoint_text(core->options)));
    }
    if (error) {
      return failure(ErrorCode::kIo,
                     fmt::format("cannot listen on {}: {}", endpoint_text(core->options), error.message()));
    }
    return {};
  }

  void accept() {
    const std::size_t loop = next_loop++ % core->loops.size();
    acceptor.async_accept(core->loops.impl().loops[loop]->context,
                          [this, loop](SystemError error, Tcp::socket socket) {
                            if (core->stopping) return;
                            if (error) return pause();
                            admit(loop, std::move(socket));
                            accept();
                          });
  }

  void pause() {
    retry.expires_after(kAcceptPause);
    retry.async_wait([this](SystemError error) {
      if (!error && !core->stopping) accept();
    });
  }

  void admit(std::size_t loop, Tcp::socket socket) {
    core->accepted.fetch_add(1, std::memory_order_relaxed);
    if (core->open.fetch_add(1, std::memory_order_relaxed) >= core->options.max_connections) {
      core->open.fetch_sub(1, std::memory_order_relaxed);
      core->refused.fetch_add(1, std::memory_order_relaxed);
      static constexpr std::string_view kFull =
          "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: "
          "73\r\nRetry-After: 1\r\n"
          "Connection: close\r\n\r\n{\"error\":\"too_many_connections\",\"message\":\"the server has no free "
          "slot\"}\n";
      SystemError ignored;
      socket.non_blocking(true, ignored);
      socket.send(asio::buffer(kFull), 0, ignored);
      socket.shutdown(Tcp::socket::shutdown_send, ignored);
      return;
    }
    auto connection = std::make_shared<Connection>(core, loop, std::move(socket));
    core->loops.post(loop, [connection = std::move(connection)] { connection->begin(); });
  }

  const std::shared_ptr<ServerCore> core;
  Tcp::acceptor acceptor;
  asio::steady_timer retry{acceptor.get_executor()};
  std::size_t next_loop = 0;
  std::uint16_t port = 0;
  bool stopped = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  stop(std::chrono::milliseconds(0));
}

Result<std::unique_ptr<Server>> Server::start(Loops& loops, ServerOptions options,
                                              std::shared_ptr<Handler> handler) {
  WRIT_CHECK(handler != nullptr);
  auto core = std::make_shared<ServerCore>(loops, std::move(options), std::move(handler));
  auto impl = std::make_unique<Impl>(std::move(core), loops.impl().loops[0]->context);
  TRY(impl->listen());
  loops.post(0, [raw = impl.get()] { raw->accept(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const noexcept {
  return impl_->port;
}

ServerStats Server::stats() const noexcept {
  const ServerCore& core = *impl_->core;
  return {.connections_accepted = core.accepted.load(std::memory_order_relaxed),
          .connections_refused = core.refused.load(std::memory_order_relaxed),
          .connections_open = core.open.load(std::memory_order_relaxed),
          .requests = core.requests.load(std::memory_order_relaxed),
          .requests_malformed = core.malformed.load(std::memory_order_relaxed)};
}

bool Server::stop(std::chrono::milliseconds deadline) {
  const auto& core = impl_->core;
  if (std::exchange(impl_->stopped, true)) return true;
  WRIT_CHECK(core->loops.current() == Loops::none);
  core->stopping = true;
  const auto on_every_loop = [&](auto action) {
    for (std::size_t loop = 0; loop < core->loops.size(); ++loop)
      core->loops.run(loop, [&, loop] { action(loop); });
  };
  core->loops.run(0, [&] {
    SystemError ignored;
    impl_->acceptor.close(ignored);
    impl_->retry.cancel();
  });
  const auto each_connection = [&](auto action) {
    on_every_loop([&](std::size_t loop) {
      std::vector<std::shared_ptr<Connection>> all;
      for (Connection* connection : core->connections[loop]) all.push_back(connection->shared_from_this());
      for (const auto& connection : all) action(*connection);
    });
  };
  each_connection([](Connection& connection) { connection.drain_for_stop(); });
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (core->open > 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const bool all_finished = core->open == 0;
  each_connection([](Connection& connection) { connection.close(); });
  // What was accepted but not begun, and the acceptor's last word, are in the queues before this.
  on_every_loop([](std::size_t) {});
  return all_finished;
}

}  // namespace writ::http
