// Tests of issuing run the token service: what it would not issue is no permit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policytest/run.h"
#include "policytest/testing/acme.h"

namespace writ::policytest::issuing_test {
namespace {

using testing::acme;
using testing::ask_of;
using testing::suite_of;

class IssuingTest : public ::testing::Test {
 protected:
  // What comes out of asking for a token with these claims.
  Answer ask(std::string_view api, std::string_view token) {
    const auto suite = suite_of("tests:\n  - {name: a, issue: " + std::string(api) +
                                ", token: " + std::string(token) + ", expect: permit}\n");
    const auto world = World::make(shared, suite, acme().policies.snapshot);
    EXPECT_TRUE(world.has_value());
    questions.clear();
    auto answer = (*world)->ask(ask_of(suite).request, [this](const Asked& asked) {
      questions.push_back(std::string(asked.question.action.id()));
    });
    EXPECT_TRUE(answer.has_value()) << (answer ? "" : answer.error().message);
    return answer ? *std::move(answer) : Answer{};
  }

  Shared shared = Shared::make(acme()).value();
  std::vector<std::string> questions;  // the actions that were asked about
};

TEST_F(IssuingTest, AnApplicationIsAskedAboutIssuingAlone) {
  const auto answer = ask("invoices", "{sub: nora, client_id: support-portal, purpose: support}");
  EXPECT_EQ(answer.code, "permit") << answer.message;
  EXPECT_THAT(questions, ::testing::Each("issue"));
  EXPECT_FALSE(answer.policies.empty());
}

TEST_F(IssuingTest, AnAgentForAUserIsAskedAboutDelegationToo) {
  const auto answer = ask("invoices",
                          "{sub: nora, client_id: support-agent, act: [support-agent, support-portal], "
                          "purpose: support}");
  EXPECT_THAT(questions, ::testing::Contains("delegate")) << answer.code << ": " << answer.message;
}

TEST_F(IssuingTest, WhomNobodyKnowsGetsNoTokenAndTheGuardIsNamed) {
  const auto answer = ask("invoices", "{client_id: nobody-knows}");
  EXPECT_EQ(answer.code, "caller_unknown");
  EXPECT_FALSE(answer.guard.empty());
}

TEST_F(IssuingTest, ATokenThatCannotBeMadeIsNoPermit) {
  const auto answer = ask("invoices", "{sub: nora, client_id: support-portal, purpose: support, exp: -10m}");
  EXPECT_FALSE(answer.permitted());
  EXPECT_EQ(answer.code, "indeterminate");
}

}  // namespace
}  // namespace writ::policytest::issuing_test
