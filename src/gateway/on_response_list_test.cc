// Lists that an API answers: each element is a resource of its own.
#include <gtest/gtest.h>

#include "cedar/entity_json.h"
#include "gateway/testing/answers.h"

namespace writ::gateway::on_response_list_test {
namespace {

using testing::answer_of;
using testing::head;
using testing::word;
using Records = std::vector<std::string>;

class OnResponseListTest : public testing::AnswersTest {
 protected:
  std::string counts() const {
    const auto lines = world.audit.lines();
    const auto* elements = lines.back().find("elements");
    return elements != nullptr ? elements->dump() : "";
  }
  std::string body_for(std::string_view answer, std::string_view fields = {}) {
    start(answer_of(answer, fields));
    return get("/invoices").body;
  }
};

TEST_F(OnResponseListTest, OnlyInvoicesOfTheTenantStayAndTheirBytesAreTheSame) {
  EXPECT_EQ(body_for(R"({"total":3,"items":[{"id":"a","tenant":"north", "x":1.50},{"id":"b","tenant":"south"},
                        {"id":7,"tenant":"n\u006frth"}],"next":"/invoices?after=b"})"),
            R"({"items":[{"id":"a","tenant":"north", "x":1.50},{"id":7,"tenant":"n\u006frth"}]})");
  EXPECT_EQ(records(), (Records{"api.asked", "permit"}));
  EXPECT_EQ(counts(), R"({"permitted":2,"removed":1,"removed_for":{"tenant_mismatch":1}})");
  EXPECT_EQ(world.audit.lines()[1].find("policies")->dump(), R"(["users","portal"])");
}

TEST_F(OnResponseListTest, WhatIsDeclaredHarmlessStaysBesideTheList) {
  list.keep = {"/page/size", "/asOf"};
  EXPECT_EQ(body_for(R"({"asOf": "2026-11-28" ,"page":{"total":3,"size": 20},"items":[],"more":true})"),
            R"({"asOf":"2026-11-28","page":{"size":20},"items":[]})");
  EXPECT_EQ(counts(), R"({"permitted":0,"removed":0})");
}

TEST_F(OnResponseListTest, FieldsThatCouldTellWhatWasTakenOutAreLeftOut) {
  start(answer_of(
      R"({"items":[{"id":"b","tenant":"south"}]})",
      "X-Total-Count: 1\r\nLink: </invoices?page=2>; rel=next\r\nETag: \"a\"\r\nContent-Language: en\r\n"));
  const auto answer = get("/invoices");
  EXPECT_EQ(answer.body, R"({"items":[]})");
  for (const auto* gone : {"X-Total-Count", "Link", "ETag"})
    EXPECT_FALSE(answer.headers.contains(gone)) << gone;
  EXPECT_EQ(answer.headers.find("Content-Language"), "en");
  EXPECT_EQ(answer.headers.find("Cache-Control"), "no-store");
}

TEST_F(OnResponseListTest, TheListMayBeTheWholeAnswerOrStandDeeper) {
  list.elements = ".";
  EXPECT_EQ(body_for(R"([{"id":"a","tenant":"north"},{"id":"b","tenant":"south"}])"),
            R"([{"id":"a","tenant":"north"}])");
  list.elements = "/data/items";
  EXPECT_EQ(body_for(R"({"data":{"count":1,"items":[{"id":"a","tenant":"north"}]},"o":{}})"),
            R"({"data":{"items":[{"id":"a","tenant":"north"}]}})");
}

TEST_F(OnResponseListTest, ElementsWithoutAClearIdAreTakenOut) {
  EXPECT_EQ(body_for(R"({"items":[{"tenant":"north"},{"id":null,"tenant":"north"},{"id":"","tenant":"north"},
                        {"id":{"id":"a"},"tenant":"north"},{"id":"a","ID":"b","tenant":"north"},
                        {"id":"twice","tenant":"north"},{"id":"twice","tenant":"north"},{"id":1.5,"tenant":"north"},
                        [{"id":"nested","tenant":"north"}],"text",null,{"id":"good","tenant":"north"}]})"),
            R"({"items":[{"id":"good","tenant":"north"}]})");
  EXPECT_EQ(counts(), R"({"permitted":1,"removed":11,"removed_for":{"facts_unavailable":11}})");
}

TEST_F(OnResponseListTest, AnElementThatLacksWhatDecidesIsTakenOut) {
  EXPECT_EQ(
      body_for(R"({"items":[{"id":"a"},{"id":"b","tenant":["north"]},{"id":"c","tenant":"north","Tenant":"x"},
                        {"id":"sealed","tenant":"north"}]})"),
      R"({"items":[]})");
  EXPECT_EQ(
      counts(),
      R"({"permitted":0,"removed":4,"removed_for":{"facts_unavailable":2,"policy_forbid":1,"policy_no_permit":1}})");
}

TEST_F(OnResponseListTest, AnswersThatAreNoListAreRefusedAlike) {
  list.keep = {"/total"};
  for (const auto* answer : {"{}", R"({"items":{}})", R"({"items":[],"Items":[]})", R"({"items":null})",
                             R"({"items":[],"total":{"of":3}})", R"({"\u0069tems":[]})", "[]", "1"}) {
    EXPECT_NE(body_for(answer).find("policy_no_permit"), std::string::npos) << answer;
    EXPECT_EQ(records().back(), "deny/facts_unavailable") << answer;
  }
}

TEST_F(OnResponseListTest, AListMayHaveSoManyElementsAndNoMore) {
  const auto items = [](std::size_t count) {
    std::string text = R"({"items":[)";
    for (std::size_t i = 0; i < count; ++i)
      text += fmt::format(R"({}{{"id":{},"tenant":"north"}})", i > 0 ? "," : "", i);
    return text + "]}";
  };
  EXPECT_EQ(body_for(items(kMaxElements)), items(kMaxElements));
  EXPECT_EQ(counts(), R"({"permitted":10000,"removed":0})");
  EXPECT_NE(body_for(items(kMaxElements + 1)).find("policy_no_permit"), std::string::npos);
  EXPECT_EQ(records().back(), "deny/facts_unavailable");
}

TEST_F(OnResponseListTest, AListTakesOneCallAndItsElementsNone) {
  const auto task = world.open_task(1);
  const auto claims = world.claims_in(*task);
  start(answer_of(R"({"items":[{"id":"a","tenant":"north"},{"id":"b","tenant":"north"}]})"));
  EXPECT_EQ(gateway->send(head("GET /invoices", world.token(claims))).body,
            R"({"items":[{"id":"a","tenant":"north"},{"id":"b","tenant":"north"}]})");
  EXPECT_EQ(gateway->send(head("GET /invoices", world.token(claims))).status, 403);
  EXPECT_EQ(records().back(), "deny/budget_exceeded");
}

TEST_F(OnResponseListTest, WhoNoPolicyCouldPermitAnythingGetsNoListAndTheApiIsNotAsked) {
  start(answer_of(R"({"items":[]})"));
  auto claims = world.claims();
  claims.client_id = "marketing-app";
  EXPECT_EQ(gateway->send(head("GET /invoices", world.token(claims))).status, 403);
  EXPECT_TRUE(seen().empty());
}

TEST_F(OnResponseListTest, AListOfAnotherKindOfResourceIsDecidedBeforeAsAWhole) {
  list.element_action = "refund";
  start(answer_of(R"({"items":[{"id":"a","tenant":"north"},{"id":"b","tenant":"south"}]})"));
  // The list's own permit for users needs a tenant, which no answer tells of it now.
  EXPECT_EQ(get("/invoices").status, 403);
  EXPECT_EQ(records(), Records{"deny/context_missing"});
  world.policies = testing::compiled(std::string(testing::kPoliciesOnAnswers) + R"(
@id("lists") permit (principal is Writ::User, action == Billing::Action::"read", resource == Billing::Invoice::"all");)");
  EXPECT_EQ(get("/invoices").body, R"({"items":[{"id":"a","tenant":"north"}]})");
}

TEST_F(OnResponseListTest, InsideATaskAnElementThatBringsLabelsAlongIsTakenOut) {
  auto policies = std::make_shared<decision::PolicySnapshot>(*world.policies.get());
  policies->entities = cedar::entities_from_json(R"([{"uid":{"type":"Billing::Invoice","id":"a"},
      "attrs":{"taskLabels":["read:secret"]},"parents":[]}])")
                           .value();
  world.policies = policies;
  const auto task = world.open_task();
  start(answer_of(R"({"items":[{"id":"a","tenant":"north"},{"id":"b","tenant":"north"}]})"));
  EXPECT_EQ(gateway->send(head("GET /invoices", world.token(world.claims_in(*task)))).body,
            R"({"items":[{"id":"b","tenant":"north"}]})");
  EXPECT_EQ(counts(), R"({"permitted":1,"removed":1,"removed_for":{"indeterminate":1}})");
}

}  // namespace
}  // namespace writ::gateway::on_response_list_test
