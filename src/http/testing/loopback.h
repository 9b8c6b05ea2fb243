// For tests: raw bytes over loopback sockets, a server around a lambda, and an upstream that follows a
// script.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/headers.h"
#include "http/server.h"

namespace writ::http::testing {

struct RawResponse {
  int status = 0;  // 0: the connection ended without an answer
  Headers headers;
  std::string head;
  std::string body;
};

// A blocking client socket that sends exactly the bytes it is told to. Gives up after some seconds.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  // From another of this machine's addresses: "127.0.1.1".
  RawClient(std::uint16_t port, const std::string& from);
  // With a socket that there is already.
  RawClient(int socket, std::uint16_t port);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;

  bool send(std::string_view bytes);  // false: the peer has closed
  void shutdown_send();
  void reset();  // closes with RST
  // Reads one response by its framing (also chunked); `head_only` for answers to HEAD.
  RawResponse read_response(bool head_only = false);
  // Everything until the peer closes, or nothing more comes.
  std::string read_all();
  // Did the last read end with a reset?
  bool was_reset() const { return was_reset_; }
  // Did the peer close, with nothing more to read?
  bool closed();
  std::string read_some(std::size_t max);

 private:
  bool fill();
  int socket_;
  std::string buffer_;
  bool was_reset_ = false;
};

// Sends one request on a connection of its own and reads the answer.
RawResponse exchange_raw(std::uint16_t port, std::string_view request);

class LambdaHandler final : public Handler {
 public:
  explicit LambdaHandler(std::function<void(Exchange)> function) : function_(std::move(function)) {}
  void handle(Exchange exchange) override { function_(std::move(exchange)); }

 private:
  std::function<void(Exchange)> function_;
};

// A server on a port the system chose.
class TestServer {
 public:
  explicit TestServer(std::function<void(Exchange)> function, ServerOptions options = {},
                      std::size_t threads = 1);
  explicit TestServer(std::shared_ptr<Handler> handler, ServerOptions options = {}, std::size_t threads = 1);
  ~TestServer();

  std::uint16_t port() const { return server_->port(); }
  Server& server() { return *server_; }
  Loops& loops() { return *loops_; }
  // Once the loops have finished whatever a peer can have seen of it.
  ServerStats stats();

 private:
  std::unique_ptr<Loops> loops_;
  std::unique_ptr<Server> server_;
};

// Accepts connections on its own thread; the script gets each connected socket in turn and how many came
// before.
class ScriptedUpstream {
 public:
  using Script = std::function<void(int socket, int connection)>;
  explicit ScriptedUpstream(Script script);
  ~ScriptedUpstream();
  std::uint16_t port() const { return port_; }

  // Reads up to the end of one request head (and returns it), "" when the peer closed.
  static std::string read_head(int socket);
  static bool write(int socket, std::string_view bytes);

 private:
  int listener_;
  std::uint16_t port_;
  std::thread thread_;
};

// A port on which nothing listens.
std::uint16_t free_port();

}  // namespace writ::http::testing
