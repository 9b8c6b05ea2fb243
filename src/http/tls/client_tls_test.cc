// Upstreams over TLS: who they are is checked, and a connection is used again only where that holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/client.h"
#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::http::client_tls_test {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedUpstream;
using testing::TestAuthority;
using testing::TestServer;
using testing::tls_server;

class ClientTls : public ::testing::Test {
 protected:
  ~ClientTls() override {
    client_.reset();
    loops_.stop();
  }
  static ServerOptions with(std::shared_ptr<const TlsServer> tls) {
    ServerOptions options;
    options.tls = std::move(tls);
    return options;
  }
  std::shared_ptr<const TlsClient> trusting(const TestAuthority& authority, std::string name = {},
                                            TlsIdentity identity = {}) {
    auto made = TlsClient::make(
        {.ca = authority.certificate(), .identity = std::move(identity), .server_name = std::move(name)});
    EXPECT_TRUE(made.has_value());
    return *made;
  }
  Origin at(std::uint16_t port, const std::string& host = "127.0.0.1") {
    return *parse_origin("https://" + host + ":" + std::to_string(port));
  }
  Result<Response> get(const Origin& origin) {
    return client_->fetch(origin, {.method = "GET", .target = "/a", .headers = {}});
  }
  std::string why(const Origin& origin) {
    const auto answer = get(origin);
    return answer ? "answered" : answer.error().message;
  }

  const TestAuthority authority_;
  Loops loops_{1};
  std::unique_ptr<Client> client_ = std::make_unique<Client>(loops_, ClientOptions{});
};

void answer(Exchange exchange) {
  exchange.respond(text_response(200, "host " + exchange.request().host));
}

TEST_F(ClientTls, AnHttpsOriginTrustsWhatTheSystemTrusts) {
  const auto origin = parse_origin("https://api.example/base");
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->port, 443);
  EXPECT_EQ(origin->tls, TlsClient::system());
  EXPECT_EQ(parse_origin("https://a:443")->authority, "a");
  EXPECT_EQ(parse_origin("https://a:80")->authority, "a:80");
  EXPECT_EQ(parse_origin("http://a:443")->authority, "a:443");
  EXPECT_NE(parse_origin("https://a:80")->pool, parse_origin("http://a:80")->pool);
}

TEST_F(ClientTls, AGoodCertificateIsServedAndTheConnectionUsedAgain) {
  TestServer server(answer, with(tls_server({authority_.issue({"127.0.0.1"})})));
  const auto origin = with_tls(at(server.port()), trusting(authority_));
  for (int i = 0; i < 3; ++i) {
    const auto got = get(origin);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "host 127.0.0.1:" + std::to_string(server.port()));
  }
  EXPECT_EQ(client_->stats().connections_opened, 1u);
}

TEST_F(ClientTls, ACertificateOfAnotherCaIsRefused) {
  const TestAuthority elsewhere("Test CA");
  TestServer server(answer, with(tls_server({elsewhere.issue({"127.0.0.1"})})));
  EXPECT_THAT(why(with_tls(at(server.port()), trusting(authority_))), HasSubstr("certificate is not good"));
  EXPECT_THAT(why(at(server.port())), HasSubstr("certificate is not good"));  // nor does the system trust it
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST_F(ClientTls, ACertificateForAnotherNameIsRefused) {
  TestServer server(answer, with(tls_server({authority_.issue({"api.example", "*.localhost"})})));
  EXPECT_THAT(why(with_tls(at(server.port()), trusting(authority_))), HasSubstr("mismatch"));
  EXPECT_THAT(why(with_tls(at(server.port(), "localhost"), trusting(authority_))), HasSubstr("mismatch"));
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST_F(ClientTls, AnExpiredCertificateIsRefused) {
  TestServer server(answer, with(tls_server({authority_.issue({"127.0.0.1"}, -7200, -3600)})));
  EXPECT_THAT(why(with_tls(at(server.port()), trusting(authority_))), HasSubstr("expired"));
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST_F(ClientTls, AConfiguredNameIsAskedForAndChecked) {
  TestServer server(
      answer,
      with(tls_server({authority_.issue({"other.example"}), authority_.issue({"api.internal.example"})})));
  EXPECT_EQ(why(with_tls(at(server.port()), trusting(authority_, "api.internal.example"))), "answered");
  EXPECT_THAT(why(with_tls(at(server.port()), trusting(authority_, "nobody.example"))),
              HasSubstr("mismatch"));
}

TEST_F(ClientTls, AClientCertificateIsShownToWhoAsksForIt) {
  TestServer server(answer, with(tls_server({authority_.issue({"127.0.0.1"})}, ClientCertificates::kRequired,
                                            authority_.certificate())));
  const auto own = authority_.issue({"writ"});
  EXPECT_EQ(why(with_tls(at(server.port()), trusting(authority_, "", own))), "answered");
  EXPECT_NE(why(with_tls(at(server.port()), trusting(authority_))), "answered");
  EXPECT_EQ(server.stats().requests, 1u);
}

TEST_F(ClientTls, AConnectionIsNotUsedAgainUnderOtherRules) {
  TestServer server(answer, with(tls_server({authority_.issue({"127.0.0.1"})})));
  EXPECT_EQ(why(with_tls(at(server.port()), trusting(authority_))), "answered");
  const TestAuthority elsewhere("Another CA");
  EXPECT_NE(why(with_tls(at(server.port()), trusting(elsewhere))), "answered");
}

TEST_F(ClientTls, EqualRulesAreTheSameRules) {
  const auto first = trusting(authority_), second = trusting(authority_);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, trusting(authority_, "a.example"));
  EXPECT_NE(first->number(), trusting(authority_, "a.example")->number());
}

TEST_F(ClientTls, AnUpstreamThatSpeaksPlainHttpIsNotBelieved) {
  ScriptedUpstream upstream([](int socket, int) {
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ScriptedUpstream::read_head(socket);
  });
  EXPECT_THAT(why(with_tls(at(upstream.port()), trusting(authority_))), HasSubstr("no TLS connection"));
}

}  // namespace
}  // namespace writ::http::client_tls_test
