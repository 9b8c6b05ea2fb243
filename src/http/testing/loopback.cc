#include "http/testing/loopback.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "base/check.h"

namespace writ::http::testing {
namespace {

constexpr int kPatienceSeconds = 20;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void set_patience(int socket) {
  const timeval patience{.tv_sec = kPatienceSeconds, .tv_usec = 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

std::uint16_t port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  WRIT_CHECK(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

int listen_anywhere() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(0);
  WRIT_CHECK(bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  WRIT_CHECK(listen(socket, 64) == 0);
  return socket;
}

}  // namespace

RawClient::RawClient(std::uint16_t port) : RawClient(::socket(AF_INET, SOCK_STREAM, 0), port) {}

RawClient::RawClient(std::uint16_t port, const std::string& from)
    : RawClient(
          [&] {
            const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
            sockaddr_in address = loopback(0);
            WRIT_CHECK(inet_pton(AF_INET, from.c_str(), &address.sin_addr) == 1);
            WRIT_CHECK(bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
            return socket;
          }(),
          port) {}

RawClient::RawClient(int socket, std::uint16_t port) : socket_(socket) {
  set_patience(socket_);
  const sockaddr_in address = loopback(port);
  WRIT_CHECK(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}

bool RawClient::send(std::string_view bytes) {
  return ScriptedUpstream::write(socket_, bytes);
}

void RawClient::shutdown_send() {
  ::shutdown(socket_, SHUT_WR);
}

void RawClient::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  ::close(std::exchange(socket_, -1));
}

bool RawClient::fill() {
  char bytes[16 * 1024];
  const ssize_t got = recv(socket_, bytes, sizeof(bytes), 0);
  was_reset_ = got < 0 && errno == ECONNRESET;
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

std::string RawClient::read_some(std::size_t max) {
  if (buffer_.empty()) fill();
  std::string taken = buffer_.substr(0, max);
  buffer_.erase(0, taken.size());
  return taken;
}

RawResponse RawClient::read_response(bool head_only) {
  RawResponse response;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return response;
  }
  response.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  response.status = std::atoi(response.head.substr(9, 3).c_str());
  std::size_t at = response.head.find("\r\n") + 2;
  while (at < response.head.size()) {
    const std::size_t line_end = response.head.find("\r\n", at);
    const std::string line = response.head.substr(at, line_end - at);
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) response.headers.add(line.substr(0, colon), line.substr(colon + 2));
    at = line_end + 2;
  }
  if (head_only || response.status < 200 || response.status == 204 || response.status == 304) return response;
  const auto take = [&](std::size_t count) {
    while (buffer_.size() < count && fill()) {
    }
    std::string taken = buffer_.substr(0, count);
    buffer_.erase(0, taken.size());
    return taken;
  };
  if (const auto length = response.headers.find("content-length")) {
    response.body = take(std::stoul(std::string(*length)));
  } else if (response.headers.has_token("transfer-encoding", "chunked")) {
    for (;;) {
      std::size_t line_end = 0;
      while ((line_end = buffer_.find("\r\n")) == std::string::npos) {
        if (!fill()) return response;
      }
      const std::size_t size = std::stoul(buffer_.substr(0, line_end), nullptr, 16);
      buffer_.erase(0, line_end + 2);
      response.body += take(size);
      take(2);
      if (size == 0) break;
    }
  } else {
    response.body = read_all();
  }
  return response;
}

std::string RawClient::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

bool RawClient::closed() {
  return buffer_.empty() && !fill();
}

RawResponse exchange_raw(std::uint16_t port, std::string_view request) {
  RawClient client(port);
  client.send(request);
  return client.read_response();
}

TestServer::TestServer(std::function<void(Exchange)> function, ServerOptions options, std::size_t threads)
    : TestServer(std::make_shared<LambdaHandler>(std::move(function)), std::move(options), threads) {}

TestServer::TestServer(std::shared_ptr<Handler> handler, ServerOptions options, std::size_t threads)
    : loops_(std::make_unique<Loops>(threads)) {
  options.port = 0;
  auto server = Server::start(*loops_, std::move(options), std::move(handler));
  WRIT_CHECK(server.has_value());
  server_ = std::move(*server);
}

TestServer::~TestServer() {
  server_->stop(std::chrono::milliseconds(0));
  loops_->stop();
  server_.reset();
}

ServerStats TestServer::stats() {
  for (std::size_t loop = 0; loop < loops_->size(); ++loop) loops_->run(loop, [] {});
  return server_->stats();
}

ScriptedUpstream::ScriptedUpstream(Script script) : listener_(listen_anywhere()), port_(port_of(listener_)) {
  thread_ = std::thread([this, script = std::move(script)] {
    for (int connection = 0;; ++connection) {
      const int socket = accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      set_patience(socket);
      script(socket, connection);
      ::close(socket);
    }
  });
}

ScriptedUpstream::~ScriptedUpstream() {
  // Wakes accept().
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string ScriptedUpstream::read_head(int socket) {
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n")) {
    if (recv(socket, &c, 1, 0) != 1) return "";
    head += c;
  }
  return head;
}

bool ScriptedUpstream::write(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::uint16_t free_port() {
  const int socket = listen_anywhere();
  const std::uint16_t port = port_of(socket);
  ::close(socket);
  return port;
}

}  // namespace writ::http::testing
