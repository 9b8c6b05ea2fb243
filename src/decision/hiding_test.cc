#include "decision/hiding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/parse.h"

namespace writ::decision::hiding_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> absences(const std::string& conditions, const std::string& effect) {
  const auto policies = cedar::parse_policies(effect + " (principal, action, resource) " + conditions + ";");
  return helpful_absences(policies.value().policies.at(0));
}

TEST(Hiding, APermitMayAskForWhatIsThere) {
  EXPECT_THAT(absences("when { context has purpose && context.purpose == \"support\" }", "permit"),
              IsEmpty());
  EXPECT_THAT(absences("unless { !(context has task) }", "permit"), IsEmpty());
  EXPECT_THAT(
      absences("when { if context has task then context.task.purpose == \"a\" else false }", "permit"),
      IsEmpty());
}

TEST(Hiding, APermitThatAsksForWhatIsAbsentIsReported) {
  EXPECT_THAT(absences("unless { context has task }", "permit"), ElementsAre("context.task"));
  EXPECT_THAT(absences("when { !(context has task) || context.task.purpose == \"a\" }", "permit"),
              ElementsAre("context.task"));
  EXPECT_THAT(absences("when { if context has task then false else true }", "permit"),
              ElementsAre("context.task"));
}

TEST(Hiding, AForbidThatAsksForWhatIsThereIsReported) {
  EXPECT_THAT(absences("when { context has purpose && context.purpose == \"export\" }", "forbid"),
              ElementsAre("context.purpose"));
  EXPECT_THAT(absences("when { context.token has acr && context has a.b }", "forbid"),
              ElementsAre("context.token.acr", "context.a.b"));
}

TEST(Hiding, AForbidUnlessItIsThereIsNot) {
  EXPECT_THAT(absences("unless { context has purpose && context.purpose == \"support\" }", "forbid"),
              IsEmpty());
}

TEST(Hiding, WhatIsComparedMayHelpEitherWay) {
  EXPECT_THAT(absences("when { (context has a) == (context has b) }", "permit"),
              ElementsAre("context.a", "context.b"));
  EXPECT_THAT(absences("when { if context has a then context.a == 1 else principal has b }", "permit"),
              ElementsAre("context.a"));
}

TEST(Hiding, OnlyTheContextCanBeHidden) {
  EXPECT_THAT(absences("when { principal has tenant && resource has tenant }", "forbid"), IsEmpty());
}

}  // namespace
}  // namespace writ::decision::hiding_test
