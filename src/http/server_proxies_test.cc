// A server behind the operator's own proxies: whose address a request has, and whom the limits count.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/server.h"
#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::http::server_proxies_test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::TestServer;
using namespace std::string_literals;
using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

void tell_peer(Exchange exchange) {
  auto peer = exchange.request().peer_ip;
  exchange.respond(text_response(200, std::move(peer)));
}

ServerOptions behind_proxies() {
  ServerOptions options;
  EXPECT_TRUE(options.proxies.add("127.0.1.0/24"));
  return options;
}

ServerOptions with_proxy_protocol() {
  auto options = behind_proxies();
  options.proxy_protocol = true;
  options.handshake_timeout = 300ms;
  return options;
}

std::string from(std::uint8_t last) {
  return "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02"s + static_cast<char>(last) +
         "\x7f\x00\x00\x01\x30\x39\x01\xbb"s;
}
const std::string kLocal = "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"s;

std::string get_with(RawClient& client, const std::string& field) {
  client.send("GET /a HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n");
  const auto response = client.read_response();
  return response.status == 200 ? response.body : std::to_string(response.status);
}

TEST(ServerBehindProxies, EachRequestHasTheAddressThatTheProxySays) {
  TestServer server(tell_peer, behind_proxies());
  RawClient proxy(server.port(), "127.0.1.1");
  EXPECT_EQ(get_with(proxy, "X-Forwarded-For: 192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(get_with(proxy, "Forwarded: for=192.0.2.8"), "192.0.2.8");
  EXPECT_EQ(get_with(proxy, "X: none"), "127.0.1.1");
  EXPECT_EQ(get_with(proxy, "X-Forwarded-For: 127.0.0.1, 192.0.2.9, 127.0.1.7"), "192.0.2.9");
  EXPECT_EQ(get_with(proxy, "X-Forwarded-For: nonsense"), "400");
}

TEST(ServerBehindProxies, AStrangerCannotSayWhoItIs) {
  TestServer server(tell_peer, behind_proxies());
  RawClient stranger(server.port(), "127.0.2.1");
  EXPECT_EQ(get_with(stranger, "X-Forwarded-For: 192.0.2.7"), "127.0.2.1");
  EXPECT_EQ(get_with(stranger, "Forwarded: for=192.0.2.7"), "127.0.2.1");
}

TEST(ServerBehindProxies, AConnectionIsOfTheSourceThatItsProxyHeaderSays) {
  TestServer server(tell_peer, with_proxy_protocol());
  RawClient proxy(server.port(), "127.0.1.1");
  // However it arrives, and with the request at its heels.
  for (const char c : from(7)) proxy.send({&c, 1});
  proxy.send(kGet);
  EXPECT_EQ(proxy.read_response().body, "192.0.2.7");
  // The source is no proxy: what it says of itself is its own word.
  EXPECT_EQ(get_with(proxy, "X-Forwarded-For: 192.0.2.99"), "192.0.2.7");
  RawClient another(server.port(), "127.0.1.1");
  another.send(from(8) + std::string(kGet));
  EXPECT_EQ(another.read_response().body, "192.0.2.8");
  RawClient check(server.port(), "127.0.1.1");
  check.send(kLocal + std::string(kGet));
  EXPECT_EQ(check.read_response().body, "127.0.1.1");
}

TEST(ServerBehindProxies, AStrangerIsClosedWhereTheProxyProtocolIsSpoken) {
  TestServer server(tell_peer, with_proxy_protocol());
  RawClient stranger(server.port(), "127.0.2.1");
  stranger.send(from(7) + std::string(kGet));
  EXPECT_EQ(stranger.read_all(), "");
  EXPECT_EQ(server.stats().proxy_headers_refused, 1u);
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST(ServerBehindProxies, AConnectionWithoutAProperProxyHeaderIsClosed) {
  TestServer server(tell_peer, with_proxy_protocol());
  for (const std::string& bytes :
       {std::string(kGet), "PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n" + std::string(kGet),
        from(7).substr(0, 20), from(7).replace(13, 1, "\x12"), std::string()}) {
    RawClient proxy(server.port(), "127.0.1.1");
    proxy.send(bytes);
    EXPECT_EQ(proxy.read_all(), "") << bytes;  // the unfinished ones when their time is up
  }
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST(ServerBehindProxies, ASourceBehindTheProxyProtocolHasItsShareOfConnectionsAlone) {
  auto options = with_proxy_protocol();
  options.max_connections_per_source = 2;
  TestServer server(tell_peer, options);
  std::vector<std::unique_ptr<RawClient>> open;
  const auto connect = [&](std::uint8_t source) {
    open.push_back(std::make_unique<RawClient>(server.port(), "127.0.1.1"));
    open.back()->send(from(source) + std::string(kGet));
    return open.back()->read_response().body;
  };
  EXPECT_EQ(connect(7), "192.0.2.7");
  EXPECT_EQ(connect(7), "192.0.2.7");
  EXPECT_EQ(connect(7), "");
  EXPECT_EQ(connect(8), "192.0.2.8");
  EXPECT_EQ(server.stats().connections_over_source_limit, 1u);
}

TEST(ServerBehindProxies, AProxyHeaderStandsBeforeTls) {
  const testing::TestAuthority authority;
  auto options = with_proxy_protocol();
  options.tls = testing::tls_server({authority.issue({"a.example"})});
  ASSERT_TRUE(options.proxies.add("127.0.0.1"));
  TestServer server(tell_peer, options);
  testing::TlsPeer client(server.port(), {.before = from(7)});
  client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("192.0.2.7"));
}

}  // namespace
}  // namespace writ::http::server_proxies_test
