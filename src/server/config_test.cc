#include "server/config.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

#include "crypto/keys.h"

namespace writ::server {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMinimal = R"(version: 1
issuer: http://127.0.0.1:8180
listen: {api: "127.0.0.1:8180"}
policies: {files: [policies]}
inventory: {}
)";

std::string rendered(const Issues& issues) {
  std::string out;
  for (const Issue& issue : issues.all()) out += render(issue) + "\n";
  return out;
}

// All issues of a configuration in folder /w.
std::string issues_of(std::string_view text) {
  Issues issues;
  const auto config = parse_config(text, "/w/writ.yaml", issues);
  EXPECT_EQ(config.has_value(), !issues.has_errors());
  return rendered(issues);
}

// The minimal configuration with more lines at its end.
std::string issues_with(std::string_view more) {
  return issues_of(std::string(kMinimal) + std::string(more));
}

Config config_with(std::string_view more) {
  Issues issues;
  auto config = parse_config(std::string(kMinimal) + std::string(more), "/w/writ.yaml", issues);
  EXPECT_TRUE(config) << rendered(issues);
  return std::move(config.value());
}

TEST(Config, MinimalFileGetsTheDefaults) {
  const auto config = config_with("");
  EXPECT_EQ(config.issuer, "http://127.0.0.1:8180");
  EXPECT_EQ(config.api_listen.text(), "127.0.0.1:8180");
  EXPECT_FALSE(config.gateway_listen);
  EXPECT_EQ(config.data, "/w/data");
  EXPECT_EQ(config.audit_file, "audit.log");
  EXPECT_TRUE(config.audit_durable);
  EXPECT_EQ(config.token_lifetime, std::chrono::minutes(5));
  EXPECT_EQ(config.api_audience, config.issuer);
  EXPECT_EQ(config.authzen.access, AuthzenAccess::kToken);
  EXPECT_EQ(config.policies.policies, std::vector<fs::path>{"/w/policies"});
}

TEST(Config, UnknownKeyIsAnErrorWithItsPlaceAndTheAllowedOnes) {
  EXPECT_EQ(issues_with("audit: {fil: x}\n"),
            "/w/writ.yaml:6:9: error: unknown key `fil` in audit\n  help: the keys are file, mode\n");
  EXPECT_NE(issues_with("isuer: x\n").find("/w/writ.yaml:6:1: error: unknown key `isuer`"),
            std::string::npos);
}

TEST(Config, ReportsAllMistakesAtOnce) {
  const auto issues = issues_of(
      "version: 2\nissuer: ftp://x\nlisten: {api: nowhere, threads: many}\npolicies: []\ninventory: "
      "{identities: 7}\n");
  EXPECT_EQ(issues,
            "/w/writ.yaml:1:10: error: `version` must be between 1 and 1, found 2\n"
            "/w/writ.yaml:2:9: error: `ftp://x` is no issuer URL, expected http(s) without query, fragment "
            "and final "
            "slash\n"
            "/w/writ.yaml:3:15: error: `api` must be an IP address and a port, found `nowhere`\n"
            "  help: for example 127.0.0.1:8180 or [::1]:8180\n"
            "/w/writ.yaml:3:33: error: `threads` must be an integer, found text\n"
            "/w/writ.yaml:4:11: error: policies must be a map, found a list\n"
            "/w/writ.yaml:5:25: error: `identities` must be a list, found an integer\n");
}

TEST(Config, NamesWhatIsMissing) {
  EXPECT_EQ(issues_of("version: 1\n"),
            "/w/writ.yaml:1:1: error: the configuration needs `issuer`\n"
            "/w/writ.yaml:1:1: error: the configuration needs `listen`\n"
            "/w/writ.yaml:1:1: error: the configuration needs `policies`\n"
            "/w/writ.yaml:1:1: error: the configuration needs `inventory`\n");
}

TEST(Config, ANumberWhereTextBelongsSaysToQuoteIt) {
  EXPECT_EQ(
      issues_with("data: 7\n"),
      "/w/writ.yaml:6:7: error: `data` must be text, found an integer\n  help: put it in quotes: \"7\"\n");
}

TEST(Config, ValuesOutsideTheirLimitsAreRefused) {
  EXPECT_EQ(issues_with("tokens: {lifetime_seconds: 0}\n"),
            "/w/writ.yaml:6:28: error: `lifetime_seconds` must be between 1 and 3600, found 0\n");
  EXPECT_EQ(issues_with("tokens: {lifetime_seconds: 3601}\n"),
            "/w/writ.yaml:6:28: error: `lifetime_seconds` must be between 1 and 3600, found 3601\n");
  EXPECT_EQ(issues_with("limits: {max_chain: 9}\n"),
            "/w/writ.yaml:6:21: error: `max_chain` must be between 0 and 8, found 9\n");
  EXPECT_EQ(issues_with("audit: {mode: lazy}\n"),
            "/w/writ.yaml:6:15: error: `mode` must be one of durable, buffered; found `lazy`\n");
  EXPECT_EQ(issues_with("data: \"" + std::string(1025, 'x') + "\"\n"),
            "/w/writ.yaml:6:7: error: `data` is longer than 1024 bytes\n");
}

TEST(Config, TheGatewayNeedsAnAddressOfItsOwn) {
  const auto issues = issues_of(
      "version: 1\nissuer: http://a\nlisten: {api: \"127.0.0.1:1\", gateway: \"127.0.0.1:1\"}\n"
      "policies: {files: [p]}\ninventory: {}\n");
  EXPECT_NE(issues.find("the gateway needs an address of its own"), issues.npos) << issues;
}

TEST(Config, ListenTakesIpv6) {
  Issues issues;
  const auto config = parse_config(
      "version: 1\nissuer: http://a\nlisten: {api: \"[::1]:81\"}\npolicies: {files: [p]}\ninventory: {}\n",
      "w.yaml", issues);
  ASSERT_TRUE(config) << rendered(issues);
  EXPECT_EQ(config->api_listen.address, "::1");
  EXPECT_EQ(config->api_listen.text(), "[::1]:81");
}

class TrustedIssuerConfig : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("writ-config-{}", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }
  std::string key_set() const {
    const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
    return jose::JwkSet::of({key.public_jwk()}).value().to_json().dump();
  }
  std::optional<Config> read(std::string_view more, Issues& issues) {
    return parse_config(std::string(kMinimal) + std::string(more), folder_ / "writ.yaml", issues);
  }

  fs::path folder_;
};

TEST_F(TrustedIssuerConfig, IsReadWithItsKeysAndClaims) {
  write("idp.json", key_set());
  Issues issues;
  const auto config = read(
      "trusted_issuers:\n  - issuer: https://idp\n    audience: writ\n    jwks_file: idp.json\n"
      "    claims: {tenant: org}\n",
      issues);
  ASSERT_TRUE(config) << rendered(issues);
  ASSERT_EQ(config->trusted_issuers.size(), 1U);
  EXPECT_EQ(config->trusted_issuers[0].mapping.tenant, "org");
  EXPECT_EQ(config->trusted_issuers[0].mapping.subject, "sub");
  EXPECT_EQ(config->trusted_issuers[0].keys.keys().size(), 1U);
}

TEST_F(TrustedIssuerConfig, RefusesAMissingOrBrokenOrEmptyKeyFile) {
  write("broken.json", "{");
  write("none.json", R"({"keys":[]})");
  for (const std::string file : {"absent.json", "broken.json", "none.json"}) {
    Issues issues;
    EXPECT_FALSE(read("trusted_issuers: [{issuer: i, audience: a, jwks_file: " + file + "}]\n", issues));
    ASSERT_EQ(issues.errors(), 1U) << rendered(issues);
    EXPECT_EQ(issues.all()[0].place.line, 6);
    EXPECT_NE(issues.all()[0].message.find(file), std::string::npos);
  }
}

TEST_F(TrustedIssuerConfig, RefusesAnIssuerGivenTwiceAndWritItself) {
  write("k.json", key_set());
  Issues issues;
  EXPECT_FALSE(
      read("trusted_issuers:\n- {issuer: i, audience: a, jwks_file: k.json}\n- {issuer: i, audience: a, "
           "jwks_file: "
           "k.json}\n- {issuer: \"http://127.0.0.1:8180\", audience: a, jwks_file: k.json}\n",
           issues));
  EXPECT_NE(rendered(issues).find(":8:12: error: trusted issuer `i` is given twice"), std::string::npos)
      << rendered(issues);
  EXPECT_NE(rendered(issues).find(":9:12: error: this is Writ's own issuer"), std::string::npos);
}

TEST(Config, AMissingFileIsAnIssue) {
  Issues issues;
  EXPECT_FALSE(read_config("/nonexistent/writ.yaml", issues));
  EXPECT_EQ(
      rendered(issues),
      "/nonexistent/writ.yaml: error: cannot read `/nonexistent/writ.yaml`: No such file or directory\n");
}

}  // namespace
}  // namespace writ::server
