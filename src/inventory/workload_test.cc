#include "inventory/workload.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "inventory/identity.h"

namespace writ::inventory::workload_test {
namespace {

using codec::Json;

Json parse(std::string_view text) {
  return codec::parse_json(text).value();
}
std::string problem_of(std::string_view claims) {
  const auto read = conditions_from_json(parse(claims));
  return read ? "" : read.error().message;
}
WorkloadRule rule(std::string_view claims) {
  return {.issuer = "https://i", .claims = conditions_from_json(parse(claims)).value()};
}

TEST(Workload, OnlyTextsNumbersAndBooleansAreCompared) {
  const auto claims = parse(R"({"a":"x","b":7,"c":true,"d":null,"e":["x"],"f":{"g":"y"},"h":1.5})");
  EXPECT_EQ(claim_text(claims, {"a"}), "x");
  EXPECT_EQ(claim_text(claims, {"b"}), "7");
  EXPECT_EQ(claim_text(claims, {"c"}), "true");
  EXPECT_EQ(claim_text(claims, {"f", "g"}), "y");
  for (const auto& path : {ClaimNames{"d"}, ClaimNames{"e"}, ClaimNames{"f"}, ClaimNames{"h"},
                           ClaimNames{"f", "x"}, ClaimNames{"a", "x"}, ClaimNames{"z"}})
    EXPECT_EQ(claim_text(claims, path), std::nullopt) << claim_name(path);
}

TEST(Workload, TheWayToAMemberIsByNameAndNotByDots) {
  const auto claims = parse(R"({"kubernetes.io":{"namespace":"billing"}})");
  EXPECT_EQ(claim_text(claims, {"kubernetes.io", "namespace"}), "billing");
  EXPECT_EQ(claim_text(claims, {"kubernetes.io.namespace"}), std::nullopt);
}

TEST(Workload, ALongValueIsALimit) {
  EXPECT_EQ(problem_of(fmt::format(R"({{"a":"{}"}})", std::string(512, 'x'))), "");
  EXPECT_NE(problem_of(fmt::format(R"({{"a":"{}"}})", std::string(kMaxConditionBytes + 1, 'x'))), "");
}

TEST(Workload, WhatIsNotAConditionIsRefused) {
  EXPECT_NE(problem_of(R"("x")"), "");
  EXPECT_NE(problem_of(R"({"a":null})"), "");
  EXPECT_NE(problem_of(R"({"a":[{}]})"), "");
  EXPECT_NE(problem_of(R"({"a":{}})"), "");
  EXPECT_NE(problem_of(R"({"a":""})"), "");
}

TEST(Workload, RulesCouldBeOneUnlessAClaimTellsThemApart) {
  EXPECT_TRUE(could_be_one(rule(R"({"a":"1"})"), rule(R"({"a":"1"})")));
  EXPECT_TRUE(could_be_one(rule(R"({"a":"1"})"), rule(R"({"b":"1"})")));
  EXPECT_TRUE(could_be_one(rule(R"({"a":["1","2"]})"), rule(R"({"a":["2","3"]})")));
  EXPECT_FALSE(could_be_one(rule(R"({"a":["1","2"]})"), rule(R"({"a":["3"]})")));
  EXPECT_FALSE(could_be_one(rule(R"({"a":"1","b":"x"})"), rule(R"({"a":"1","b":"y"})")));
  auto elsewhere = rule(R"({"a":"1"})");
  elsewhere.issuer = "https://j";
  EXPECT_FALSE(could_be_one(rule(R"({"a":"1"})"), elsewhere));
  auto one = rule(R"({"a":"1"})"), other = one;
  one.audience = "x", other.audience = "y";
  EXPECT_FALSE(could_be_one(one, other));
}

TEST(Workload, AnIdentityHasSoManyRulesAndCertificates) {
  Identity identity{.id = "ci", .kind = Kind::kService};
  identity.workloads.assign(kMaxWorkloadRules, rule(R"({"a":"1"})"));
  identity.certificates.assign(kMaxCertificateRules, {.dns = "a.example"});
  EXPECT_TRUE(validate(identity));
  identity.workloads.push_back(identity.workloads.front());
  EXPECT_FALSE(validate(identity));
  identity.workloads.clear();
  identity.certificates.push_back(identity.certificates.front());
  EXPECT_FALSE(validate(identity));
}

TEST(Workload, ItIsKeptWholeAndShownAsCredentialsOnly) {
  Identity identity{.id = "ci", .kind = Kind::kService};
  identity.workloads = {rule(R"({"a":{"b":["1","2"],"c":"3"},"d":"4"})")};
  identity.workloads.front().audience = "https://x";
  identity.workloads.front().facts = {{"ref", {"ref"}}, {"pod", {"kubernetes.io", "pod", "name"}}};
  identity.certificates = {{.uri = "spiffe://acme.example/ci"}, {.dns = "ci.example"}};
  identity.introspects = {"invoices"};
  identity.certificate_bound = true;
  const auto record = identity_record(identity);
  const auto read = identity_from_record(record);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(identity_record(*read), record);
  EXPECT_EQ(read->workloads.front().claims.size(), 3u);
  const auto shown = identity_to_json(identity, Status::kActive).dump();
  EXPECT_NE(shown.find(R"("type":"federation","id":"https://i")"), std::string::npos) << shown;
  EXPECT_NE(shown.find("spiffe://acme.example/ci"), std::string::npos);
  EXPECT_EQ(shown.find("workload"), std::string::npos);
}

TEST(Workload, OverTheApiNobodyGivesThemToAnIdentity) {
  for (const auto* member : {R"("workload":[])", R"("certificates":[])", R"("introspects":["invoices"])",
                             R"("certificate_bound":true)", R"("previous_secret":{})"})
    EXPECT_FALSE(identity_from_json(parse(fmt::format(R"({{"id":"ci","kind":"service",{}}})", member))))
        << member;
}

}  // namespace
}  // namespace writ::inventory::workload_test
