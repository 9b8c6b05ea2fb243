// SPIFFE trust domains at a listener: each one's CA speaks for its own workloads, for nobody else's, and for
// nothing else; and no other CA speaks for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/server.h"
#include "http/testing/certificates.h"
#include "http/testing/loopback.h"

namespace writ::http::trust_domains_test {
namespace {

using ::testing::EndsWith;
using testing::TestAuthority;
using testing::TestServer;
using testing::TlsPeer;

void tell_names(Exchange exchange) {
  std::string names = "none";
  if (const auto& told = exchange.request().peer_names) {
    names.clear();
    for (const auto& name : *told) names += name + " ";
  }
  exchange.respond(text_response(200, "\n" + names));
}

class TrustDomains : public ::testing::Test {
 protected:
  std::string names_of(const TlsIdentity* identity) const {
    TlsPeer client(server_.port(), {.identity = identity});
    client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const auto answer = client.read_all();
    const auto body = answer.rfind('\n');
    return body == answer.npos ? "cut" : answer.substr(body + 1);
  }
  std::string names_of(const TlsIdentity& identity) const { return names_of(&identity); }
  ServerOptions options() const {
    ServerOptions made;
    made.tls = TlsServer::make({.identities = {ca_.issue({"a.example"})},
                                .clients = ClientCertificates::kAsked,
                                .client_ca = ca_.certificate(),
                                .trust_domains = {{"acme.example", acme_.certificate()},
                                                  {"partner.example", partner_.certificate()}}})
                   .value();
    return made;
  }

  const TestAuthority ca_{"Clients"}, acme_{"Acme"}, partner_{"Partner"};
  TestServer server_{tell_names, options()};
};

TEST_F(TrustDomains, ACaSpeaksForTheWorkloadsOfItsDomain) {
  EXPECT_EQ(names_of(acme_.issue({"spiffe://acme.example/billing/ledger"})),
            "URI:spiffe://acme.example/billing/ledger ");
  EXPECT_EQ(names_of(partner_.issue({"spiffe://partner.example/a"})), "URI:spiffe://partner.example/a ");
}

TEST_F(TrustDomains, NotForThoseOfAnotherDomain) {
  EXPECT_EQ(names_of(partner_.issue({"spiffe://acme.example/billing/ledger"})), "");
  EXPECT_EQ(names_of(partner_.issue({"spiffe://partner.example.evil/a"})), "") << "a name that begins alike";
  EXPECT_EQ(names_of(partner_.issue({"spiffe://partner.example/a", "spiffe://acme.example/a"})),
            "URI:spiffe://partner.example/a ");
}

TEST_F(TrustDomains, AndForNothingElse) {
  EXPECT_EQ(names_of(acme_.issue({"ledger.acme.example"})), "");
  EXPECT_EQ(names_of(acme_.issue({"spiffe://acme.example/a", "ledger.acme.example"})),
            "URI:spiffe://acme.example/a ");
  EXPECT_EQ(names_of(acme_.issue({"https://acme.example/a"})), "");
}

TEST_F(TrustDomains, NoOtherCaSpeaksForThem) {
  EXPECT_EQ(names_of(ca_.issue({"spiffe://acme.example/billing/ledger"})), "");
  EXPECT_EQ(names_of(ca_.issue({"spiffe://other.example/a", "ledger.acme.example"})),
            "URI:spiffe://other.example/a DNS:ledger.acme.example ")
      << "of a domain that nobody named, as before";
}

TEST_F(TrustDomains, ACertificateOfNobodyHereEndsTheHandshake) {
  const TestAuthority stranger("Acme");
  EXPECT_EQ(names_of(stranger.issue({"spiffe://acme.example/billing/ledger"})), "cut");
  EXPECT_EQ(names_of(nullptr), "none");
}

TEST_F(TrustDomains, AloneTheyAreEnough) {
  const auto made = TlsServer::make({.identities = {ca_.issue({"a.example"})},
                                     .clients = ClientCertificates::kRequired,
                                     .trust_domains = {{"acme.example", acme_.certificate()}}});
  ASSERT_TRUE(made);
  server_.server().replace_tls(*made);
  EXPECT_EQ(names_of(acme_.issue({"spiffe://acme.example/a"})), "URI:spiffe://acme.example/a ");
  EXPECT_EQ(names_of(ca_.issue({"one.example"})), "cut");
}

TEST_F(TrustDomains, OneWhoseCasAreNotKnownIsSpokenForByNobody) {
  const auto made = TlsServer::make({.identities = {ca_.issue({"a.example"})},
                                     .clients = ClientCertificates::kAsked,
                                     .client_ca = ca_.certificate(),
                                     .trust_domains = {{"acme.example", "", "https://spire.example/keys"}}});
  ASSERT_TRUE(made) << made.error().message;
  server_.server().replace_tls(*made);
  EXPECT_EQ(names_of(ca_.issue({"spiffe://acme.example/a", "one.example"})), "DNS:one.example ");
  EXPECT_EQ(names_of(acme_.issue({"spiffe://acme.example/a"})), "cut");
  EXPECT_EQ(names_of(nullptr), "none") << "whoever shows no certificate is not kept out";
}

TEST_F(TrustDomains, OnceTheyAreKnownItsWorkloadsAreThem) {
  const auto without =
      TlsServer::make({.identities = {ca_.issue({"a.example"})},
                       .clients = ClientCertificates::kRequired,
                       .trust_domains = {{"acme.example", "", "https://spire.example/keys"}}});
  ASSERT_TRUE(without) << without.error().message;
  server_.server().replace_tls(*without);
  EXPECT_EQ(names_of(acme_.issue({"spiffe://acme.example/a"})), "cut");
  auto domains = (*without)->trust_domains();
  domains.front().ca = acme_.certificate();
  const auto with = (*without)->with(domains);
  ASSERT_TRUE(with) << with.error().message;
  server_.server().replace_tls(*with);
  EXPECT_EQ(names_of(acme_.issue({"spiffe://acme.example/a"})), "URI:spiffe://acme.example/a ");
}

TEST_F(TrustDomains, WhatIsNoCertificateIsRefusedWithItsDomain) {
  const auto made = TlsServer::make({.identities = {ca_.issue({"a.example"})},
                                     .clients = ClientCertificates::kAsked,
                                     .trust_domains = {{"acme.example", "not PEM"}}});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, ::testing::StartsWith("trust domain `acme.example`"));
}

}  // namespace
}  // namespace writ::http::trust_domains_test
