#include "config/outbound.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.h"

namespace writ::config::outbound_test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Of the minimal configuration with more lines: its issues, one a line.
std::optional<Config> read(std::string_view more, std::string& said) {
  files::Issues issues;
  auto config =
      parse_config(fmt::format("version: 1\nissuer: https://writ.example\nlisten: {{api: \"127.0.0.1:1\"}}\n"
                               "policies: {{files: [p]}}\ninventory: {{}}\n{}\n",
                               more),
                   std::filesystem::path(::testing::TempDir()) / "writ.yaml", issues);
  for (const auto& issue : issues.all()) said += render(issue) + "\n";
  return config;
}
std::string issues_with(std::string_view more) {
  std::string said;
  (void)read(more, said);
  return said;
}
oauth::TrustedIssuer issuer_with(std::string_view more) {
  std::string said;
  const auto config = read(more, said);
  EXPECT_TRUE(config) << said;
  return config->trusted_issuers.at(0);
}

TEST(KeyLocation, TheIssuerAloneIsEnough) {
  const auto issuer = issuer_with("trusted_issuers: [{issuer: \"https://idp.example/realms/a\"}]");
  EXPECT_EQ(issuer.audience, "https://writ.example");
  ASSERT_TRUE(issuer.location);
  EXPECT_EQ(issuer.location->jwks_uri, "");
  EXPECT_EQ(issuer.location->refresh.usual, 15min);
  EXPECT_EQ(issuer.location->refresh.keep, 24h);
}

TEST(KeyLocation, AUrlAndHowOftenMayBeConfigured) {
  const auto issuer = issuer_with(
      "trusted_issuers: [{issuer: anybody, audience: a, jwks_uri: \"https://keys.example/a?b=c\", "
      "key_refresh: "
      "{default_seconds: 20, min_seconds: 10, max_seconds: 30, keep_seconds: 60}}]");
  EXPECT_EQ(issuer.audience, "a");
  EXPECT_EQ(issuer.location->jwks_uri, "https://keys.example/a?b=c");
  EXPECT_EQ(issuer.location->refresh.usual, 20s);
  EXPECT_EQ(issuer.location->refresh.least, 10s);
  EXPECT_EQ(issuer.location->refresh.most, 30s);
  EXPECT_EQ(issuer.location->refresh.keep, 60s);
}

TEST(KeyLocation, WhatCouldNeverBeFetchedIsAMistake) {
  const auto said = [](std::string_view issuer) {
    return issues_with(fmt::format("trusted_issuers: [{{audience: a, {}}}]", issuer));
  };
  EXPECT_THAT(said("issuer: anybody"), HasSubstr("neither `jwks_uri` nor `jwks_file` says where they are"));
  EXPECT_THAT(said("issuer: \"https://idp.example/?tenant=a\""), HasSubstr("neither `jwks_uri`"));
  EXPECT_THAT(said("issuer: \"https://idp.example\", jwks_uri: keys"), HasSubstr("`keys` is not a URL"));
  EXPECT_THAT(said("issuer: \"http://idp.example\""), HasSubstr("has to be `https://`"));
  EXPECT_THAT(said("issuer: \"https://127.0.0.1\""), HasSubstr("is a loopback address"));
  EXPECT_THAT(said("issuer: i, jwks_uri: \"https://10.0.0.1/keys\""), HasSubstr("is a private address"));
  EXPECT_THAT(said("issuer: i, jwks_uri: \"https://[::ffff:169.254.169.254]/\""), HasSubstr("metadata"));
  EXPECT_THAT(said("issuer: i, jwks_uri: \"https://nora@idp.example/\""), HasSubstr("user name"));
  EXPECT_THAT(said("issuer: i, jwks_file: absent.json, jwks_uri: \"https://idp.example/\""),
              HasSubstr("`jwks_uri` is about keys at a URL, and these are in `jwks_file`"));
  EXPECT_THAT(said("issuer: i, jwks_file: absent.json, key_refresh: {}"),
              HasSubstr("`key_refresh` is about keys at a URL"));
}

TEST(KeyLocation, TimesThatContradictEachOtherAreAMistake) {
  const auto said = [](std::string_view refresh) {
    return issues_with(
        fmt::format("trusted_issuers: [{{issuer: \"https://idp.example\", key_refresh: {{{}}}}}]", refresh));
  };
  EXPECT_EQ(said("keep_seconds: 7200"), "");
  EXPECT_THAT(said("keep_seconds: 7199"), HasSubstr("must be at least twice `max_seconds`"));
  EXPECT_THAT(said("min_seconds: 1000"), HasSubstr("must lie between"));
  EXPECT_THAT(said("max_seconds: 30"), HasSubstr("must lie between"));
  EXPECT_THAT(said("default_seconds: 0"), HasSubstr("default_seconds"));
  EXPECT_THAT(said("keep_seconds: 2592001"), HasSubstr("keep_seconds"));
}

TEST(Outbound, NamesNetworksACaAndTimes) {
  std::string said;
  const auto config = read(
      "outbound: {allow: [10.0.0.0/8, 127.0.0.1], allow_http: [10.1.0.0/16], connect_timeout_seconds: 2, "
      "timeout_seconds: 5}\ntrusted_issuers: [{issuer: \"http://10.1.0.1/a\"}]",
      said);
  ASSERT_TRUE(config) << said;
  EXPECT_EQ(config->outbound.connect_timeout, 2s);
  EXPECT_EQ(config->outbound.timeout, 5s);
  EXPECT_EQ(config->outbound.tls, nullptr);
  EXPECT_FALSE(config->outbound.rules.refusal(*http::Address::parse("10.9.9.9"), true));
  EXPECT_TRUE(config->outbound.rules.refusal(*http::Address::parse("10.9.9.9"), false));
  EXPECT_FALSE(config->outbound.rules.refusal(*http::Address::parse("10.1.9.9"), false));
}

// A file that only its owner reads.
void write_private(const char* name, std::string_view text, bool readable = false) {
  const auto file = std::filesystem::path(::testing::TempDir()) / name;
  std::ofstream(file) << text;
  using std::filesystem::perms;
  std::filesystem::permissions(
      file, perms::owner_read | perms::owner_write | (readable ? perms::others_read : perms::none));
}

TEST(Outbound, NamesAProxyAndWhatGoesWithoutIt) {
  write_private("proxy.secret", "u:p\n");
  std::string said;
  const auto config = read(
      "outbound: {proxy: {url: \"http://proxy.example:3128\", credentials_file: proxy.secret, "
      "no_proxy: [\"*.intra.example\", 10.0.0.0/8], resolves_names: true}}",
      said);
  ASSERT_TRUE(config) << said;
  const auto& proxy = config->outbound.proxy;
  ASSERT_NE(proxy, nullptr);
  EXPECT_EQ(proxy->authority(), "proxy.example:3128");
  EXPECT_EQ(proxy->authorization()->expose(), "Basic dTpw");
  EXPECT_TRUE(proxy->leaves_out("login.intra.example"));
  EXPECT_TRUE(proxy->leaves_out("10.1.1.1"));
  EXPECT_FALSE(proxy->leaves_out("login.example"));
  EXPECT_TRUE(proxy->resolves_names());
}

TEST(Outbound, AProxyResolvesNoNamesUnlessThatIsSaid) {
  std::string said;
  const auto config = read("outbound: {proxy: {url: \"http://proxy.example:3128\"}}", said);
  ASSERT_TRUE(config) << said;
  EXPECT_FALSE(config->outbound.proxy->resolves_names());
  EXPECT_EQ(config->outbound.proxy->authorization(), nullptr);
}

TEST(Outbound, MistakesOfAProxyAreTold) {
  const auto said = [](std::string_view more) {
    return issues_with(fmt::format("outbound: {{proxy: {{{}}}}}", more));
  };
  EXPECT_THAT(said("no_proxy: []"), HasSubstr("`url`"));
  EXPECT_THAT(said("url: \"https://proxy.example\""), HasSubstr("`https://proxy.example` is not a proxy"));
  EXPECT_THAT(said("url: \"http://u:p@proxy.example\""), HasSubstr("`credentials_file`"));
  EXPECT_THAT(said("url: \"http://a:1\", no_proxy: [\"*\"]"), HasSubstr("`*` is not a host"));
  EXPECT_THAT(said("url: \"http://a:1\", credentials_file: absent.secret"), HasSubstr("absent.secret"));
  write_private("empty-proxy.secret", "\n");
  EXPECT_THAT(said("url: \"http://a:1\", credentials_file: empty-proxy.secret"), HasSubstr("user:password"));
  write_private("open-proxy.secret", "u:p", true);
  EXPECT_THAT(said("url: \"http://a:1\", credentials_file: open-proxy.secret"),
              HasSubstr("the file of credentials"));
}

TEST(Outbound, MistakesAreToldWithTheirPlace) {
  EXPECT_THAT(issues_with("outbound: {allow: [intranet]}"), HasSubstr(":6:20: error: `intranet`"));
  EXPECT_THAT(issues_with("outbound: {allow_http: [10.0.0.1/8]}"), HasSubstr("bits below its prefix"));
  EXPECT_THAT(issues_with("outbound: {ca_file: absent.pem}"), HasSubstr("absent.pem"));
  EXPECT_THAT(issues_with("outbound: {timeout_seconds: 0}"), HasSubstr("timeout_seconds"));
  EXPECT_THAT(issues_with("outbound: {proxy: \"http://proxy\"}"), HasSubstr("proxy must be a map"));
  const auto file = std::filesystem::path(::testing::TempDir()) / "empty-ca.pem";
  std::ofstream(file) << "";
  EXPECT_THAT(issues_with("outbound: {ca_file: empty-ca.pem}"), HasSubstr("the CA"));
}

}  // namespace
}  // namespace writ::config::outbound_test
