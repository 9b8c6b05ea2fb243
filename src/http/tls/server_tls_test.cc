// A listener that speaks TLS, seen by clients that speak it well, badly, or not at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

#include "http/h2/frame_meter.h"
#include "http/server.h"
#include "http/testing/certificates.h"
#include "http/testing/http2_peer.h"
#include "http/testing/loopback.h"

namespace writ::http::server_tls_test {
namespace {

using testing::block_of;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::exchange_raw;
using testing::frame_bytes;
using testing::get_fields;
using ::testing::HasSubstr;
using testing::kEndHeadersFlag;
using testing::kEndStreamFlag;
using testing::kHeadersFrame;
using testing::kSettingsFrame;
using ::testing::Not;
using testing::RawClient;
using ::testing::StartsWith;
using testing::TestAuthority;
using testing::TestServer;
using testing::tls_server;
using testing::TlsPeer;
using testing::TlsPeerOptions;
using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kLastGet = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
constexpr int kTls12 = 0x0303, kTls11 = 0x0302;

void echo(Exchange exchange) {
  Exchange::read_whole_body(std::move(exchange), 0, [](Exchange whole) {
    std::string body = whole.request().path + "|" + whole.request().body;
    whole.respond(text_response(200, std::move(body)));
  });
}

class ServerTls : public ::testing::Test {
 protected:
  ServerOptions options(std::shared_ptr<const TlsServer> tls) {
    ServerOptions made;
    made.tls = std::move(tls);
    return made;
  }
  ServerOptions options() { return options(tls_server({authority_.issue({"a.example"})})); }
  std::string get(const TestServer& server, const TlsPeerOptions& peer = {}) {
    TlsPeer client(server.port(), peer);
    client.send(kLastGet);
    return client.read_all();
  }

  const TestAuthority authority_;
};

TEST_F(ServerTls, ServesAndKeepsTheConnection) {
  TestServer server(echo, options());
  TlsPeer client(server.port());
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.version(), "TLSv1.3");
  EXPECT_EQ(client.protocol(), "http/1.1");
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    EXPECT_THAT(client.read(17), "HTTP/1.1 200 OK\r\n");
    std::string rest;
    while (!rest.ends_with("/a|")) rest += client.read(1);
  }
  client.send(kLastGet);
  EXPECT_THAT(client.read_all(), EndsWith("/a|"));
  EXPECT_TRUE(client.told_of_end());
  EXPECT_EQ(server.stats().handshakes, 1u);
}

TEST_F(ServerTls, CarriesLargeBodiesBothWays) {
  auto large = options();
  large.max_body_bytes = 8 << 20;
  TestServer server(echo, large);
  const std::string body(3'000'000, 'x');
  TlsPeer client(server.port());
  ASSERT_TRUE(client.send(
      "POST /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n" + body));
  const auto answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(answer.ends_with("/b|" + body));
}

TEST_F(ServerTls, AnswersWhatWasPipelined) {
  TestServer server(echo, options());
  TlsPeer client(server.port());
  std::string many;
  for (int i = 0; i < 500; ++i) many += kGet;
  client.send(many + std::string(kLastGet));
  const auto all = client.read_all();
  std::size_t answers = 0;
  for (auto at = all.find("HTTP/1.1 200"); at != all.npos; at = all.find("HTTP/1.1 200", at + 1)) ++answers;
  EXPECT_EQ(answers, 501u);
}

TEST_F(ServerTls, SpeaksVersion12WithForwardSecrecyAlone) {
  TestServer server(echo, options());
  EXPECT_THAT(get(server, {.max_version = kTls12}), EndsWith("/a|"));
  const char* const weak = "AES128-SHA:AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0";
  EXPECT_FALSE(TlsPeer(server.port(), {.max_version = kTls12, .ciphers = weak}).connected());
}

TEST_F(ServerTls, OlderVersionsAreRefused) {
  TestServer server(echo, options());
  EXPECT_FALSE(TlsPeer(server.port(), {.max_version = kTls11, .ciphers = "ALL:@SECLEVEL=0"}).connected());
  EXPECT_EQ(server.stats().handshakes_failed, 1u);
}

TEST_F(ServerTls, AClientThatOffersOtherProtocolsAloneIsRefused) {
  TestServer server(echo, options());
  EXPECT_FALSE(TlsPeer(server.port(), {.alpn = "h3"}).connected());
  EXPECT_TRUE(TlsPeer(server.port(), {.alpn = ""}).connected());
}

TEST_F(ServerTls, SpeaksHttp2ToWhoeverOffersItByAlpn) {
  TestServer server(echo, options());
  TlsPeer client(server.port(), {.alpn = "h2"});
  ASSERT_EQ(client.protocol(), "h2");
  client.send(std::string(kHttp2Preface) + frame_bytes(kSettingsFrame, 0, 0, "") +
              frame_bytes(kHeadersFrame, kEndHeadersFlag | kEndStreamFlag, 1, block_of(get_fields("/a"))));
  std::string all;
  for (std::string next; all.find("/a|") == all.npos && !(next = client.read(1)).empty();) all += next;
  EXPECT_THAT(all, HasSubstr("/a|"));
  EXPECT_EQ(server.stats().http2_connections, 1u);
  // Over TLS the preface alone is no sign of it.
  TlsPeer other(server.port(), {.alpn = ""});
  other.send(kHttp2Preface);
  EXPECT_THAT(other.read_all(), StartsWith("HTTP/1.1 505"));
  // And who was promised HTTP/2 speaks nothing else.
  TlsPeer liar(server.port(), {.alpn = "h2"});
  liar.send(kLastGet);
  EXPECT_THAT(liar.read_all(), Not(HasSubstr("HTTP/1.1")));
  EXPECT_EQ(server.stats().requests, 1u);
}

TEST_F(ServerTls, WhereHttp2IsSwitchedOffItIsNotChosen) {
  auto without = options();
  without.http2 = false;
  TestServer server(echo, without);
  EXPECT_FALSE(TlsPeer(server.port(), {.alpn = "h2"}).connected());
  EXPECT_EQ(TlsPeer(server.port()).protocol(), "http/1.1");
}

TEST_F(ServerTls, ChoosesTheCertificateByName) {
  TestServer server(echo,
                    options(tls_server({authority_.issue({"a.example"}), authority_.issue({"*.b.example"}),
                                        authority_.issue({"special.b.example", "c.example"})})));
  const auto shown = [&](const std::string& asked) {
    return TlsPeer(server.port(), {.server_name = asked}).first_name();
  };
  EXPECT_EQ(shown("a.example"), "a.example");
  EXPECT_EQ(shown("any.b.example"), "*.b.example");
  EXPECT_EQ(shown("ANY.B.example"), "*.b.example");
  EXPECT_EQ(shown("special.b.example"), "special.b.example");
  EXPECT_EQ(shown("c.example"), "special.b.example");
  for (const auto* other : {"", "b.example", "two.any.b.example", "unknown.example"})
    EXPECT_EQ(shown(other), "a.example") << other;
}

TEST_F(ServerTls, ARequiredClientCertificateIsRequiredAndChecked) {
  const auto known = authority_.issue({"client"});
  const TestAuthority elsewhere("Test CA");
  const auto forged = elsewhere.issue({"client"}), expired = authority_.issue({"client"}, -7200, -3600);
  TestServer server(echo, options(tls_server({authority_.issue({"a.example"})}, ClientCertificates::kRequired,
                                             authority_.certificate())));
  EXPECT_THAT(get(server, {.identity = &known}), EndsWith("/a|"));
  for (const TlsIdentity* bad : {static_cast<const TlsIdentity*>(nullptr), &forged, &expired}) {
    EXPECT_EQ(get(server, {.identity = bad}), "");
    EXPECT_EQ(get(server, {.identity = bad, .max_version = kTls12}), "");
  }
  EXPECT_EQ(server.stats().requests, 1u);
}

TEST_F(ServerTls, AClientCertificateThatIsAskedForMayBeAbsentButNotBad) {
  const auto known = authority_.issue({"client"});
  const TestAuthority elsewhere("Test CA");
  const auto forged = elsewhere.issue({"client"});
  TestServer server(echo, options(tls_server({authority_.issue({"a.example"})}, ClientCertificates::kAsked,
                                             authority_.certificate())));
  EXPECT_THAT(get(server, {.identity = &known}), EndsWith("/a|"));
  EXPECT_THAT(get(server), EndsWith("/a|"));
  EXPECT_EQ(get(server, {.identity = &forged}), "");
}

TEST_F(ServerTls, TheNamesInAClientsCertificateAreTold) {
  const auto known = authority_.issue({"one.example", "two.example", "192.0.2.1"});
  TestServer server(
      [](Exchange exchange) {
        std::string names = "none";
        if (const auto& told = exchange.request().peer_names) {
          names.clear();
          for (const auto& name : *told) names += name + " ";
        }
        exchange.respond(text_response(200, std::move(names)));
      },
      options(tls_server({authority_.issue({"a.example"})}, ClientCertificates::kAsked,
                         authority_.certificate())));
  EXPECT_THAT(get(server, {.identity = &known}), EndsWith("DNS:one.example DNS:two.example "));
  EXPECT_THAT(get(server), EndsWith("none"));
}

TEST_F(ServerTls, NewCertificatesAreForNewConnectionsAndCutNone) {
  TestServer server(echo, options());
  TlsPeer before(server.port());
  before.send(kGet);
  before.read(17);
  server.server().replace_tls(tls_server({authority_.issue({"new.example"})}));
  EXPECT_EQ(TlsPeer(server.port()).first_name(), "new.example");
  before.send(kLastGet);
  EXPECT_THAT(before.read_all(), EndsWith("/a|"));
  EXPECT_EQ(before.first_name(), "a.example");
}

TEST_F(ServerTls, PlainHttpIsToldToUseTls) {
  TestServer server(echo, options());
  const auto answer = exchange_raw(server.port(), kGet);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("`https`"));
  EXPECT_EQ(server.stats().requests, 0u);
}

TEST_F(ServerTls, GarbageEndsTheConnectionAndNoOther) {
  TestServer server(echo, options());
  TlsPeer other(server.port());
  for (const std::string& garbage : {std::string("\x16\x03\x01\x00\x05hello", 10), std::string(10'000, '\0'),
                                     std::string("\x16\x03\x01\xff\xff", 5)}) {
    RawClient client(server.port());
    client.send(garbage);
    client.shutdown_send();
    client.read_all();
  }
  other.send(kLastGet);
  EXPECT_THAT(other.read_all(), EndsWith("/a|"));
  EXPECT_EQ(server.stats().handshakes_failed, 3u);
}

TEST_F(ServerTls, AHandshakeThatDoesNotGoOnIsClosed) {
  auto impatient = options();
  impatient.handshake_timeout = 100ms;
  TestServer server(echo, impatient);
  RawClient silent(server.port()), slow(server.port());
  slow.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8));
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(slow.closed());
}

TEST_F(ServerTls, HandshakesCountAsConnectionsAndHoldUpNobodyWhoIsServed) {
  auto few = options();
  few.max_connections_per_source = 20;
  TestServer server(echo, few);
  TlsPeer served(server.port());
  std::vector<std::unique_ptr<RawClient>> pending;
  for (int i = 0; i < 19; ++i) {
    pending.push_back(std::make_unique<RawClient>(server.port()));
    pending.back()->send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8));
  }
  RawClient over(server.port());
  EXPECT_TRUE(over.closed());
  EXPECT_EQ(server.stats().connections_over_source_limit, 1u);
  served.send(kLastGet);
  EXPECT_THAT(served.read_all(), EndsWith("/a|"));
}

TEST_F(ServerTls, AnAnswerThatIsCutOffIsNotEndedProperly) {
  TestServer server(
      [](Exchange exchange) {
        exchange.start({.status = 200, .headers = {}, .content_length = std::nullopt});
        auto held = std::make_shared<Exchange>(std::move(exchange));
        held->write("half", [held](Result<void>) { held->abort(); });
      },
      options());
  TlsPeer client(server.port());
  client.send("GET /a HTTP/1.0\r\n\r\n");
  client.read_all();
  EXPECT_FALSE(client.told_of_end());
}

TEST(TlsServerOptions, WhatCannotWorkIsRefused) {
  const TestAuthority authority;
  const auto good = authority.issue({"a"}), other = authority.issue({"b"});
  const auto why = [](std::vector<TlsIdentity> identities,
                      ClientCertificates clients = ClientCertificates::kNone, std::string ca = {}) {
    const auto made = TlsServer::make(
        {.identities = std::move(identities), .clients = clients, .client_ca = std::move(ca)});
    return made ? std::string() : made.error().message;
  };
  EXPECT_EQ(why({good}), "");
  EXPECT_THAT(why({}), HasSubstr("no certificate"));
  EXPECT_THAT(why({good, {.chain = other.chain, .key = good.key}}), StartsWith("certificate 2"));
  EXPECT_THAT(why({{.chain = "nothing", .key = good.key}}), HasSubstr("no certificate in it"));
  EXPECT_THAT(why({{.chain = good.chain + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                    .key = good.key}}),
              HasSubstr("not all of it"));
  EXPECT_THAT(why({{.chain = good.chain, .key = std::make_shared<const Secret>("nothing")}}),
              HasSubstr("unencrypted private key"));
  EXPECT_THAT(why({good}, ClientCertificates::kAsked, ""), HasSubstr("the clients' CA"));
}

TEST(TlsServerOptions, CertificatesSayUntilWhenTheyAreGood) {
  const TestAuthority authority;
  const auto server = tls_server({authority.issue({"a.example", "127.0.0.1"}, -10, 90)});
  ASSERT_EQ(server->certificates().size(), 1u);
  const auto& facts = server->certificates().front();
  EXPECT_THAT(facts.names, ElementsAre("a.example", "127.0.0.1"));
  EXPECT_EQ(facts.not_after - facts.not_before, 100);
}

}  // namespace
}  // namespace writ::http::server_tls_test
