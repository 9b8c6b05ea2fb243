#include "http/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "base/check.h"
#include "base/notice.h"
#include "http/h1/connection.h"
#include "http/inherited.h"
#include "http/net/asio.h"

namespace writ::http {
namespace {

// Pause after an accept that failed for want of file descriptors or memory.
constexpr std::chrono::milliseconds kAcceptPause{100};
// How often a newcomer looks for whoever has most.
constexpr int kRoundsForRoom = 8;
// How many connections a newcomer looks at for one that is idle.
constexpr int kLooksForIdle = 256;
constexpr int kRetryAfterSeconds = 1;
constexpr std::size_t kMostDiscarded = 64 * 1024;

std::string endpoint_text(const ServerOptions& options) {
  return options.address.find(':') == std::string::npos
             ? fmt::format("{}:{}", options.address, options.port)
             : fmt::format("[{}]:{}", options.address, options.port);
}

// A last word to a connection that gets no place. What its client has sent already is taken off the socket:
// closing over it would reset the connection before the word is read.
void turn_away(Tcp::socket socket, std::string_view status, std::string_view code, std::string_view message) {
  const auto body = fmt::format("{{\"error\":\"{}\",\"message\":\"{}\"}}\n", code, message);
  const auto answer = fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nRetry-After: {}\r\n"
      "Connection: close\r\n\r\n{}",
      status, body.size(), kRetryAfterSeconds, body);
  SystemError ignored;
  socket.non_blocking(true, ignored);
  socket.send(asio::buffer(answer), 0, ignored);
  socket.shutdown(Tcp::socket::shutdown_send, ignored);
  (void)::recv(socket.native_handle(), nullptr, kMostDiscarded, MSG_DONTWAIT | MSG_TRUNC);
}

// Who expects TLS, or speaks it behind a proxy, would not understand the word.
void turn_away(const ServerCore& core, Tcp::socket socket, std::string_view status,
               std::string_view message) {
  if (core.options.tls == nullptr && !core.options.proxy_protocol)
    turn_away(std::move(socket), status, "too_many_connections", message);
}

void turn_away_full(ServerCore& core, Tcp::socket socket) {
  core.refused.fetch_add(1, std::memory_order_relaxed);
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(fmt::format("all {} connections to {} are taken, newcomers get 503 ({} times)",
                          core.options.max_connections, endpoint_text(core.options), *times));
  turn_away(core, std::move(socket), "503 Service Unavailable", "the server has no free slot");
}

void turn_away_greedy(ServerCore& core, Tcp::socket socket, const Address& peer) {
  core.over_source_limit.fetch_add(1, std::memory_order_relaxed);
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(fmt::format(
        "{} has {} connections to {}, more get 429 ({} times, of all sources); proxies of your own "
        "belong in `listen.proxies`",
        peer.text(), core.options.max_connections_per_source, endpoint_text(core.options), *times));
  turn_away(core, std::move(socket), "429 Too Many Requests", "your address has too many connections");
}

// Whoever reaches a listener of the PROXY protocol could say that they are anybody.
void turn_away_unproxied(ServerCore& core, const Address& peer) {
  core.proxy_headers_refused.fetch_add(1, std::memory_order_relaxed);
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(
        fmt::format("{} is not in `listen.proxies`, and {} takes the PROXY protocol from those alone: "
                    "closed ({} times, of all sources)",
                    peer.text(), endpoint_text(core.options), *times));
}

// One that waits at the door.
struct Newcomer {
  std::size_t loop;
  Tcp::socket socket;
  Address peer;
  Places::Holder holder;
};

void admit(const std::shared_ptr<ServerCore>& core, Newcomer newcomer) {
  core->open.fetch_add(1, std::memory_order_relaxed);
  std::shared_ptr<Connection> connection;
  try {
    connection = std::make_shared<Connection>(core, newcomer.loop, std::move(newcomer.socket), newcomer.peer,
                                              newcomer.holder);
  } catch (...) {
    core->places.give_back(newcomer.holder);
    core->open.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
  const auto loop = newcomer.loop;
  core->loops.post(loop, [connection = std::move(connection)] { connection->begin(); });
}

// Of all of a loop's connections, but those of the operator's proxies: whose callers would lose it is not
// known.
bool close_longest_idle(ServerCore& core, std::size_t loop) {
  auto& order = core.by_use[loop];
  for (int looks = 0; looks < kLooksForIdle && order.oldest() != nullptr; ++looks) {
    auto& connection = static_cast<Connection&>(*order.oldest());
    if (connection.idle() && !connection.of_proxy()) {
      core.made_room.fetch_add(1, std::memory_order_relaxed);
      connection.shared_from_this()->close();
      return true;
    }
    // It is at work, or lasts: the next look begins behind it.
    order.used(connection);
    if (order.oldest() == &connection) break;
  }
  return false;
}

bool close_idle_of(ServerCore& core, std::size_t loop, Source source) {
  const auto own = core.connections[loop].find(source);
  if (own == core.connections[loop].end()) return false;
  for (Connection* connection : own->second) {
    if (!connection->idle()) continue;
    core.made_room.fetch_add(1, std::memory_order_relaxed);
    connection->shared_from_this()->close();
    return true;
  }
  return false;
}

// Where nobody has more than the others, whoever has nothing yet gets the place that was idle for longest.
// Else as many sources as there are places would keep everybody out by connections that do nothing.
void take_longest_idle(std::shared_ptr<ServerCore> core, std::size_t asked, Newcomer newcomer) {
  auto& loops = core->loops;
  if (asked == loops.size() || !core->places.has_none(newcomer.holder))
    return turn_away_full(*core, std::move(newcomer.socket));
  loops.post((newcomer.loop + asked) % loops.size(),
             [core = std::move(core), asked, newcomer = std::move(newcomer)]() mutable {
               const auto loop = (newcomer.loop + asked) % core->loops.size();
               const bool left = close_longest_idle(*core, loop);
               if (left && core->places.take(newcomer.holder) == Places::Answer::kTaken)
                 return admit(core, std::move(newcomer));
               take_longest_idle(std::move(core), asked + 1, std::move(newcomer));
             });
}

// Asks one loop after the other for an idle connection of whoever has most. Of many who come at once, all
// find the same one, and the first of them take what it has: then there is another who has most.
void make_room(std::shared_ptr<ServerCore> core, Source from, std::size_t loop, int rounds_left,
               Newcomer newcomer) {
  if (loop == core->loops.size()) {
    if (core->places.take(newcomer.holder) == Places::Answer::kTaken) return admit(core, std::move(newcomer));
    const auto next = core->places.holder_of_most(newcomer.holder);
    if (!next || rounds_left == 0) return take_longest_idle(std::move(core), 0, std::move(newcomer));
    return make_room(std::move(core), *next, 0, rounds_left - 1, std::move(newcomer));
  }
  auto& loops = core->loops;
  loops.post(loop,
             [core = std::move(core), from, loop, rounds_left, newcomer = std::move(newcomer)]() mutable {
               // The place that it leaves may be gone already, to another one.
               const bool left = close_idle_of(*core, loop, from);
               if (left && core->places.take(newcomer.holder) == Places::Answer::kTaken)
                 return admit(core, std::move(newcomer));
               make_room(std::move(core), from, loop + 1, rounds_left, std::move(newcomer));
             });
}

void admit_or_refuse(const std::shared_ptr<ServerCore>& core, std::size_t loop, Tcp::socket socket) {
  core->accepted.fetch_add(1, std::memory_order_relaxed);
  SystemError error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return;  // gone already
  const auto peer = Address::parse(endpoint.address().to_string());
  if (!peer) return;
  const Places::Holder holder{Source::of(*peer), core->options.proxies.contains(*peer)};
  if (core->options.proxy_protocol && !holder.proxy) return turn_away_unproxied(*core, *peer);
  Newcomer newcomer{loop, std::move(socket), *peer, holder};
  switch (core->places.take(holder)) {
    case Places::Answer::kTaken:
      return admit(core, std::move(newcomer));
    case Places::Answer::kSourceFull:
      return turn_away_greedy(*core, std::move(newcomer.socket), *peer);
    case Places::Answer::kFull:
      break;
  }
  const auto from = core->places.holder_of_most(holder);
  from ? make_room(core, *from, 0, kRoundsForRoom, std::move(newcomer))
       : take_longest_idle(core, 0, std::move(newcomer));
}

}  // namespace

struct Server::Impl {
  Impl(std::shared_ptr<ServerCore> shared, asio::io_context& context)
      : core(std::move(shared)), acceptor(context) {}
  ~Impl() {
    if (spare >= 0) ::close(spare);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> listen() {
    SystemError error;
    const auto address = asio::ip::make_address(core->options.address, error);
    if (error) {
      return failure(
          ErrorCode::kInvalid,
          fmt::format("cannot listen on `{}`: not an IP address; correct `listen`", core->options.address));
    }
    const Tcp::endpoint endpoint(address, core->options.port);
    if (const auto given = inherited_socket(address.to_string(), core->options.port)) {
      acceptor.assign(endpoint.protocol(), *given, error);
    } else {
      acceptor.open(endpoint.protocol(), error);
      if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
      if (!error) acceptor.bind(endpoint, error);
      if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    }
    // Only on_failed() accepts without waiting for someone.
    if (!error) acceptor.non_blocking(true, error);
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

  // What is called when somebody has come. Asio takes memory before it calls it, and drops it where there is
  // none: then the listener tries again as well.
  class Accepted {
   public:
    Accepted(Impl& impl, std::size_t loop) : core_(impl.core), impl_(&impl), loop_(loop) {}
    Accepted(Accepted&& other) noexcept
        : core_(other.core_), impl_(std::exchange(other.impl_, nullptr)), loop_(other.loop_) {}
    ~Accepted() {
      if (impl_ != nullptr && !core_->stopping) impl_->try_again();
    }
    void operator()(const SystemError& error, Tcp::socket socket) {
      Impl& impl = *std::exchange(impl_, nullptr);
      if (core_->stopping) {
        if (!error) impl.take_last(loop_, std::move(socket));
        return;
      }
      error ? impl.on_failed(error) : impl.take_in(loop_, std::move(socket));
    }

   private:
    std::shared_ptr<ServerCore> core_;
    Impl* impl_;
    std::size_t loop_;
  };

  void accept() {
    const std::size_t loop = next_loop++ % core->loops.size();
    acceptor.async_accept(core->loops.impl().loops[loop]->context, Accepted(*this, loop));
  }

  // It came a moment before the listener was closed, and would be refused without a word.
  void take_last(std::size_t loop, Tcp::socket socket) noexcept {
    try {
      if (!core->ended) admit_or_refuse(core, loop, std::move(socket));
    } catch (const std::bad_alloc&) {
      // It is dropped.
    }
  }

  // Without memory one newcomer is dropped; the listener stays.
  void take_in(std::size_t loop, Tcp::socket socket) {
    try {
      admit_or_refuse(core, loop, std::move(socket));
      accept();
    } catch (const std::bad_alloc&) {
      try_again();
    }
  }

  // Descriptors or memory have run out. Whoever waits is told so by being closed, with the descriptor that
  // was kept for this; then others go first.
  void on_failed(const SystemError& error) noexcept {
    try {
      static Notice notice;
      if (const auto times = notice.due()) {
        say_limit(
            fmt::format("connections to {} cannot be accepted: {} ({} times); raise the limit of open files "
                        "or lower `limits.max_connections`",
                        endpoint_text(core->options), error.message(), *times));
      }
      if (spare >= 0) {
        ::close(std::exchange(spare, -1));
        SystemError ignored;
        Tcp::socket dropped(acceptor.get_executor());
        acceptor.accept(dropped, ignored);
      }
    } catch (const std::bad_alloc&) {
      // The next one is told.
    }
    if (spare < 0) spare = open_spare();
    try_again();
  }

  static int open_spare() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

  // Without memory even for this, nobody could come any more: then the process ends on purpose.
  void try_again() noexcept {
    core->accept_failures.fetch_add(1, std::memory_order_relaxed);
    try {
      pause();
    } catch (const std::bad_alloc&) {
      WRIT_CHECK(!"memory to accept connections");
    }
  }

  void pause() {
    retry.expires_after(kAcceptPause);
    retry.async_wait([this](SystemError error) {
      if (error || core->stopping) return;
      try {
        accept();
      } catch (const std::bad_alloc&) {
        try_again();
      }
    });
  }

  const std::shared_ptr<ServerCore> core;
  Tcp::acceptor acceptor;
  asio::steady_timer retry{acceptor.get_executor()};
  std::size_t next_loop = 0;
  std::uint16_t port = 0;
  bool stopped = false;
  int spare = open_spare();  // given up to accept, and close, when there is no other
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
          .connections_over_source_limit = core.over_source_limit.load(std::memory_order_relaxed),
          .connections_made_room = core.made_room.load(std::memory_order_relaxed),
          .accept_failures = core.accept_failures.load(std::memory_order_relaxed),
          .handshakes = core.handshakes.load(std::memory_order_relaxed),
          .handshakes_failed = core.handshakes_failed.load(std::memory_order_relaxed),
          .proxy_headers_refused = core.proxy_headers_refused.load(std::memory_order_relaxed),
          .connections_open = core.open.load(std::memory_order_relaxed),
          .requests = core.requests.load(std::memory_order_relaxed),
          .requests_malformed = core.malformed.load(std::memory_order_relaxed),
          .bodies_refused = core.bodies_refused.load(std::memory_order_relaxed),
          .out_of_memory = core.out_of_memory.load(std::memory_order_relaxed),
          .stranger_bytes = core.stranger_bytes.used(),
          .known_bytes = core.known_bytes.used(),
          .http2_connections = core.http2_connections.load(std::memory_order_relaxed),
          .http2_streams_refused = core.http2_streams_refused.load(std::memory_order_relaxed),
          .http2_floods = core.http2_floods.load(std::memory_order_relaxed)};
}

void Server::replace_tls(std::shared_ptr<const TlsServer> tls) {
  WRIT_CHECK(tls != nullptr && impl_->core->options.tls != nullptr);
  impl_->core->tls.replace(std::move(tls));
}

std::shared_ptr<const TlsServer> Server::tls() const {
  return impl_->core->tls.get();
}

void Server::begin_drain() noexcept {
  impl_->core->draining = true;
}

bool Server::stop(std::chrono::milliseconds deadline) {
  const auto& core = impl_->core;
  if (std::exchange(impl_->stopped, true)) return true;
  WRIT_CHECK(core->loops.current() == Loops::none);
  core->draining = true;
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
      for (const auto& [source, own] : core->connections[loop])
        for (Connection* connection : own) all.push_back(connection->shared_from_this());
      for (const auto& connection : all) action(*connection);
    });
  };
  each_connection([](Connection& connection) { connection.drain_for_stop(); });
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (core->open > 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const bool all_finished = core->open == 0;
  core->ended = true;
  each_connection([](Connection& connection) { connection.close(); });
  // What was accepted but not begun, and the acceptor's last word, are in the queues before this.
  on_every_loop([](std::size_t) {});
  return all_finished;
}

}  // namespace writ::http
