// Certificates for developing: good for their names and for nothing else.
#include "http/tls/development.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include "http/testing/certificates.h"
#include "http/testing/loopback.h"
#include "http/tls/openssl.h"

namespace writ::http::development_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a strict client says of it (RFC 5280): 0 is good.
int verified(const DevelopmentCertificate& made, const std::string& ca, const char* name) {
  const auto leaf = tls::read_certificates(made.identity.chain).value();
  const auto roots = tls::read_certificates(ca).value();
  X509_STORE* const store = X509_STORE_new();
  X509_STORE_add_cert(store, roots.front().get());
  X509_STORE_CTX* const context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.front().get(), nullptr);
  auto* const rules = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, name) != 1) X509_VERIFY_PARAM_set1_host(rules, name, 0);
  X509_verify_cert(context);
  const int said = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return said;
}

TEST(DevelopmentCertificate, IsGoodForItsNamesAndNoOthers) {
  const auto made =
      make_development_certificate({"localhost", "127.0.0.1", "::1", "*.dev.example"}, std::chrono::days(30))
          .value();
  for (const auto* name : {"localhost", "127.0.0.1", "::1", "shop.dev.example"})
    EXPECT_EQ(verified(made, made.ca, name), X509_V_OK) << name;
  EXPECT_EQ(verified(made, made.ca, "dev.example"), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verified(made, made.ca, "127.0.0.2"), X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST(DevelopmentCertificate, IsTrustedByItsOwnCaAlone) {
  const auto one = make_development_certificate({"localhost"}, std::chrono::days(30)).value();
  const auto other = make_development_certificate({"localhost"}, std::chrono::days(30)).value();
  EXPECT_NE(one.ca, other.ca);
  EXPECT_NE(verified(one, other.ca, "localhost"), X509_V_OK);
  // It signs nothing: neither key is the CA's.
  EXPECT_NE(verified(one, one.identity.chain, "localhost"), X509_V_OK);
}

TEST(DevelopmentCertificate, IsWhatAListenerShows) {
  const auto made = make_development_certificate({"localhost", "127.0.0.1"}, std::chrono::days(30)).value();
  ServerOptions options;
  options.tls = testing::tls_server({made.identity});
  ASSERT_EQ(options.tls->certificates().size(), 1u);
  const auto& facts = options.tls->certificates().front();
  EXPECT_THAT(facts.names, ElementsAre("localhost", "127.0.0.1"));
  EXPECT_EQ(facts.not_after - facts.not_before, 30 * 86'400 + 300);
  testing::TestServer server([](Exchange exchange) { exchange.respond(text_response(200, "hello")); },
                             options);
  testing::TlsPeer peer(server.port(), {.server_name = "localhost"});
  EXPECT_TRUE(peer.connected());
  EXPECT_EQ(peer.first_name(), "localhost");
}

TEST(DevelopmentCertificate, RefusesWhatIsNeitherAHostNorAnAddress) {
  for (const std::string name : {"", "a b", "a,DNS:evil.example", "*", "*.", "a..b", ".a", "a.", "https://a",
                                 "a:8443", "a*.example"}) {
    const auto made = make_development_certificate({name}, std::chrono::days(1));
    ASSERT_FALSE(made) << name;
    EXPECT_THAT(made.error().message, HasSubstr("`" + name + "` is not a host name or an address"));
  }
  EXPECT_FALSE(make_development_certificate({}, std::chrono::days(1)));
}

}  // namespace
}  // namespace writ::http::development_test
