// Reading SPIFFE bundles of clients' trust domains: what of them counts, and what is an error.
#include "config/client_bundles.h"

#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"
#include "http/testing/certificates.h"

namespace writ::config {
namespace {

using ::testing::HasSubstr;

// The base64 of a PEM.
std::string der_of(std::string pem) {
  pem = pem.substr(pem.find('\n') + 1);
  pem = pem.substr(0, pem.find("-----END"));
  std::erase(pem, '\n');
  return pem;
}

std::string bundle(const std::string& x5c, std::string_view use = "x509-svid") {
  return fmt::format(
      R"({{"keys": [{{"kty": "EC", "use": "jwt-svid", "kid": "j"}}, {{"kty": "EC", "use": "{}", "x5c": {}}}]}})",
      use, x5c);
}

TEST(ClientBundle, HoldsTheCasForX509Svids) {
  const http::testing::TestAuthority authority("Acme");
  const auto ca = x509_authorities(bundle(fmt::format(R"(["{}"])", der_of(authority.certificate()))));
  ASSERT_TRUE(ca) << ca.error().message;
  EXPECT_EQ(*ca, authority.certificate());
}

TEST(ClientBundle, WithoutThemItIsRefused) {
  const auto why = [](const std::string& text) {
    const auto ca = x509_authorities(text);
    return ca ? std::string("read") : ca.error().message;
  };
  EXPECT_THAT(why(R"({"keys": []})"), HasSubstr("no key with `use: x509-svid`"));
  EXPECT_THAT(why(bundle(R"(["aaaa"])", "sig")), HasSubstr("no key with `use: x509-svid`"));
  EXPECT_THAT(why("{}"), HasSubstr("`keys` is missing"));
  EXPECT_THAT(why("[]"), HasSubstr("`keys` is missing"));
  EXPECT_THAT(why(bundle("[]")), HasSubstr("one certificate in `x5c`"));
  EXPECT_THAT(why(bundle(R"(["aaaa", "bbbb"])")), HasSubstr("one certificate in `x5c`"));
  EXPECT_NE(why(bundle(R"(["not base64!"])")), "read");
  EXPECT_NE(why("not JSON"), "read");
}

// A listener with this beside `certificates`.
std::string said_of(std::string_view tls, const std::string& acme) {
  const std::filesystem::path folder = ::testing::TempDir();
  const http::testing::TestAuthority own("Own");
  const auto identity = own.issue({"a.example"});
  const auto write = [&](const char* name, std::string_view text) {
    std::filesystem::remove(folder / name);
    std::ofstream(folder / name) << text;
    std::filesystem::permissions(folder / name, std::filesystem::perms::owner_read);
  };
  write("bundles-own.pem", identity.chain);
  write("bundles-own.key", identity.key->expose());
  write("bundles-acme.json", acme);
  files::Issues issues;
  const auto config = parse_config(
      fmt::format("version: 1\nissuer: https://writ.example\nlisten:\n  api:\n    address: \"127.0.0.1:1\"\n"
                  "    tls:\n      certificates: [{{chain: bundles-own.pem, key: bundles-own.key}}]\n{}"
                  "policies: {{files: [p]}}\ninventory:\n  apis: [{{id: i, audience: \"https://i\", actions: "
                  "[read]}}]\n",
                  tls),
      folder / "writ.yaml", issues);
  std::string said;
  for (const auto& issue : issues.all()) {
    if (issue.message.find("certificate ends") == std::string::npos &&
        issue.message.find("ends on") == std::string::npos)
      said += render(issue) + "\n";
  }
  if (config && config->api_listen.tls != nullptr &&
      std::ranges::find(config->tls_files, folder / "bundles-acme.json") == config->tls_files.end())
    said += "the bundle is not read again";
  return said;
}

std::string acme_bundle() {
  static const http::testing::TestAuthority authority("Acme");
  return bundle(fmt::format(R"(["{}"])", der_of(authority.certificate())));
}

TEST(ClientBundles, AreReadForTheirTrustDomainsAndReadAgainWhenTheyChange) {
  EXPECT_THAT(
      said_of("      client_certificates: asked\n      client_bundles: {acme.example: bundles-acme.json}\n",
              acme_bundle()),
      ::testing::Not(::testing::AnyOf(HasSubstr("error"), HasSubstr("not read again"))));
}

TEST(ClientBundles, WhatTheyCannotBeIsSaidWithWhatToDo) {
  constexpr std::string_view kAsked = "      client_certificates: asked\n";
  const auto said = [&](std::string_view bundles, const std::string& file) {
    return said_of(fmt::format("{}      client_bundles: {}\n", kAsked, bundles), file);
  };
  EXPECT_THAT(said("{acme.example: bundles-acme.json}", R"({"keys": []})"), HasSubstr("bundle show"));
  EXPECT_THAT(said("{\"spiffe://acme.example\": bundles-acme.json}", acme_bundle()),
              HasSubstr("not the name of a SPIFFE trust domain"));
  EXPECT_THAT(said("{Acme.example: bundles-acme.json}", acme_bundle()), HasSubstr("in lower case"));
  EXPECT_THAT(said("{}", acme_bundle()), HasSubstr("a map from 1 to 64 trust domains"));
  EXPECT_THAT(said("[bundles-acme.json]", acme_bundle()), HasSubstr("a map from 1 to 64 trust domains"));
  EXPECT_THAT(said_of("      client_bundles: {acme.example: bundles-acme.json}\n", acme_bundle()),
              HasSubstr("no client is asked for a certificate"));
  EXPECT_THAT(said_of("      client_certificates: asked\n", acme_bundle()), HasSubstr("`client_bundles`"));
}

}  // namespace
}  // namespace writ::config
