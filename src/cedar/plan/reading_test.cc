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

}  // namespace
}  // namespace writ::cedar::reading_test
