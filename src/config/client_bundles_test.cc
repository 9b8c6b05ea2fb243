// Reading SPIFFE bundles of clients' trust domains: what of them counts, and what is an error.
#include "config/client_bundles.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "config/config.h"
#include "config/world.h"
#include "http/testing/certificates.h"

namespace writ::config::client_bundles_test {
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

// Of this process, as others run beside it; gone with it.
const std::filesystem::path& own_folder() {
  struct Folder {
    Folder() { std::filesystem::create_directory(path); }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    const std::filesystem::path path =
        std::filesystem::path(::testing::TempDir()) / fmt::format("bundles-{}", ::getpid());
  };
  static const Folder folder;
  return folder.path;
}

// A listener with this beside `certificates`.
std::string said_of(std::string_view tls, const std::string& acme) {
  const auto& folder = own_folder();
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

TEST(ClientBundles, AreAtAUrlThatCouldBeAsked) {
  const auto said = [](std::string_view url) {
    return said_of(fmt::format("      client_certificates: asked\n      client_bundles: {{acme.example: "
                               "bundles-acme.json, partner.example: \"{}\"}}\n",
                               url),
                   acme_bundle());
  };
  EXPECT_THAT(said("https://spire.partner.example/bundle"), ::testing::Not(HasSubstr("error")));
  EXPECT_THAT(said("http://spire.partner.example/bundle"), HasSubstr("has to be `https://`"));
  EXPECT_THAT(said("https://169.254.169.254/bundle"), HasSubstr("will not be connected to"));
  EXPECT_THAT(said("https://"), HasSubstr("error"));
}

// What is said of an identity with this certificate, where listeners have the bundle of `acme.example`.
std::string said_of_certificate(std::string_view certificate, std::string_view bundles) {
  files::Issues issues;
  const auto& folder = own_folder();
  said_of("", acme_bundle());  // writes the files
  const auto config = parse_config(
      fmt::format("version: 1\nissuer: https://writ.example\nlisten:\n  api: \"127.0.0.1:1\"\n"
                  "  gateway:\n    address: \"127.0.0.1:2\"\n"
                  "    tls:\n      certificates: [{{chain: bundles-own.pem, key: bundles-own.key}}]\n"
                  "      client_certificates: asked\n      client_ca: bundles-own.pem\n{}"
                  "policies: {{files: [p]}}\ninventory:\n  apis: [{{id: i, audience: \"https://i\", actions: "
                  "[read]}}]\n  identities: [{{id: ledger, kind: service, certificates: [{}]}}]\n",
                  bundles, certificate),
      folder / "writ.yaml", issues);
  if (config) read_world(*config, issues);
  std::string said;
  for (const auto& issue : issues.all())
    if (issue.severity == files::Severity::kError) said += render(issue) + "\n";
  return said;
}

TEST(ClientBundles, ASpiffeIdOfATrustDomainWithoutABundleIsAnError) {
  constexpr std::string_view kAcme = "      client_bundles: {acme.example: bundles-acme.json}\n";
  constexpr std::string_view kUrl =
      "      client_bundles: {acme.example: \"https://spire.example/bundle\"}\n";
  constexpr std::string_view kId = "{uri: \"spiffe://acme.example/ledger\"}";
  EXPECT_EQ(said_of_certificate(kId, kAcme), "");
  EXPECT_EQ(said_of_certificate(kId, kUrl), "");
  EXPECT_THAT(said_of_certificate(kId, ""),
              ::testing::AllOf(HasSubstr("no listener has the bundle of the trust domain `acme.example`"),
                               HasSubstr("add `client_bundles: {acme.example: …}`")));
  EXPECT_THAT(said_of_certificate("{uri: \"spiffe://acme.example.evil/ledger\"}", kAcme),
              HasSubstr("no listener has the bundle"));
  EXPECT_THAT(said_of_certificate("{uri: \"spiffe://partner.example/ledger\"}", kAcme),
              HasSubstr("the trust domain `partner.example`"));
  EXPECT_EQ(said_of_certificate("{uri: \"https://ledger.example/a\"}", ""), "") << "not a SPIFFE id";
  EXPECT_EQ(said_of_certificate("{dns: ledger.example}", ""), "");
}

}  // namespace
}  // namespace writ::config::client_bundles_test
