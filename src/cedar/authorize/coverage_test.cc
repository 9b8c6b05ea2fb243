#include "cedar/coverage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/entity_json.h"
#include "cedar/parse.h"

namespace writ::cedar::coverage_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Coverage : public ::testing::Test {
 protected:
  // "a=true b=false" of all policies whose scope matches.
  std::vector<std::string> seen(std::string_view policies) {
    const auto set = *parse_policies(policies);
    const auto probe = *CoverageProbe::of(set);
    const auto compiled = *CompiledPolicySet::compile(set);
    std::vector<std::string> texts;
    std::vector<PolicyIndex> applied, errors;
    for (const auto& met : probe.look(request(), *entities_)) {
      if (met.outcome == Outcome::kTrue) applied.push_back(met.policy);
      if (met.outcome == Outcome::kFailed) errors.push_back(met.policy);
      for (const auto& [condition, outcome] : met.seen) {
        const auto& one = probe.conditions()[condition];
        EXPECT_EQ(one.policy, met.policy);
        texts.push_back(one.text + (outcome == Outcome::kTrue    ? "=true"
                                    : outcome == Outcome::kFalse ? "=false"
                                                                 : "=failed"));
      }
    }
    // Whatever the probe sees, it says of the policies what the authorizer says.
    authorize(*compiled, request(), *entities_, evaluation_);
    std::vector<PolicyIndex> satisfied(evaluation_.satisfied_permits().begin(),
                                       evaluation_.satisfied_permits().end());
    satisfied.insert(satisfied.end(), evaluation_.satisfied_forbids().begin(),
                     evaluation_.satisfied_forbids().end());
    std::vector<PolicyIndex> failed;
    for (const auto& error : evaluation_.errors()) failed.push_back(error.policy);
    EXPECT_THAT(applied, ::testing::UnorderedElementsAreArray(satisfied));
    EXPECT_THAT(errors, ::testing::UnorderedElementsAreArray(failed));
    return texts;
  }
  std::vector<std::string> of(std::string_view condition) {
    return seen("permit(principal, action, resource) when {" + std::string(condition) + "};");
  }
  Request request() {
    return {arena_.entity("User", "a"), arena_.entity("Action", "v"), arena_.entity("Doc", "d"), context_};
  }

  Arena arena_;
  Value context_ = make_record(arena_, {{"n", Value::integer(3)}, {"yes", Value::boolean(true)}});
  std::shared_ptr<const Entities> entities_ = *entities_from_json(
      R"([{"uid": {"type": "Doc", "id": "d"}, "attrs": {"level": 5}, "parents": [{"type": "Doc", "id": "top"}]}])");
  Evaluation evaluation_;
};

TEST_F(Coverage, EachConditionOfAConjunctionIsSeen) {
  EXPECT_THAT(of("context.n == 3 && resource.level > 4 && context.yes"),
              ElementsAre("context.n == 3=true", "resource.level > 4=true", "context.yes=true"));
}

TEST_F(Coverage, WhatIsShortCircuitedAwayIsNotSeen) {
  EXPECT_THAT(of("context.n == 4 && context.yes"), ElementsAre("context.n == 4=false"));
  EXPECT_THAT(of("context.n == 3 || context.yes"), ElementsAre("context.n == 3=true"));
  EXPECT_THAT(of("context.n == 4 || context.yes"), ElementsAre("context.n == 4=false", "context.yes=true"));
  EXPECT_THAT(of("if context.yes then context.n == 4 else context.n == 3"),
              ElementsAre("context.yes=true", "context.n == 4=false"));
}

TEST_F(Coverage, ClausesAreEvaluatedInTheirOrderAndAnUnlessIsNegated) {
  EXPECT_THAT(seen("permit(principal, action, resource) unless { context.yes } when { context.n == 3 };"),
              ElementsAre("context.yes=true"));
  EXPECT_THAT(seen("forbid(principal, action, resource) when { context.n == 3 } unless { context.n > 3 };"),
              ElementsAre("context.n == 3=true", "context.n > 3=false"));
}

TEST_F(Coverage, ANegationIsSeenAsWhatItNegates) {
  EXPECT_THAT(of("!(context.yes && context.n != 3)"),
              ElementsAre("context.yes=true", "context.n != 3=false"));
}

TEST_F(Coverage, WhatFailsIsNeitherTrueNorFalseAndEndsIt) {
  EXPECT_THAT(of("context.missing == 3 || context.yes"), ElementsAre("context.missing == 3=failed"));
  EXPECT_THAT(of("context.n && context.yes"), ElementsAre("context.n=failed"));
  EXPECT_THAT(of("if context.missing then true else false"), ElementsAre("context.missing=failed"));
  EXPECT_THAT(of("!context.n"), ElementsAre("context.n=failed"));
}

TEST_F(Coverage, ALiteralIsNoCondition) {
  EXPECT_THAT(of("true"), IsEmpty());
  EXPECT_THAT(of("false || context.yes && true"), ElementsAre("context.yes=true"));
}

TEST_F(Coverage, APolicyWhoseScopeDoesNotMatchIsNotSeen) {
  EXPECT_THAT(seen("permit(principal == User::\"b\", action, resource) when { context.yes };"
                   "permit(principal, action, resource in Doc::\"top\") when { context.n == 3 };"),
              ElementsAre("context.n == 3=true"));
}

TEST_F(Coverage, EqualConditionsAtTwoPlacesAreTwo) {
  const auto probe = *CoverageProbe::of(
      *parse_policies("permit(principal, action, resource) when { context.a || context.b && context.a };"));
  ASSERT_EQ(probe.conditions().size(), 3u);
  EXPECT_EQ(probe.conditions()[0].text, probe.conditions()[2].text);
  EXPECT_NE(probe.conditions()[0].span, probe.conditions()[2].span);
}

TEST_F(Coverage, APolicyWithoutConditionsApplies) {
  const auto probe = *CoverageProbe::of(*parse_policies("permit(principal, action, resource);"));
  const auto met = probe.look(request(), *entities_);
  ASSERT_EQ(met.size(), 1u);
  EXPECT_EQ(met[0].outcome, Outcome::kTrue);
  EXPECT_THAT(probe.conditions(), IsEmpty());
}

}  // namespace
}  // namespace writ::cedar::coverage_test
