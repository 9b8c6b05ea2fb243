// Of a ClientConnection: its way through an outbound proxy, up to TLS. All within the connect timeout.
#include <fmt/format.h>

#include "base/secret.h"
#include "http/h1/client_connection.h"
#include "http/outbound_proxy.h"

namespace writ::http {
namespace {

constexpr std::size_t kAnswerBytes = 16 * 1024;
constexpr int kProxyAuthenticationRequired = 407;

std::string target_of(const std::string& host, std::uint16_t port) {
  return host.find(':') == host.npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

}  // namespace

bool ClientConnection::goes_through_proxy() const {
  const auto& proxy = core_->options.proxy;
  return proxy != nullptr && origin_.tls != nullptr && origin_.socket.empty() &&
         !proxy->leaves_out(origin_.host);
}

// The proxy resolves it. Called by connect(): a refusal is told from the loop.
void ClientConnection::ask_for_name() {
  if (auto why = OutboundProxy::refusal_of_name(origin_.host)) {
    return asio::post(stream_.get_executor(), [self = shared_from_this(), why = *std::move(why)] {
      if (!self->closed_) self->fail(CallError::Kind::kUnreachable, why);
    });
  }
  call_proxy(target_of(origin_.host, origin_.port));
}

// It was checked.
void ClientConnection::ask_for_address(const Tcp::endpoint& endpoint) {
  call_proxy(target_of(endpoint.address().to_string(), endpoint.port()));
}

void ClientConnection::call_proxy(std::string target) {
  tunnel_ = std::make_unique<Tunnel>();
  tunnel_->target = std::move(target);
  const auto& proxy = *core_->options.proxy;
  SystemError error;
  const auto address = asio::ip::make_address(proxy.host(), error);
  if (!error) return connect_to({Tcp::endpoint(address, proxy.port())}, 0);
  resolver_ = std::make_unique<Tcp::resolver>(stream_.get_executor());
  resolver_->async_resolve(
      proxy.host(), std::to_string(proxy.port()),
      [self = shared_from_this()](SystemError failed, const Tcp::resolver::results_type& found) {
        if (self->closed_) return;
        if (failed)
          return self->fail(CallError::Kind::kUnreachable,
                            fmt::format("cannot resolve {}: {}", self->peer(), failed.message()));
        std::vector<Tcp::endpoint> all;
        for (const auto& entry : found) all.push_back(entry.endpoint());
        self->connect_to(std::move(all), 0);
      });
}

void ClientConnection::ask_proxy() {
  tunnel_->request =
      fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\nUser-Agent: writ\r\n", tunnel_->target);
  if (const auto* authorization = core_->options.proxy->authorization())
    tunnel_->request.append("Proxy-Authorization: ").append(authorization->expose()).append("\r\n");
  tunnel_->request += "\r\n";
  tunnel_->out.add(tunnel_->request);
  send_to_proxy();
}

void ClientConnection::send_to_proxy() {
  switch (tunnel_->out.send(stream_)) {
    case SendQueue::Sent::kAll:
      return hear_proxy();
    case SendQueue::Sent::kFailed:
      return fail(CallError::Kind::kUnreachable, fmt::format("{} has closed the connection", peer()));
    case SendQueue::Sent::kBlocked:
      break;
  }
  stream_.async_wait_to_write([self = shared_from_this()](SystemError error) {
    if (!self->closed_ && !error) self->send_to_proxy();
  });
}

void ClientConnection::hear_proxy() {
  const auto space = in.space(kAnswerBytes, kAnswerBytes);
  if (space.size == 0)
    return fail(CallError::Kind::kUnreachable, fmt::format("the answer of {} has too large a head", peer()));
  stream_.async_receive(asio::buffer(space.data, space.size), [self = shared_from_this()](SystemError error,
                                                                                          std::size_t count) {
    if (self->closed_) return;
    if (error)
      return self->fail(CallError::Kind::kUnreachable,
                        fmt::format("{} has closed the connection before it answered", self->peer()));
    self->in.filled(count);
    self->take_proxys_answer();
  });
}

// RFC 9110 §9.3.6: an answer 2xx has no body, whatever its fields say; from there on all is the server's,
// which says nothing before it is asked.
void ClientConnection::take_proxys_answer() {
  const auto malformed = [this](std::string_view why) {
    fail(CallError::Kind::kUnreachable, fmt::format("the answer of {} is malformed: {}", peer(), why));
  };
  for (;;) {
    const auto bytes = in.unread();
    const auto length = find_head_end(bytes, tunnel_->seen, core_->head_limits());
    if (!length) return malformed(length.error().message);
    if (*length == 0) {
      tunnel_->seen = bytes.size();
      return hear_proxy();
    }
    Headers headers;
    const auto head = read_response_head(bytes.substr(0, *length), core_->head_limits(), headers);
    if (!head) return malformed(head.error().message);
    in.use(*length);
    tunnel_->seen = 0;
    if (head->status == 101) return malformed("it switches protocols");
    if (head->status < 200) continue;
    if (head->status >= 300) return refused_by_proxy(head->status);
    if (!in.empty()) return malformed("something stands behind it");
    tunnel_.reset();
    return secure();
  }
}

void ClientConnection::refused_by_proxy(int status) {
  fail(CallError::Kind::kUnreachable,
       status == kProxyAuthenticationRequired
           ? fmt::format("{} asks for credentials, or for others (407)", peer())
           : fmt::format("{} does not connect to {}: it answers {}", peer(), tunnel_->target, status));
}

// Who is on the other end of the socket.
std::string ClientConnection::peer() const {
  return tunnel_ != nullptr ? fmt::format("proxy {}", core_->options.proxy->authority()) : origin_.authority;
}

}  // namespace writ::http
