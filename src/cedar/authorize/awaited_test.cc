#include "cedar/awaited.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "cedar/entity_json.h"
#include "cedar/parse.h"

namespace writ::cedar::awaited_test {
namespace {

// The conditions that are open for a request by User::"ann" to view Doc::"d", of which `stage` is known and
// `owner` and `tenant` are awaited.
std::string open_of(
    const std::vector<std::string>& conditions, std::string_view scope = "principal, action, resource",
    std::string_view entities = R"([{"uid":{"type":"Doc","id":"d"},"attrs":{"stage":"draft"},"parents":[]},
                        {"uid":{"type":"User","id":"ann"},"attrs":{"tenant":"north"},"parents":[]}])") {
  std::string text;
  for (const auto& condition : conditions)
    text += fmt::format("forbid ({}) when {{ {} }};\n", scope, condition);
  const auto set = CompiledPolicySet::compile(parse_policies(text).value()).value();
  const auto known = entities_from_json(entities).value();
  Arena arena;
  const Request request{arena.entity("User", "ann"), arena.entity("Action", "view"), arena.entity("Doc", "d"),
                        Value::record(empty_record())};
  Evaluation evaluation;
  const std::vector<std::string> awaited = {"owner", "tenant"};
  std::vector<PolicyIndex> open = {77};
  authorize(*set, request, *known, evaluation);
  find_open_policies(*set, request, *known, awaited, evaluation, open);
  return fmt::format("{}", fmt::join(open, " "));
}

TEST(Awaited, APolicyThatFailsForWantOfOneIsOpen) {
  EXPECT_EQ(open_of({"resource.owner == principal", "true", R"(resource.stage == "draft")",
                     R"(resource.tenant.name == "n")"}),
            "0 3");
}

TEST(Awaited, APolicyThatIsSettledBeforeItComesUponOneIsNot) {
  EXPECT_EQ(open_of({R"(resource.stage == "final" && resource.owner == principal)",
                     R"(resource.stage == "draft" || resource.owner == principal)"}),
            "");
}

TEST(Awaited, APolicyThatAsksWhetherOneIsThereIsOpenHoweverItCameOut) {
  EXPECT_EQ(open_of({"resource has owner", "!(resource has owner)", "resource has owner.name",
                     "resource has stage", "if resource has tenant then true else true"}),
            "0 1 2 4");
}

TEST(Awaited, WhoAsksOnlyOthersIsNotOpen) {
  EXPECT_EQ(open_of({"principal has tenant", "context has owner", "principal has friend.owner",
                     "context has owner.tenant", "principal has owner.name"}),
            "2 3");
}

TEST(Awaited, ManyThatAskAreFoundAsFewAre) {
  std::vector<std::string> conditions;
  for (int i = 0; i < 50; ++i) {
    conditions.emplace_back("principal has tenant");
    conditions.push_back(fmt::format("resource has owner && {} == {}", i, i));
  }
  std::vector<int> odd;
  for (int i = 1; i < 100; i += 2) odd.push_back(i);
  EXPECT_EQ(open_of(conditions), fmt::format("{}", fmt::join(odd, " ")));
  EXPECT_EQ(open_of(conditions, R"(principal == User::"bob", action, resource)"), "");
}

TEST(Awaited, ManyThatAskOfThePrincipalAloneAreNotOpen) {
  std::vector<std::string> conditions(50, "principal has tenant");
  EXPECT_EQ(open_of(conditions), "");
  conditions.emplace_back("resource has tenant");
  EXPECT_EQ(open_of(conditions), "50");
}

TEST(Awaited, WhatOthersLackIsNotAwaited) {
  EXPECT_EQ(open_of({"principal.owner == resource", "resource.unknown == 1", R"({"a": 1}.owner == 1)",
                     "Doc::\"other\".owner == principal", R"(principal.tenant == "north")"}),
            "");
}

TEST(Awaited, OfAResourceThatNobodyKnowsAllIsAwaited) {
  EXPECT_EQ(open_of({"resource.owner == principal", "resource.stage == \"draft\"", "resource has tenant"},
                    "principal, action, resource", "[]"),
            "0 2");
}

TEST(Awaited, APolicyThatDoesNotMeetTheRequestIsNotOpen) {
  EXPECT_EQ(open_of({"resource has owner", "resource.owner == principal"},
                    R"(principal == User::"bob", action, resource)"),
            "");
}

}  // namespace
}  // namespace writ::cedar::awaited_test
