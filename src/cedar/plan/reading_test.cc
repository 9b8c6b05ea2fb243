#include "cedar/reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/parse.h"

namespace writ::cedar::reading_test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::shared_ptr<const CompiledPolicySet> compiled(std::string_view text) {
  return CompiledPolicySet::compile(parse_policies(text).value()).value();
}

constexpr std::string_view kPolicy = R"(@id("clerks")
  permit (principal == U::"nora", action in [Action::"read", Action::"write"], resource is D)
  when { resource has owner.name && resource.owner.name like "a*" || context.at < datetime("2026-01-01") };)";

TEST(PolicyReading, SaysAllThatAPolicySays) {
  const auto set = compiled(kPolicy);
  const auto reading = read_policy(*set, 0);
  for (const auto* part :
       {"clerks", "permit", "U::\"nora\"", "Action::\"write\"", "resource is D", "a*", "2026-01-01"})
    EXPECT_THAT(reading.text, HasSubstr(part));
  EXPECT_THAT(reading.names, Contains("owner"));
  EXPECT_THAT(reading.names, Contains("name"));
  EXPECT_THAT(reading.names, Contains("at"));
  bool names_nora = false, has_date = false;
  for (const Value value : reading.constants) {
    names_nora = names_nora || (value.is(Kind::kEntity) && value.as_entity().id() == "nora");
    has_date = has_date || value.is(Kind::kDatetime);
  }
  EXPECT_TRUE(names_nora);
  EXPECT_TRUE(has_date);
}

TEST(PolicyReading, IsEqualWhateverStandsBesideIt) {
  const auto alone = compiled(kPolicy);
  const auto among = compiled(std::string("forbid (principal, action, resource) when { context.late };") +
                              std::string(kPolicy));
  EXPECT_EQ(read_policy(*alone, 0).text.substr(std::string("policy0").size()),
            read_policy(*among, 1).text.substr(std::string("policy1").size()));
  EXPECT_THAT(read_policy(*among, 1).names, Not(Contains("late")));
}

TEST(PolicyReading, ADifferenceAnywhereIsOneOfTheText) {
  const auto text = [](std::string_view policy) { return read_policy(*compiled(policy), 0).text; };
  const auto plain = text("permit (principal, action, resource) when { context.a };");
  EXPECT_NE(plain, text("forbid (principal, action, resource) when { context.a };"));
  EXPECT_NE(plain, text("permit (principal is U, action, resource) when { context.a };"));
  EXPECT_NE(plain, text("permit (principal, action, resource) unless { context.a };"));
  EXPECT_NE(plain, text(R"(@note("x") permit (principal, action, resource) when { context.a };)"));
  EXPECT_NE(plain, text("permit (principal, action, resource) when { context.b };"));
}

MembersRead members_of(std::string_view conditions) {
  // The set is borrowed from.
  static std::vector<std::shared_ptr<const CompiledPolicySet>> sets;
  sets.push_back(compiled("permit (principal, action, resource) when { " + std::string(conditions) + " };"));
  return sets.back()->members_read();
}

TEST(MembersRead, WhatNoConditionNamesIsNotRead) {
  const auto read =
      members_of(R"(context.amount < 5 && resource has owner.team && principal.tags.contains("x"))");
  for (const auto* name : {"amount", "owner", "team", "tags"}) EXPECT_TRUE(read.reads(name)) << name;
  for (const auto* name : {"score", "x", "amoun", ""}) EXPECT_FALSE(read.reads(name)) << name;
  EXPECT_FALSE(read.takes_context_whole());
}

TEST(MembersRead, ARecordThatIsOnlyLookedIntoIsNotTakenWhole) {
  const auto read = members_of("context.request.time > context.start && context has request.ip");
  EXPECT_TRUE(read.reads("request"));
  EXPECT_FALSE(read.takes_whole("request"));
  EXPECT_TRUE(read.takes_whole("time"));
}

TEST(MembersRead, WhateverIsComparedChosenOrPutIntoAnotherValueIsTakenWhole) {
  for (const auto* condition :
       {R"(context.at == {"x": 1})", "[context.at].contains(resource.x)", "context.at",
        R"({"y": context.at} == resource.x)", "(if context.c then context.at else context.b).x == 1",
        "resource.x.contains(context.at)"})
    EXPECT_TRUE(members_of(condition).takes_whole("at")) << condition;
}

TEST(MembersRead, AContextThatIsComparedIsTakenWhole) {
  EXPECT_TRUE(members_of(R"(context == {"x": 1})").takes_context_whole());
  EXPECT_TRUE(members_of("[context].contains(resource.x)").takes_context_whole());
  EXPECT_FALSE(members_of("context has x").takes_context_whole());
}

}  // namespace
}  // namespace writ::cedar::reading_test
