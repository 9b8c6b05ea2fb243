#include "config/config.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

#include "cedar/ext_datetime.h"
#include "config/calendars.h"
#include "config/world.h"
#include "crypto/keys.h"

namespace writ::config::config_test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMinimal = R"(version: 1
issuer: http://127.0.0.1:8180
listen: {api: "127.0.0.1:8180"}
policies: {files: [policies]}
inventory: {}
)";

std::string rendered(const files::Issues& issues) {
  std::string out;
  for (const files::Issue& issue : issues.all()) out += render(issue) + "\n";
  return out;
}

// All issues of a configuration in folder /w.
std::string issues_of(std::string_view text) {
  files::Issues issues;
  const auto config = parse_config(text, "/w/writ.yaml", issues);
  EXPECT_EQ(config.has_value(), !issues.has_errors());
  return rendered(issues);
}

// The minimal configuration with more lines at its end.
std::string issues_with(std::string_view more) {
  return issues_of(std::string(kMinimal) + std::string(more));
}

Config config_with(std::string_view more) {
  files::Issues issues;
  auto config = parse_config(std::string(kMinimal) + std::string(more), "/w/writ.yaml", issues);
  EXPECT_TRUE(config) << rendered(issues);
  return std::move(config.value());
}

TEST(Config, MinimalFileGetsTheDefaults) {
  const auto config = config_with("");
  EXPECT_EQ(config.issuer, "http://127.0.0.1:8180");
  EXPECT_EQ(config.api_listen.text(), "127.0.0.1:8180");
  EXPECT_FALSE(config.gateway_listen);
  EXPECT_EQ(config.api_listen.tls, nullptr);
  EXPECT_TRUE(config.api_listen.http2);
  EXPECT_EQ(config.limits.max_streams, 100u);
  EXPECT_EQ(config.api_listen.url(81), "http://127.0.0.1:81");
  EXPECT_GT(config.limits.idle_timeout, std::chrono::seconds(60));
  EXPECT_EQ(config.data, "/w/data");
  EXPECT_EQ(config.audit.file, "audit.log");
  EXPECT_TRUE(config.audit.durable);
  EXPECT_EQ(config.token_lifetime, std::chrono::minutes(5));
  EXPECT_EQ(config.api_audience, config.issuer);
  EXPECT_EQ(config.authzen.access, AuthzenAccess::kToken);
  EXPECT_EQ(config.policies.policies, std::vector<fs::path>{"/w/policies"});
}

TEST(Config, UnknownKeyIsAnErrorWithItsPlaceAndTheAllowedOnes) {
  EXPECT_EQ(issues_with("audit: {fil: x}\n"),
            "/w/writ.yaml:6:9: error: unknown key `fil` in audit\n  help: did you mean `file`? the keys are "
            "file, mode, rotate_bytes, "
            "reserve_bytes, strangers_per_second, strangers_bytes_per_second\n");
  EXPECT_NE(issues_with("isuer: x\n").find("/w/writ.yaml:6:1: error: unknown key `isuer`"),
            std::string::npos);
}

TEST(Config, ReportsAllMistakesAtOnce) {
  const auto issues = issues_of(
      "version: 2\nissuer: ftp://x\nlisten: {api: nowhere, threads: many}\npolicies: []\ninventory: "
      "{identities: 7}\n");
  EXPECT_EQ(
      issues,
      "/w/writ.yaml:1:10: error: `version` must be 1, found 2\n"
      "/w/writ.yaml:2:9: error: `ftp://x` is not an issuer URL, expected http(s) without query, fragment "
      "and final "
      "slash\n"
      "/w/writ.yaml:3:15: error: `api` must be an IP address and a port, found `nowhere`\n"
      "  help: for example 127.0.0.1:8180 or [::1]:8180\n"
      "/w/writ.yaml:3:33: error: `threads` must be an integer, found text\n"
      "/w/writ.yaml:4:11: error: policies must be a map, found a list\n"
      "/w/writ.yaml:5:25: error: `identities` must be a list, found an integer\n");
}

TEST(Config, ActionsOfAuthzenHaveATypeForEachTypeOfResource) {
  const auto config =
      config_with("authzen: {action_type: A::Action, action_types: {mailbox: \"Mail::Action\"}}\n");
  EXPECT_EQ(config.authzen.action_type, "A::Action");
  ASSERT_EQ(config.authzen.action_types.size(), 1U);
  EXPECT_EQ(config.authzen.action_types[0], std::pair(std::string("mailbox"), std::string("Mail::Action")));
}

TEST(Config, ATypeOfAuthzenHasItsActionsUnderOneOfItsNamesOnly) {
  EXPECT_NE(
      issues_with("authzen: {types: {box: \"Mail::Box\"}, action_types: {box: A::Action, \"Mail::Box\": "
                  "B::Action}}\n")
          .find("`Mail::Box` is the same type as `box`, which has its actions already"),
      std::string::npos);
}

TEST(Config, ATypeOfAuthzenThatCanBeNoneIsRefused) {
  for (const auto* line : {"authzen: {action_type: \"a b\"}\n", "authzen: {types: {user: \"1::User\"}}\n",
                           "authzen: {action_types: {user: \"Mail::\"}}\n"})
    EXPECT_NE(issues_with(line).find("is not a Cedar type"), std::string::npos) << line;
}

TEST(Config, AKeyWithoutAValueIsAnErrorAndNotTheWidestThatItCouldMean) {
  // Any tenant, any client's name, plain HTTP, no schema, every default.
  for (const auto* line : {"trusted_issuers:\n  - issuer: https://idp.example\n    tenants:\n",
                           "trusted_issuers: [{issuer: https://idp.example, clients: ~}]\n",
                           "limits: {max_chain: null}\n", "audit:\n", "explain: {redact: }\n"})
    EXPECT_NE(issues_with(line).find(
                  "` has no value\n  help: write one, or leave the key out; an empty list is `[]`"),
              std::string::npos)
        << line << issues_with(line);
  EXPECT_NE(issues_with("audit:\n").find("/w/writ.yaml:6:1: error: `audit` has no value"), std::string::npos);
}

TEST(Config, AKeyThatIsNeededAndHasNoValueIsReportedOnce) {
  const auto issues = issues_of(
      "version:\nissuer: http://127.0.0.1:1\nlisten: {api: 127.0.0.1:1}\npolicies: {files: [p]}\ninventory: "
      "{}\n");
  EXPECT_EQ(
      issues,
      "/w/writ.yaml:1:1: error: `version` has no value\n  help: write one, or leave the key out; an empty "
      "list is `[]`\n");
}

TEST(Config, ANumberOfMoreDigitsThanThereIsRoomForIsToldItsLimits) {
  EXPECT_NE(issues_with("tokens: {lifetime_seconds: 99999999999999999999999}\n")
                .find("`lifetime_seconds` must be between 1 and 3600, found 99999999999999999999999"),
            std::string::npos);
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
  EXPECT_EQ(issues_with("limits: {max_streams: 0}\n"),
            "/w/writ.yaml:6:23: error: `max_streams` must be between 1 and 10000, found 0\n");
  EXPECT_EQ(issues_with("audit: {mode: lazy}\n"),
            "/w/writ.yaml:6:15: error: `mode` must be one of durable, buffered; found `lazy`\n");
  EXPECT_EQ(issues_with("data: \"" + std::string(1025, 'x') + "\"\n"),
            "/w/writ.yaml:6:7: error: `data` is longer than 1024 bytes\n");
}

TEST(Config, HowManyRevisionsAreKeptHasLimits) {
  const auto issues_with_keep = [](std::string_view keep) {
    return issues_of(
        "version: 1\nissuer: http://a\nlisten: {api: \"127.0.0.1:1\"}\ninventory: {}\n"
        "policies: {files: [p], keep: " +
        std::string(keep) + "}\n");
  };
  EXPECT_EQ(issues_with_keep("1"), "");
  EXPECT_EQ(issues_with_keep("1000"), "");
  for (const auto* keep : {"0", "1001"})
    EXPECT_NE(issues_with_keep(keep).find("`keep` must be between 1 and 1000"), std::string::npos) << keep;
}

TEST(Config, TheGatewayNeedsAnAddressOfItsOwn) {
  const auto issues = issues_of(
      "version: 1\nissuer: http://a\nlisten: {api: \"127.0.0.1:1\", gateway: \"127.0.0.1:1\"}\n"
      "policies: {files: [p]}\ninventory: {}\n");
  EXPECT_NE(issues.find("the gateway needs an address of its own"), issues.npos) << issues;
}

TEST(Config, ListenTakesIpv6) {
  files::Issues issues;
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
  std::optional<Config> read(std::string_view more, files::Issues& issues) {
    return parse_config(std::string(kMinimal) + std::string(more), folder_ / "writ.yaml", issues);
  }

  fs::path folder_;
};

TEST_F(TrustedIssuerConfig, IsReadWithItsKeysAndClaims) {
  write("idp.json", key_set());
  files::Issues issues;
  const auto config = read(
      "trusted_issuers:\n  - issuer: https://idp\n    audience: writ\n    jwks_file: idp.json\n"
      "    claims: {tenant: org}\n",
      issues);
  ASSERT_TRUE(config) << rendered(issues);
  ASSERT_EQ(config->trusted_issuers.size(), 1U);
  EXPECT_EQ(config->trusted_issuers[0].mapping.others.at("tenant"), "org");
  EXPECT_EQ(config->trusted_issuers[0].mapping.subject, "sub");
  EXPECT_EQ(config->trusted_issuers[0].keys.keys().size(), 1U);
}

TEST_F(TrustedIssuerConfig, RefusesAMissingOrBrokenOrEmptyKeyFile) {
  write("broken.json", "{");
  write("none.json", R"({"keys":[]})");
  for (const std::string file : {"absent.json", "broken.json", "none.json"}) {
    files::Issues issues;
    EXPECT_FALSE(read("trusted_issuers: [{issuer: i, audience: a, jwks_file: " + file + "}]\n", issues));
    ASSERT_EQ(issues.errors(), 1U) << rendered(issues);
    EXPECT_EQ(issues.all()[0].place.line, 6);
    EXPECT_NE(issues.all()[0].message.find(file), std::string::npos);
  }
}

// 2048 bits that nobody has the other half of.
std::string rsa_key(std::string_view more) {
  return fmt::format(R"({{"kty":"RSA","n":"{}Q","e":"AQAB",{}}})", std::string(341, 'r'), more);
}

TEST_F(TrustedIssuerConfig, WarnsOfEachKeyThatIsLeftOutAndKeepsTheOthers) {
  write("idp.json", R"({"keys":[)" + rsa_key(R"("kid":"good","use":"sig","alg":"RS256")") + "," +
                        rsa_key(R"("kid":"enc","use":"enc","alg":"RSA-OAEP")") + "," +
                        rsa_key(R"("kid":"old","alg":"RS1")") +
                        R"(,{"kty":"RSA","kid":"weak","alg":"RS256","n":"AQAB","e":"AQAB"}]})");
  files::Issues issues;
  const auto config = read("trusted_issuers: [{issuer: i, audience: a, jwks_file: idp.json}]\n", issues);
  ASSERT_TRUE(config) << rendered(issues);
  EXPECT_EQ(config->trusted_issuers[0].keys.keys().size(), 1U);
  EXPECT_EQ(issues.warnings(), 2U) << rendered(issues);
  const auto said = rendered(issues);
  EXPECT_NE(
      said.find("warning: key `old` of `idp.json` is not used: jwk: `alg` is `RS1`, which Writ does not "
                "verify"),
      std::string::npos)
      << said;
  EXPECT_NE(said.find("warning: key `weak` of `idp.json` is not used: key: an RSA key of 17 bits"),
            std::string::npos)
      << said;
}

TEST_F(TrustedIssuerConfig, AlgorithmsPinKeysThatNameNone) {
  write("idp.json", R"({"keys":[)" + rsa_key(R"("kid":"k")") + "]}");
  const auto allowed = [&](std::string_view more) {
    files::Issues issues;
    const auto config = read(
        fmt::format("trusted_issuers: [{{issuer: i, audience: a, jwks_file: idp.json{}}}]\n", more), issues);
    if (!config) return rendered(issues);
    std::string names;
    for (const auto* name : {"RS256", "RS384", "PS256", "ES256"})
      if (config->trusted_issuers[0].keys.keys()[0].allows(*crypto::algorithm_from_name(name)))
        names += std::string(name) + " ";
    return names;
  };
  EXPECT_EQ(allowed(""), "RS256 ");
  EXPECT_EQ(allowed(", algorithms: [PS256, RS384, ES256]"), "RS384 PS256 ");
  EXPECT_NE(allowed(", algorithms: [ES256]").find("`idp.json` is not a JWK set that can be used"),
            std::string::npos);
  EXPECT_NE(allowed(", algorithms: [HS256]").find("`HS256` is not an algorithm that Writ verifies"),
            std::string::npos);
  EXPECT_NE(allowed(", algorithms: [none]").find("`none` is not an algorithm that Writ verifies"),
            std::string::npos);
  EXPECT_NE(allowed(", algorithms: []").find("`algorithms` is empty"), std::string::npos);
}

TEST_F(TrustedIssuerConfig, TheToleranceIsThirtySecondsAndAtMostFiveMinutes) {
  write("k.json", key_set());
  const auto tolerance = [&](std::string_view more) -> std::optional<Duration> {
    files::Issues issues;
    const auto config = read(
        fmt::format("trusted_issuers: [{{issuer: i, audience: a, jwks_file: k.json{}}}]\n", more), issues);
    if (!config) return std::nullopt;
    return config->trusted_issuers[0].tolerance;
  };
  EXPECT_EQ(tolerance(""), std::chrono::seconds(30));
  EXPECT_EQ(tolerance(", tolerance_seconds: 0"), std::chrono::seconds(0));
  EXPECT_EQ(tolerance(", tolerance_seconds: 300"), std::chrono::seconds(300));
  EXPECT_EQ(tolerance(", tolerance_seconds: 301"), std::nullopt);
}

// Two providers, each with more keys.
TEST_F(TrustedIssuerConfig, SeveralIssuersNameUsersAndTenantsOfTheirOwn) {
  write("k.json", key_set());
  const auto said = [&](std::string_view a, std::string_view b) {
    files::Issues issues;
    (void)read(fmt::format("trusted_issuers:\n- {{issuer: a, audience: w, jwks_file: k.json{}}}\n"
                           "- {{issuer: b, audience: w, jwks_file: k.json{}}}\n",
                           a, b),
               issues);
    return rendered(issues);
  };
  EXPECT_EQ(said(", tenants: [north]", ", tenants: [south], subject_prefix: \"b:\""), "");
  EXPECT_EQ(said(", tenants: []", ", tenants: [], subject_prefix: \"b:\", clients: {0af3: portal}"), "");
  EXPECT_NE(said(", tenants: []", ", subject_prefix: \"b:\"")
                .find(":8:3: error: trusted issuer `b` needs `tenants`, because there are several"),
            std::string::npos);
  EXPECT_NE(
      said(", tenants: []", ", tenants: []")
          .find(":8:12: error: `b` and `a` could name each other's users: both have no `subject_prefix`"),
      std::string::npos);
  EXPECT_NE(
      said(", tenants: [], subject_prefix: a", ", tenants: [], subject_prefix: ab")
          .find(":8:76: error: `b` and `a` could name each other's users: their prefixes are `ab` and `a`"),
      std::string::npos)
      << said(", tenants: [], subject_prefix: a", ", tenants: [], subject_prefix: ab");
}

TEST_F(TrustedIssuerConfig, NoApplicationIsCalledLikeAnIssuersUsers) {
  write("k.json", key_set());
  files::Issues issues;
  const auto config = parse_config(
      "version: 1\nissuer: http://a\nlisten: {api: \"127.0.0.1:1\"}\npolicies: {files: [p]}\n"
      "trusted_issuers: [{issuer: b, audience: w, jwks_file: k.json, subject_prefix: \"b:\"}]\n"
      "inventory: {identities: [{id: \"b:nora\", kind: user}, {id: \"b:bot\", kind: agent}]}\n",
      folder_ / "writ.yaml", issues);
  ASSERT_TRUE(config) << rendered(issues);
  (void)read_world(*config, issues);
  EXPECT_NE(
      rendered(issues).find(":6:59: error: `b:bot` begins like the users of `b` (`b:`), but is not a user"),
      std::string::npos)
      << rendered(issues);
  EXPECT_EQ(issues.errors(), 1U);
}

std::string cors_issues(std::string_view cors) {
  files::Issues issues;
  const auto config = parse_config(
      fmt::format("version: 1\nissuer: http://a\nlisten: {{api: \"127.0.0.1:1\"}}\npolicies: {{files: [p]}}\n"
                  "inventory: {{apis: [{{id: shop, audience: \"https://shop.example\", namespace: Shop, "
                  "actions: [read],\n"
                  "  upstream: \"http://127.0.0.1:9\", cors: {}}}]}}\n",
                  cors),
      "/w/writ.yaml", issues);
  if (config) (void)read_world(*config, issues);
  return rendered(issues);
}

TEST(CorsConfig, ReadsWhichPagesMayCall) {
  EXPECT_EQ(cors_issues("{origins: [\"https://shop.example\"], credentials: true, expose: [X-Total], "
                        "max_age_seconds: 60}"),
            "");
}

TEST(CorsConfig, RefusesCredentialsForEveryPageAndOriginsThatNoBrowserSends) {
  const auto has = [](std::string_view cors, std::string_view message) {
    const auto issues = cors_issues(cors);
    EXPECT_NE(issues.find(message), std::string::npos) << cors << "\n" << issues;
  };
  has("{origins: [\"*\"], credentials: true}", "with a user's cookies");
  has("{origins: [\"https://shop.example/\"]}", ":6:");
  has("{origins: [\"https://shop.example/\"]}", "is not an origin");
  has("{credentials: true}", "origins");
  has("{origins: [\"*\"], max_age_seconds: 86401}", "86400");
  has("{origins: [\"*\"], methods: [GET]}", "methods");
}

TEST_F(TrustedIssuerConfig, RefusesAnIssuerGivenTwiceAndWritItself) {
  write("k.json", key_set());
  files::Issues issues;
  EXPECT_FALSE(
      read("trusted_issuers:\n- {issuer: i, audience: a, jwks_file: k.json}\n- {issuer: i, audience: a, "
           "jwks_file: "
           "k.json}\n- {issuer: \"http://127.0.0.1:8180\", audience: a, jwks_file: k.json}\n",
           issues));
  EXPECT_NE(rendered(issues).find(":8:12: error: trusted issuer `i` is given twice"), std::string::npos)
      << rendered(issues);
  EXPECT_NE(rendered(issues).find(":9:12: error: this is Writ's own issuer"), std::string::npos);
}

std::string issues_with_calendar(std::string_view windows) {
  return issues_with("calendars:\n  c: " + std::string(windows) + "\n");
}

bool in_force(const Config& config, std::string_view name, std::string_view time) {
  const auto calendar = std::ranges::find(config.calendars, name, &context::Calendar::name);
  return calendar->in_force(Instant(Duration(cedar::Datetime::parse(time)->epoch_ms)));
}

TEST(ConfigCalendars, ASpanIsBetweenTwoInstants) {
  const auto config = config_with(
      "calendars:\n  freeze:\n  - {from: 2026-12-18T00:00:00Z, until: 2026-12-20T00:00:00+0100}\n"
      "  - {from: 2026-12-31, until: 2027-01-01}\n");
  EXPECT_FALSE(in_force(config, "freeze", "2026-12-17T23:59:59Z"));
  EXPECT_TRUE(in_force(config, "freeze", "2026-12-18T00:00:00Z"));
  EXPECT_TRUE(in_force(config, "freeze", "2026-12-19T22:59:59Z"));
  EXPECT_FALSE(in_force(config, "freeze", "2026-12-19T23:00:00Z"));
  EXPECT_TRUE(in_force(config, "freeze", "2026-12-31T23:59:59Z"));
  EXPECT_FALSE(in_force(config, "freeze", "2027-01-01T00:00:00Z"));
}

TEST(ConfigCalendars, HoursOfTheWeekAreAtTheirOffsetFromUtc) {
  const auto config = config_with(
      "calendars:\n"
      "  east: [{weekdays: [mon], from: \"00:00\", until: \"24:00\", utc_offset: \"+14:00\"}]\n"
      "  west: [{weekdays: [sun], from: \"08:30\", until: \"24:00\", utc_offset: \"-09:30\"}]\n");
  EXPECT_FALSE(in_force(config, "east", "2026-03-01T09:59:59Z"));
  EXPECT_TRUE(in_force(config, "east", "2026-03-01T10:00:00Z"));
  EXPECT_TRUE(in_force(config, "east", "2026-03-02T09:59:59Z"));
  EXPECT_FALSE(in_force(config, "east", "2026-03-02T10:00:00Z"));
  EXPECT_FALSE(in_force(config, "west", "2026-03-01T17:59:59Z"));
  EXPECT_TRUE(in_force(config, "west", "2026-03-01T18:00:00Z"));
  EXPECT_TRUE(in_force(config, "west", "2026-03-02T09:29:59Z"));
  EXPECT_FALSE(in_force(config, "west", "2026-03-02T09:30:00Z"));
}

TEST(ConfigCalendars, WhatWouldNeverBeInForceIsRefused) {
  EXPECT_EQ(issues_with("calendars: [freeze]\n"),
            "/w/writ.yaml:6:12: error: `calendars` must be a map from names to lists of windows\n");
  EXPECT_EQ(issues_with_calendar("[]"),
            "/w/writ.yaml:7:6: error: calendar `c` has no windows: it would never be in force\n");
  EXPECT_EQ(issues_with_calendar("{from: 2026-01-01, until: 2026-01-02}"),
            "/w/writ.yaml:7:6: error: calendar `c` must be a list of windows\n");
  EXPECT_EQ(issues_with_calendar("[{from: 2026-01-02, until: 2026-01-02}]"),
            "/w/writ.yaml:7:33: error: the window ends at 2026-01-02, which is not after its begin at "
            "2026-01-02\n");
  EXPECT_EQ(
      issues_with_calendar("[{weekdays: [], from: \"09:00\", until: \"17:00\", utc_offset: \"+00:00\"}]"),
      "/w/writ.yaml:7:18: error: `weekdays` is empty: the window would never be in force\n");
  EXPECT_EQ(
      issues_with_calendar("[{weekdays: [mon], from: \"22:00\", until: \"06:00\", utc_offset: \"+00:00\"}]"),
      "/w/writ.yaml:7:47: error: the window ends at 06:00, which is not after its begin at 22:00\n"
      "  help: a window over midnight is two: until \"24:00\", and from \"00:00\" the next day\n");
}

TEST(ConfigCalendars, WindowsThatOverlapAreRefusedAlsoOverTheEndOfTheWeek) {
  EXPECT_EQ(issues_with_calendar("\n  - {from: 2026-02-01, until: 2026-03-01}\n"
                                 "  - {from: 2026-01-01, until: 2026-02-02}"),
            "/w/writ.yaml:9:5: error: the window overlaps the one in line 8\n");
  EXPECT_EQ(issues_with_calendar(
                "\n  - {weekdays: [sun], from: \"20:00\", until: \"24:00\", utc_offset: \"-02:00\"}\n"
                "  - {weekdays: [mon], from: \"01:59\", until: \"09:00\", utc_offset: \"+00:00\"}"),
            "/w/writ.yaml:9:5: error: the window overlaps the one in line 8\n");
  EXPECT_EQ(issues_with_calendar(
                "\n  - {weekdays: [sun], from: \"20:00\", until: \"24:00\", utc_offset: \"-02:00\"}\n"
                "  - {weekdays: [mon], from: \"02:00\", until: \"09:00\", utc_offset: \"+00:00\"}"),
            "");
  EXPECT_NE(
      issues_with_calendar("\n  - {from: 2026-02-01, until: 2026-03-01}\n"
                           "  - {weekdays: [sun], from: \"20:00\", until: \"24:00\", utc_offset: \"-02:00\"}")
          .find("has both spans of time and hours of the week"),
      std::string::npos);
}

TEST(ConfigCalendars, WhatIsNoTimeIsRefused) {
  const auto hours = [](std::string_view days, std::string_view from, std::string_view offset) {
    return issues_with_calendar(fmt::format(
        R"([{{weekdays: {}, from: "{}", until: "24:00", utc_offset: "{}"}}])", days, from, offset));
  };
  for (const auto* from : {"9:00", "09:60", "24:01", "09.00", "-1:00", "09:0a", "09:000"})
    EXPECT_NE(hours("[mon]", from, "+01:00").find("`from` is not a time of day"), std::string::npos) << from;
  for (const auto* offset : {"01:00", "+14:01", "-12:01", "+1:00", "Z", "Europe/Berlin"})
    EXPECT_NE(hours("[mon]", "09:00", offset).find("is not an offset from UTC"), std::string::npos) << offset;
  EXPECT_NE(hours("[monday]", "09:00", "+01:00").find("`monday` is not a weekday"), std::string::npos);
  EXPECT_NE(hours("[mon, mon]", "09:00", "+01:00").find("`mon` is given twice"), std::string::npos);
  EXPECT_NE(issues_with_calendar("[{weekdays: [mon], from: \"09:00\", until: \"17:00\"}]")
                .find("needs `utc_offset`"),
            std::string::npos);
  EXPECT_NE(issues_with_calendar("[{from: tomorrow, until: 2026-01-02}]")
                .find("`from` is not an instant: `tomorrow`"),
            std::string::npos);
  EXPECT_NE(issues_with_calendar("[{from: 2026-01-01, until: 2026-01-02, utc_offset: \"+01:00\"}]")
                .find("`utc_offset` goes with `weekdays`"),
            std::string::npos);
}

TEST(ConfigCalendars, HaveLimits) {
  std::string names = "calendars:\n", windows = "[";
  for (std::size_t i = 0; i <= kMaxCalendars; ++i)
    names += fmt::format("  c{}: [{{from: 2026-01-01, until: 2026-01-02}}]\n", i);
  EXPECT_NE(issues_with(names).find("there are more than 64 calendars"), std::string::npos);
  for (std::size_t i = 0; i <= kMaxCalendarWindows; ++i)
    windows += fmt::format("{{from: {}-01-01, until: {}-01-02}}, ", 1000 + i, 1000 + i);
  EXPECT_NE(issues_with_calendar(windows + "]").find("calendar `c` has more than 1024 windows"),
            std::string::npos);
  EXPECT_NE(
      issues_with("calendars:\n  " + std::string(65, 'c') + ": []\n").find("cannot be a calendar's name"),
      std::string::npos);
  EXPECT_NE(issues_with("calendars:\n  a b: []\n").find("`a b` cannot be a calendar's name"),
            std::string::npos);
}

TEST(Config, AMissingFileIsAnIssue) {
  files::Issues issues;
  EXPECT_FALSE(read_config("/nonexistent/writ.yaml", issues));
  EXPECT_EQ(
      rendered(issues),
      "/nonexistent/writ.yaml: error: cannot read `/nonexistent/writ.yaml`: No such file or directory\n");
}

TEST(IssuerUrl, IsAnAbsoluteUrlThatEveryReaderTakesForTheSame) {
  for (const auto* good : {"https://writ.example", "http://127.0.0.1:8080", "http://[::1]:8080",
                           "https://writ.example/tenants/north"})
    EXPECT_TRUE(is_issuer_url(good)) << good;
  for (const auto* bad :
       {"writ.example", "https://", "http://[::1", "http://h:99999", "https://u:p@writ.example",
        "https://writ.example/", "https://writ.example?a", "https://writ.example#a", "https://writ.exa\nmple",
        "https://writ example", "ftp://writ.example"})
    EXPECT_FALSE(is_issuer_url(bad)) << bad;
}

}  // namespace
}  // namespace writ::config::config_test
