// Clients with a certificate in TLS (RFC 8705), with a secret in the body, and with two secrets while one
// replaces the other.
#include <gtest/gtest.h>

#include "oauth/testing/workloads.h"

namespace writ::oauth::testing::client_credentials_test {
namespace {

// ---- Certificates (RFC 8705) ----

class CertificateClients : public ::testing::Test {
 protected:
  WorkloadWorld w_;
  CertificateClients() {
    w_.add({.id = "svid",
            .kind = inventory::Kind::kService,
            .certificates = {{.uri = "spiffe://acme.example/svid"}}});
    w_.add(
        {.id = "batch", .kind = inventory::Kind::kService, .certificates = {{.dns = "batch.acme.example"}}});
    w_.add(
        {.id = "pinned", .kind = inventory::Kind::kService, .certificates = {{.thumbprint = kThumbprint}}});
  }
  std::string shown(std::string_view client, std::vector<std::string> names, std::string thumbprint = "other",
                    const Fields& more = {}) {
    Fields fields{{"client_id", std::string(client)}};
    if (client.empty()) fields.clear();
    auto request = post("/oauth2/token", World::joined(fields, more));
    request.peer_certificate = std::move(thumbprint);
    request.peer_names = std::make_shared<const std::vector<std::string>>(std::move(names));
    const auto form = Form::parse(request.body).value();
    const auto credentials = Credentials::read(request, form);
    if (!credentials) return w_.text(credentials.error());
    const auto authenticated = w_.workload_clients.authenticate(*credentials, w_.clock.now());
    return authenticated ? authenticated->id() : w_.text(authenticated.error());
  }
  static constexpr const char* kThumbprint = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";
};

TEST_F(CertificateClients, ACertificateIsItsClient) {
  EXPECT_EQ(shown("svid", {"URI:spiffe://acme.example/svid"}), "svid");
  EXPECT_EQ(shown("batch", {"DNS:other.acme.example", "DNS:batch.acme.example"}), "batch");
  EXPECT_EQ(shown("pinned", {}, kThumbprint), "pinned");
}

TEST_F(CertificateClients, AnotherNameIsRefused) {
  EXPECT_EQ(shown("svid", {"URI:spiffe://acme.example/svid/x"}), kNobody);
  EXPECT_EQ(shown("svid", {"DNS:spiffe://acme.example/svid"}), kNobody) << "a name of another type";
  EXPECT_EQ(shown("batch", {"DNS:*.acme.example"}), kNobody);
  EXPECT_EQ(shown("batch", {"DNS:BATCH.acme.example"}), kNobody);
  EXPECT_EQ(shown("pinned", {"DNS:batch.acme.example"}), kNobody);
}

// SPIFFE X.509-SVID §2: exactly one URI.
TEST_F(CertificateClients, ASvidWithTwoUrisIsNobodys) {
  EXPECT_EQ(shown("svid", {"URI:spiffe://acme.example/svid", "URI:spiffe://acme.example/admin"}), kNobody);
}

TEST_F(CertificateClients, AnotherClientsCertificateIsRefusedInTheSameWords) {
  EXPECT_EQ(shown("svid", {"DNS:batch.acme.example"}), kNobody);
  const auto said = w_.said;
  EXPECT_EQ(shown("nobody", {"DNS:batch.acme.example"}), kNobody);
  EXPECT_EQ(w_.said, said);
  EXPECT_EQ(shown("support-portal", {"DNS:batch.acme.example"}), kNobody);
  EXPECT_EQ(w_.said, said);
}

// So that somebody can adopt it.
TEST_F(CertificateClients, TheAuditHasWhatARuleForItWouldName) {
  shown("nobody", {"DNS:mailer.acme.example", "URI:spiffe://acme.example/mailer"});
  EXPECT_TRUE(
      w_.recorded.starts_with(R"(certificate {"uri":"spiffe://acme.example/mailer"}: client `nobody`: )"))
      << w_.recorded;
  EXPECT_EQ(w_.said.find("mailer"), std::string::npos);
  shown("nobody", {"DNS:mailer.acme.example", "DNS:other.acme.example"});
  EXPECT_TRUE(w_.recorded.starts_with(R"(certificate {"dns":"mailer.acme.example"}: )")) << w_.recorded;
  shown("nobody", {"URI:spiffe://a.example/1", "URI:spiffe://a.example/2"}, kThumbprint);
  EXPECT_TRUE(w_.recorded.starts_with(std::string(R"(certificate {"sha256":")") + kThumbprint))
      << w_.recorded;
}

TEST_F(CertificateClients, WithoutClientIdNobodyIsMeant) {
  EXPECT_EQ(shown("", {"URI:spiffe://acme.example/svid"}), kNobody);
}

TEST_F(CertificateClients, BesideASecretTheSecretCounts) {
  EXPECT_EQ(shown("svid", {"URI:spiffe://acme.example/svid"}, "other", {{"client_secret", "guess"}}),
            kNobody);
}

TEST_F(CertificateClients, WithoutACertificateNobodyIsLetIn) {
  EXPECT_EQ(shown("svid", {}, ""), kNobody);
}

// ---- Secrets: in the body, and while they are replaced ----

class Secrets : public ::testing::Test {
 protected:
  WorkloadWorld w_;
  std::string posted(std::string_view client, std::string_view secret) {
    return w_.authenticate({{"client_id", std::string(client)}, {"client_secret", std::string(secret)}});
  }
  void replace(Instant until) {
    auto portal = w_.directory.snapshot()->find("support-portal")->identity();
    portal.previous_secret = inventory::PreviousSecret{*portal.secret_hash, until};
    portal.secret_hash = crypto::hash_secret(Secret("new")).value();
    ASSERT_TRUE(w_.directory.update(portal).has_value());
  }
};

TEST_F(Secrets, ASecretInTheBodyIsAccepted) {
  EXPECT_EQ(posted("support-portal", kSecret), "support-portal");
  EXPECT_EQ(posted("support-portal", "guess"), kNobody);
  EXPECT_EQ(posted("nobody", kSecret), kNobody);
  EXPECT_EQ(posted("nora", kSecret), kNobody);
}

TEST_F(Secrets, ASecretWithoutItsClientIsRefused) {
  EXPECT_EQ(w_.authenticate({{"client_secret", std::string(kSecret)}}), kNobody);
}

TEST_F(Secrets, ASecretAtTwoPlacesIsRefused) {
  const Fields fields{{"client_id", "support-portal"}, {"client_secret", std::string(kSecret)}};
  const auto request = post("/oauth2/token", fields, World::basic("support-portal"));
  const auto credentials = Credentials::read(request, Form::parse(request.body).value());
  ASSERT_FALSE(credentials);
  EXPECT_EQ(w_.text(credentials.error()), "invalid_request/caller_mismatch");
}

TEST_F(Secrets, ASecretInTheBodyWaitsWithThoseThatAreHashed) {
  using Standing = ClientAuthentication::Standing;
  const auto standing = [&](const Fields& fields) {
    return w_.workload_clients.glance(post("/oauth2/token", fields), w_.clock.now()).standing;
  };
  const Fields fields{{"client_id", "support-portal"}, {"client_secret", std::string(kSecret)}};
  EXPECT_EQ(standing(fields), Standing::kSecret);
  EXPECT_EQ(posted("support-portal", kSecret), "support-portal");
  EXPECT_EQ(standing(fields), Standing::kKnown);
  EXPECT_EQ(standing(w_.as_agent()), Standing::kAssertion);
}

TEST_F(Secrets, BothSecretsAreGoodWhileOneReplacesTheOther) {
  replace(w_.clock.now() + 1h);
  EXPECT_EQ(posted("support-portal", "new"), "support-portal");
  EXPECT_EQ(posted("support-portal", kSecret), "support-portal");
  EXPECT_EQ(posted("support-portal", kSecret), "support-portal") << "from memory";
  EXPECT_EQ(posted("support-portal", "guess"), kNobody);
}

TEST_F(Secrets, ThePreviousSecretEndsAtItsTimeAlsoFromMemory) {
  replace(w_.clock.now() + 60s);
  EXPECT_EQ(posted("support-portal", kSecret), "support-portal");
  w_.clock.advance(59s);
  EXPECT_EQ(posted("support-portal", kSecret), "support-portal");
  w_.clock.advance(1s);
  EXPECT_EQ(posted("support-portal", kSecret), kNobody);
  EXPECT_EQ(posted("support-portal", "new"), "support-portal");
}

}  // namespace
}  // namespace writ::oauth::testing::client_credentials_test
