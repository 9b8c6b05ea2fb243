// OCSP responses that clients get with a certificate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/server.h"
#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::http::staple_test {
namespace {

using ::testing::HasSubstr;
using testing::TestAuthority;
using testing::TestServer;
using testing::tls_server;
using testing::TlsPeer;

class StapleTest : public ::testing::Test {
 protected:
  static std::string status_at(const TlsIdentity& identity, bool asks = true) {
    ServerOptions options;
    options.tls = tls_server({identity});
    const TestServer server([](Exchange exchange) { exchange.respond(text_response(200, "")); }, options);
    const TlsPeer peer(server.port(), {.asks_for_status = asks});
    EXPECT_TRUE(peer.connected());
    return peer.status();
  }
  static std::string refused(TlsIdentity identity) {
    const auto made = TlsServer::make({.identities = {std::move(identity)}});
    return made ? "taken" : made.error().message;
  }

  const TestAuthority authority;
  const TlsIdentity plain = authority.issue({"a.example"});
};

TEST_F(StapleTest, AClientThatAsksGetsTheResponseOfTheCa) {
  const auto stapled = authority.stapled(plain);
  EXPECT_EQ(status_at(stapled), stapled.ocsp);
  EXPECT_EQ(status_at(stapled, false), "");
  EXPECT_EQ(status_at(plain), "");
}

TEST_F(StapleTest, AResponseThatHasBecomeTooOldIsNotGiven) {
  EXPECT_EQ(status_at(authority.stapled(plain, true, -1)), "");
}

TEST_F(StapleTest, AResponseThatSaysRevokedIsRefused) {
  EXPECT_THAT(refused(authority.stapled(plain, false)), HasSubstr("the certificate is revoked"));
}

TEST_F(StapleTest, AResponseAboutAnotherCertificateIsRefused) {
  auto identity = authority.stapled(plain);
  identity.ocsp = authority.stapled(authority.issue({"b.example"})).ocsp;
  EXPECT_THAT(refused(identity), HasSubstr("about another certificate"));
}

TEST_F(StapleTest, AResponseOfAStrangerIsRefused) {
  // It has the name of the CA, and another key.
  const TestAuthority stranger;
  auto identity = authority.stapled(plain);
  identity.ocsp = stranger.stapled(plain).ocsp;
  EXPECT_NE(refused(identity), "taken");
}

TEST_F(StapleTest, AResponseNeedsItsIssuerInTheChain) {
  auto identity = authority.stapled(plain);
  identity.chain = plain.chain;
  EXPECT_THAT(refused(identity), HasSubstr("no issuer behind the certificate"));
}

TEST_F(StapleTest, WhatIsNotAResponseIsRefused) {
  auto identity = authority.stapled(plain);
  const auto whole = identity.ocsp;
  for (const auto& wrong : {std::string("nonsense"), whole + "x", whole.substr(0, whole.size() - 1)}) {
    identity.ocsp = wrong;
    EXPECT_THAT(refused(identity), HasSubstr("not an OCSP response"));
  }
  identity.ocsp = whole;
  identity.ocsp.back() = static_cast<char>(identity.ocsp.back() ^ 1);
  EXPECT_NE(refused(identity), "taken");
}

}  // namespace
}  // namespace writ::http::staple_test
