#include "policy/reload.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::policy::reload_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

files::YamlNode yaml(std::string_view text) {
  files::Issues issues;
  return files::parse_yaml(text, "writ.yaml", issues).value();
}

std::vector<std::string> warnings(std::string_view before, std::string_view now) {
  files::Issues issues;
  warn_of_restart(yaml(before), yaml(now), "writ.yaml", issues);
  EXPECT_FALSE(issues.has_errors());
  std::vector<std::string> messages;
  for (const auto& issue : issues.all()) messages.push_back(render(issue));
  return messages;
}

constexpr std::string_view kBefore =
    "issuer: https://a\npolicies: {files: [a], keep: 3}\nlimits: {max_chain: 2}\ninventory: {apis: [1]}\n";

TEST(ReloadTest, NamesWhatIsTakenOver) {
  EXPECT_THAT(reloaded_keys(yaml(kBefore), yaml(kBefore)), IsEmpty());
  EXPECT_THAT(
      reloaded_keys(yaml(kBefore), yaml("issuer: https://b\npolicies: {files: [b], keep: 3}\n"
                                        "inventory: {apis: [1, 2]}\ncalendars: {}\n"
                                        "fact_sources: [{name: orders}]\nposture: {exceptions: []}\n")),
      ElementsAre("policies.files", "inventory", "calendars", "fact_sources", "posture", "limits.max_chain"));
}

TEST(ReloadTest, WhatDiffersIsAnotherValueWhereverItStands) {
  const std::vector<std::string_view> values{"null",
                                             "true",
                                             "false",
                                             "1",
                                             "2",
                                             "1.0",
                                             "1.00",
                                             "2.5",
                                             "\"1\"",
                                             "x",
                                             "'x'",
                                             "y",
                                             "[]",
                                             "[1]",
                                             "[1, x]",
                                             "[x, 1]",
                                             "[[1], x]",
                                             "{}",
                                             "{a: 1}",
                                             "{a: 2}",
                                             "{b: 1}",
                                             "{a: {a: {a: 1}}}",
                                             "{a: {a: {a: 2}}}",
                                             "{a: 1, b: [x]}",
                                             "{a: 1,    b:   ['x']}",
                                             "{b: [x], a: 1}",
                                             "{a: 1, b: [x, y]}"};
  for (const auto one : values) {
    for (const auto other : values) {
      const auto before = yaml(fmt::format("inventory: {}\n", one));
      const auto now = yaml(fmt::format("# a line more\ninventory: {}\n", other));
      const bool is_same = to_json(before) == to_json(now);
      EXPECT_EQ(reloaded_keys(before, now).empty(), is_same) << one << " and " << other;
    }
  }
}

TEST(ReloadTest, TakesOtherCertificatesOverButNotWhetherAListenerSpeaksTls) {
  const auto listen = [](std::string_view gateway) {
    return fmt::format("listen:\n  api: 127.0.0.1:1\n  gateway: {}\n", gateway);
  };
  const auto plain = listen("127.0.0.1:2"), bare = listen("{address: 127.0.0.1:2}");
  const auto tls = listen("{address: 127.0.0.1:2, tls: {certificates: [a]}}");
  const auto other = listen("{address: 127.0.0.1:2, tls: {certificates: [b]}}");
  EXPECT_THAT(reloaded_keys(yaml(tls), yaml(other)), ElementsAre("listen.gateway.tls"));
  EXPECT_THAT(warnings(tls, other), IsEmpty());
  EXPECT_THAT(reloaded_keys(yaml(bare), yaml(tls)), IsEmpty());
  EXPECT_THAT(warnings(bare, tls), ElementsAre(HasSubstr("`listen.gateway.tls (on or off)`")));
  EXPECT_THAT(warnings(tls, bare), ElementsAre(HasSubstr("`listen.gateway.tls (on or off)`")));
  EXPECT_THAT(warnings(plain, tls), ElementsAre(HasSubstr("`listen.gateway`")));
  EXPECT_THAT(warnings(plain, listen("127.0.0.1:3")), ElementsAre(HasSubstr("`listen.gateway`")));
}

TEST(ReloadTest, TakesOverWhichApisTakeTheTokensOfAnIssuerAndNothingElseOfIt) {
  constexpr std::string_view kIssuer =
      "trusted_issuers: [{issuer: a, tenants: [n]}, {issuer: b, accept: [1]}]";
  constexpr std::string_view kOther =
      "trusted_issuers: [{issuer: a, tenants: [n], accept: [2]}, {issuer: b}]";
  constexpr std::string_view kMore = "trusted_issuers: [{issuer: a, tenants: [m], accept: [2]}, {issuer: b}]";
  EXPECT_THAT(reloaded_keys(yaml(kIssuer), yaml(kOther)), ElementsAre("trusted_issuers.accept"));
  EXPECT_THAT(warnings(kIssuer, kOther), IsEmpty());
  EXPECT_THAT(reloaded_keys(yaml(kIssuer), yaml(kMore)), IsEmpty());
  EXPECT_THAT(warnings(kIssuer, kMore), ElementsAre(HasSubstr("`trusted_issuers` changed: restart Writ")));
  EXPECT_TRUE(takes_over_accept(yaml(kIssuer), yaml(kOther)));
  EXPECT_FALSE(takes_over_accept(yaml(kIssuer), yaml(kMore)));
  EXPECT_FALSE(takes_over_accept(yaml(kIssuer), yaml("issuer: a")));
  EXPECT_THAT(warnings(kIssuer, "trusted_issuers: [{issuer: a}]"),
              ElementsAre(HasSubstr("`trusted_issuers`")));
}

TEST(ReloadTest, OnlyWhereSomethingStandsIsNoDifference) {
  EXPECT_THAT(
      reloaded_keys(yaml("inventory: {apis: [1]}"), yaml("# moved\n\ninventory:\n  apis:\n    - 1\n")),
      IsEmpty());
}

TEST(ReloadTest, WarnsWithItsPlaceOfWhatWaitsForTheNextStart) {
  EXPECT_THAT(warnings(kBefore, kBefore), IsEmpty());
  EXPECT_THAT(
      warnings(kBefore,
               "policies: {files: [b], keep: 4}\nlimits: {max_chain: 3, max_connections: 9}\n"
               "inventory: {apis: []}\n"),
      ElementsAre(HasSubstr("writ.yaml:1:30: warning: `policies.keep` changed: restart Writ to apply it"),
                  HasSubstr("`limits.max_connections`"), HasSubstr("`issuer`")));
}

}  // namespace
}  // namespace writ::policy::reload_test
