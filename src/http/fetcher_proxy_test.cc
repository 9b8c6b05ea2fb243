// What Writ asks for through a proxy: where it may go is checked as without one, and TLS is end to end.
// tests/system/outbound_proxy_test.py has a real proxy.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/fetcher.h"
#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::http::fetcher_proxy_test {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::ScriptedUpstream;
using ::testing::StartsWith;
using testing::TestAuthority;
using testing::TestServer;
using testing::tls_server;

int connected_to(std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(made, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0) return made;
  ::close(made);
  return -1;
}

// Both ways, until one side ends.
void carry(int one, int other) {
  pollfd sides[] = {{.fd = one, .events = POLLIN, .revents = 0},
                    {.fd = other, .events = POLLIN, .revents = 0}};
  while (::poll(sides, 2, -1) > 0) {
    for (int from = 0; from < 2; ++from) {
      if (sides[from].revents == 0) continue;
      char bytes[4096];
      const auto got = ::recv(sides[from].fd, bytes, sizeof(bytes), 0);
      if (got <= 0) return;
      if (!ScriptedUpstream::write(sides[1 - from].fd, {bytes, static_cast<std::size_t>(got)})) return;
    }
  }
}

// A proxy that leads every tunnel to one server, and keeps what it was asked for.
class Proxy {
 public:
  explicit Proxy(std::uint16_t server)
      : Proxy([server](int socket) {
          const int other = connected_to(server);
          ScriptedUpstream::write(socket,
                                  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connection established\r\n\r\n");
          carry(socket, other);
          ::close(other);
        }) {}
  // That says this.
  explicit Proxy(std::string text)
      : Proxy([text = std::move(text)](int socket) {
          ScriptedUpstream::write(socket, text);
          ScriptedUpstream::read_head(socket);  // until the other side has closed
        }) {}
  explicit Proxy(std::function<void(int)> then)
      : accepting_([this, then = std::move(then)](int socket, int) {
          auto head = ScriptedUpstream::read_head(socket);
          {
            const std::lock_guard lock(mutex_);
            asked_.push_back(std::move(head));
          }
          then(socket);
        }) {}

  std::string url() const { return fmt::format("http://127.0.0.1:{}", accepting_.port()); }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> asked_;
  ScriptedUpstream accepting_;
};

void tell_target(Exchange exchange) {
  exchange.respond(text_response(200, exchange.request().target));
}

class FetcherProxyTest : public ::testing::Test {
 protected:
  static constexpr bool kResolvesNames = true;

  FetcherOptions options(const Proxy& proxy, bool resolves_names = false) {
    FetcherOptions made;
    EXPECT_TRUE(made.rules.allowed.add("127.0.0.1"));
    made.tls = TlsClient::make({.ca = authority_.certificate()}).value();
    made.connect_timeout = 10s;
    made.timeout = 20s;
    auto through = OutboundProxy::parse(proxy.url()).value();
    if (resolves_names) through.let_it_resolve_names();
    made.proxy = std::make_shared<const OutboundProxy>(std::move(through));
    return made;
  }
  std::string got(const Proxy& proxy, const std::string& url) { return got(options(proxy), url); }
  static std::string got(FetcherOptions options, const std::string& url) {
    Fetcher fetcher(std::move(options));
    const auto answer = fetcher.get(url, "*/*", 1000);
    return answer ? fmt::format("{} {}", answer->status, answer->body) : answer.error().message;
  }
  ServerOptions secure(const std::string& name) const {
    ServerOptions options;
    options.tls = tls_server({authority_.issue({name})});
    return options;
  }

  const TestAuthority authority_;
};

TEST_F(FetcherProxyTest, HttpsGoesThroughATunnelAndTheServerIsVerifiedInIt) {
  TestServer server(tell_target, secure("127.0.0.1")), other(tell_target, secure("idp.example"));
  Proxy proxy(server.port()), to_another(other.port());
  const auto url = fmt::format("https://127.0.0.1:{}/keys?a=1", server.port());
  EXPECT_EQ(got(proxy, url), "200 /keys?a=1");
  EXPECT_EQ(proxy.asked().at(0),
            fmt::format("CONNECT 127.0.0.1:{0} HTTP/1.1\r\nHost: 127.0.0.1:{0}\r\nUser-Agent: writ\r\n\r\n",
                        server.port()));
  EXPECT_THAT(got(to_another, url), HasSubstr("mismatch"));
  EXPECT_EQ(other.stats().requests, 0u);
}

TEST_F(FetcherProxyTest, TheProxyIsAskedForTheAddressThatWasChecked) {
  TestServer server(tell_target, secure("localhost"));
  Proxy proxy(server.port());
  EXPECT_EQ(got(proxy, fmt::format("https://localhost:{}/a", server.port())), "200 /a");
  EXPECT_THAT(proxy.asked().at(0), StartsWith(fmt::format("CONNECT 127.0.0.1:{} ", server.port())));
}

TEST_F(FetcherProxyTest, AnAddressInsideIsNotAskedOfTheProxy) {
  Proxy proxy("HTTP/1.1 200 OK\r\n\r\n");
  for (const bool resolves_names : {false, true}) {
    auto none = options(proxy, resolves_names);
    none.rules = {};
    for (const char* host : {"127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]"})
      EXPECT_THAT(got(none, fmt::format("https://{}/", host)), HasSubstr("only public addresses")) << host;
  }
  EXPECT_THAT(proxy.asked(), ::testing::IsEmpty());
}

TEST_F(FetcherProxyTest, ANameThatResolvesToAnAddressInsideIsNotAskedOfTheProxy) {
  Proxy proxy("HTTP/1.1 200 OK\r\n\r\n");
  auto none = options(proxy);
  none.rules = {};
  EXPECT_THAT(got(none, "https://localhost/"), HasSubstr("only public addresses"));
  EXPECT_THAT(got(proxy, "https://nobody.invalid/"), HasSubstr("cannot resolve `nobody.invalid`"));
  EXPECT_THAT(proxy.asked(), ::testing::IsEmpty());
}

TEST_F(FetcherProxyTest, AProxyThatResolvesNamesIsAskedForTheName) {
  TestServer server(tell_target, secure("idp.invalid"));
  Proxy proxy(server.port());
  EXPECT_EQ(got(options(proxy, kResolvesNames), "https://idp.invalid/a"), "200 /a");
  EXPECT_THAT(proxy.asked().at(0), StartsWith("CONNECT idp.invalid:443 HTTP/1.1\r\n"));
  EXPECT_THAT(got(options(proxy, kResolvesNames), "https://other.invalid/a"), HasSubstr("mismatch"));
}

TEST_F(FetcherProxyTest, AProxyThatResolvesNamesIsNotAskedForThisMachine) {
  Proxy proxy("HTTP/1.1 200 OK\r\n\r\n");
  for (const char* host : {"localhost", "a.localhost", "2130706433", "0x7f.1"})
    EXPECT_THAT(got(options(proxy, kResolvesNames), fmt::format("https://{}/", host)),
                AnyOf(HasSubstr("is this machine"), HasSubstr("neither a name nor an address")))
        << host;
  EXPECT_THAT(proxy.asked(), ::testing::IsEmpty());
}

TEST_F(FetcherProxyTest, PlainHttpAndWhatIsLeftOutGoDirectly) {
  TestServer plain(tell_target), server(tell_target, secure("127.0.0.1"));
  Proxy proxy("HTTP/1.1 403 Forbidden\r\n\r\n");
  EXPECT_EQ(got(proxy, fmt::format("http://127.0.0.1:{}/a", plain.port())), "200 /a");
  auto without = options(proxy);
  auto through = *without.proxy;
  ASSERT_TRUE(through.leave_out("127.0.0.0/8"));
  without.proxy = std::make_shared<const OutboundProxy>(std::move(through));
  EXPECT_EQ(got(without, fmt::format("https://127.0.0.1:{}/b", server.port())), "200 /b");
  EXPECT_THAT(proxy.asked(), ::testing::IsEmpty());
}

TEST_F(FetcherProxyTest, CredentialsGoToTheProxyAndToNobodyElse) {
  TestServer server(
      [](Exchange exchange) {
        const bool has = exchange.request().headers.find("Proxy-Authorization").has_value();
        exchange.respond(text_response(200, has ? "told" : "not told"));
      },
      secure("127.0.0.1"));
  Proxy proxy(server.port());
  auto with = options(proxy);
  auto through = *with.proxy;
  ASSERT_TRUE(through.authenticate(Secret("u:p")));
  with.proxy = std::make_shared<const OutboundProxy>(std::move(through));
  EXPECT_EQ(got(with, fmt::format("https://127.0.0.1:{}/", server.port())), "200 not told");
  EXPECT_THAT(proxy.asked().at(0), HasSubstr("\r\nProxy-Authorization: Basic dTpw\r\n"));
}

TEST_F(FetcherProxyTest, AProxyThatRefusesIsNamed) {
  const auto said = [&](std::string text) {
    Proxy proxy(std::move(text));
    return got(proxy, "https://127.0.0.1:9/");
  };
  EXPECT_THAT(said("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
              HasSubstr("does not connect to 127.0.0.1:9: it answers 403"));
  EXPECT_THAT(said("HTTP/1.1 302 Found\r\nLocation: http://a/\r\n\r\n"), HasSubstr("it answers 302"));
  EXPECT_THAT(said("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), HasSubstr("asks for credentials"));
  EXPECT_THAT(said("HTTP/1.1 101 Switching Protocols\r\n\r\n"), HasSubstr("malformed"));
  EXPECT_THAT(said("SSH-2.0-OpenSSH_9.2\r\n\r\n"), HasSubstr("malformed"));
  EXPECT_THAT(said("HTTP/1.1 200 OK\r\n\r\nhello"), HasSubstr("something stands behind it"));
  EXPECT_THAT(said("HTTP/1.1 200 OK\r\nX: " + std::string(17 * 1024, 'a') + "\r\n\r\n"),
              AnyOf(HasSubstr("malformed"), HasSubstr("too large")));
  Proxy silent([](int) {});
  EXPECT_THAT(got(silent, "https://127.0.0.1:9/"), HasSubstr("before it answered"));
}

TEST_F(FetcherProxyTest, NoServerIsAskedDirectlyWhenTheProxyCannotBe) {
  TestServer server(tell_target, secure("127.0.0.1"));
  FetcherOptions made;
  {
    Proxy gone("");
    made = options(gone);
  }
  EXPECT_THAT(got(made, fmt::format("https://127.0.0.1:{}/", server.port())),
              HasSubstr("cannot connect to proxy"));
  EXPECT_EQ(server.stats().connections_accepted, 0u);
}

TEST_F(FetcherProxyTest, AProxyThatSaysNothingIsGivenUp) {
  Proxy silent([](int socket) { ScriptedUpstream::read_head(socket); });
  auto slow = options(silent);
  slow.connect_timeout = 100ms;
  EXPECT_THAT(got(slow, "https://127.0.0.1:9/"), HasSubstr("could not be connected to in time by proxy"));
}

}  // namespace
}  // namespace writ::http::fetcher_proxy_test
