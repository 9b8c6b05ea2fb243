// What another login of the user would permit, and what not.
#include <gtest/gtest.h>

#include "base/testing/folders.h"
#include "decision/testing/world.h"

namespace writ::decision::step_up_test {
namespace {

using codec::Json;

class StepUpTest : public ::testing::Test {
 protected:
  // "permit", or the reason with what it says of the login.
  std::string decided(std::string_view policies, std::string_view token) {
    world_.policies.policies = testing::compile({std::string(policies)});
    world_.policies.logins = {.read = reads_, .acrs = {"silver", "gold"}};
    Json question = *file_.find("defaults");
    question.set("token", codec::parse_json(token).value());
    question.set("resource", R"(Billing::Invoice::"inv-1")");
    const testing::Question asked(question, world_.now);
    const auto verified = token::testing::verified(asked.claims, world_.now);
    testing::Asker asker(world_);
    asker.ask(verified, asked);
    Workspace workspace;
    const auto& decision = decide(world_.policies, asker.context(), workspace);
    if (decision.permitted()) return "permit";
    const auto& refusal = decision.refusals().front();
    auto said = std::string(reason_code(refusal.reason));
    if (!refusal.acr.empty()) said += " " + refusal.acr;
    if (refusal.new_login) said += " anew";
    return said;
  }
  static constexpr std::string_view kGold =
      R"(permit (principal, action, resource) when { context.token has acr && context.token.acr == "gold" };)";
  static constexpr std::string_view kNora =
      R"({"sub":"nora","client_id":"support-portal","purpose":"support","tenant":"north"})";
  static constexpr std::string_view kNoraSilver =
      R"({"sub":"nora","client_id":"support-portal","purpose":"support","tenant":"north","acr":"silver"})";

  bool reads_ = true;

 private:
  const std::string root_ = source_path();
  const Json file_ = testing::read_json(root_ + "/tests/cases/decision/acme.json");
  testing::World world_{*file_.find("world"), root_};
};

TEST_F(StepUpTest, AStrongerLoginThatWouldPermitIsNamed) {
  EXPECT_EQ(decided(kGold, kNora), "step_up_required gold");
  EXPECT_EQ(decided(kGold, kNoraSilver), "step_up_required gold");
}

TEST_F(StepUpTest, ALoginThatIsStrongEnoughPasses) {
  EXPECT_EQ(
      decided(
          kGold,
          R"({"sub":"nora","client_id":"support-portal","purpose":"support","tenant":"north","acr":"gold"})"),
      "permit");
}

TEST_F(StepUpTest, ALoginThatIsTooOldIsToBeDoneAnew) {
  constexpr std::string_view fresh = R"(permit (principal, action, resource);
    forbid (principal, action, resource)
    unless { context.token has authTime && context.request.time.durationSince(context.token.authTime) < duration("5m") };)";
  EXPECT_EQ(decided(fresh, kNora), "step_up_required anew");
}

TEST_F(StepUpTest, AnAttributeThatAPolicyReadsWithoutHasIsAskedForLikewise) {
  EXPECT_EQ(decided(R"(permit (principal, action, resource);
                       forbid (principal, action, resource) unless { context.token.acr == "gold" };)",
                    kNora),
            "step_up_required gold");
}

TEST_F(StepUpTest, BothAreAskedForWhereBothAreNeeded) {
  EXPECT_EQ(decided(R"(permit (principal, action, resource)
                       when { context.token has acr && context.token.acr == "gold" && context.token has authTime };)",
                    kNora),
            "step_up_required gold anew");
}

TEST_F(StepUpTest, WhereNoLoginHelpsTheRefusalStaysWhatItIs) {
  EXPECT_EQ(decided(R"(permit (principal, action, resource) when { context.token.acr == "platinum" };)",
                    kNoraSilver),
            "policy_no_permit");
  EXPECT_EQ(decided(std::string(kGold) + "forbid (principal, action, resource);", kNora), "policy_forbid");
}

TEST_F(StepUpTest, AGuardIsNeverAnsweredWithALogin) {
  EXPECT_EQ(
      decided(kGold, R"({"sub":"nora","client_id":"support-portal","purpose":"support","tenant":"south"})"),
      "tenant_mismatch");
}

TEST_F(StepUpTest, AMachineThatActsForItselfCannotLogIn) {
  EXPECT_NE(
      decided(kGold,
              R"({"sub":"nightly-export","client_id":"nightly-export","purpose":"export","tenant":"north"})")
          .substr(0, 7),
      "step_up");
}

TEST_F(StepUpTest, WherePoliciesReadNoLoginNoneIsTried) {
  reads_ = false;
  EXPECT_EQ(decided(kGold, kNora), "policy_no_permit");
}

}  // namespace
}  // namespace writ::decision::step_up_test
