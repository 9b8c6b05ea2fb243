// Decisions as case files say them: tests/cases/decision/*.json.
#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "base/testing/folders.h"
#include "decision/testing/world.h"

namespace writ::decision::case_files_test {
namespace {

using codec::Json;
using testing::Asker;
using testing::Question;
using testing::World;

const std::string kRoot = source_path();

// The case over the defaults; members of `token` one by one.
Json laid_over(const Json& defaults, const Json& one) {
  Json all = defaults;
  for (const auto& [name, value] : *one.if_object()) {
    if (name != "token") {
      all.set(name, value);
      continue;
    }
    Json token = *defaults.find("token");
    for (const auto& [claim, text] : *value.if_object()) token.set(claim, text);
    all.set("token", token);
  }
  return all;
}

std::vector<std::string> texts(const Json& array) {
  std::vector<std::string> all;
  for (const Json& each : *array.if_array()) all.push_back(*each.if_string());
  return all;
}

std::vector<std::string> codes(const Decision& decision) {
  std::vector<std::string> all;
  for (const auto& refusal : decision.refusals()) all.emplace_back(reason_code(refusal.reason));
  return all;
}

void check(const Decision& decision, const Json& expect) {
  EXPECT_EQ(effect_name(decision.effect()), *expect.find_string("effect"));
  EXPECT_EQ(decision.permitted(), decision.refusals().empty());
  if (const Json* reasons = expect.find("reasons")) {
    EXPECT_EQ(codes(decision), texts(*reasons));
  }
  const Json* consumes = expect.find("consumes");
  if (consumes != nullptr) {
    EXPECT_EQ(decision.consumes_budget(), *consumes->if_bool());
  }
  std::vector<std::string> policies(decision.policies().begin(), decision.policies().end());
  if (!decision.permitted()) {
    ASSERT_FALSE(decision.refusals().empty());
    EXPECT_FALSE(decision.consumes_budget());
    EXPECT_TRUE(policies.empty());
    const Refusal& first = decision.refusals().front();
    EXPECT_FALSE(first.message.empty());
    if (const auto* text = expect.find_string("reason")) {
      EXPECT_EQ(reason_code(first.reason), *text);
    }
    if (const auto* text = expect.find_string("party")) {
      EXPECT_EQ(first.party, *text);
    }
    if (const auto* text = expect.find_string("path")) {
      EXPECT_EQ(first.path, *text);
    }
    if (const auto* text = expect.find_string("message")) {
      EXPECT_EQ(first.message, *text);
    }
    policies = first.policies;
  }
  std::sort(policies.begin(), policies.end());
  if (const Json* wanted = expect.find("policies")) {
    EXPECT_EQ(policies, texts(*wanted));
  }
}

std::vector<std::string> case_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot + "/tests/cases/decision"))
    files.push_back(entry.path().stem().string());
  std::sort(files.begin(), files.end());
  return files;
}

class DecisionCases : public ::testing::TestWithParam<std::string> {
 protected:
  const Json file_ = testing::read_json(kRoot + "/tests/cases/decision/" + GetParam() + ".json");
};

TEST_P(DecisionCases, ComeOutAsTheyShould) {
  const World world(*file_.find("world"), kRoot);
  Asker asker(world);
  const Json& cases = *file_.find("cases");
  ASSERT_FALSE(cases.if_array()->empty());
  for (const Json& each : *cases.if_array()) {
    SCOPED_TRACE(*each.find_string("name"));
    const Question question(laid_over(*file_.find("defaults"), each), world.now);
    const auto reasons = each.find("all") != nullptr ? Reasons::kAll : Reasons::kFirst;
    const Decision& decision = asker.ask(question, reasons);
    check(decision, *each.find("expect"));
    if (::testing::Test::HasNonfatalFailure() && !decision.refusals().empty()) {
      ADD_FAILURE() << "it said: " << decision.refusals().front().message;
      return;
    }
    // To ask for all reasons changes none of the answer.
    const auto effect = decision.effect();
    EXPECT_EQ(asker.ask(question, Reasons::kAll).effect(), effect);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, DecisionCases, ::testing::ValuesIn(case_files()),
                         [](const auto& file) { return file.param; });

// Those of the token are `token`'s to give; those of an approval that comes along, of an answer that cannot
// be read, and of what a face cannot fulfil, the enforcer's.
bool given_by_decision(Reason reason) {
  return reason >= Reason::kAudienceMismatch && reason != Reason::kSenderBindingMissing &&
         reason != Reason::kSenderBindingMismatch && reason != Reason::kStepUpRequired &&
         reason != Reason::kFactsUnavailable && reason != Reason::kObligationUnmet &&
         reason != Reason::kCredentialExpired &&
         (reason <= Reason::kApprovalRequired || reason == Reason::kIndeterminate);
}

TEST(DecisionCasesAll, EveryReasonADecisionGivesHasACase) {
  std::set<std::string> seen;
  for (const auto& name : case_files()) {
    const Json file = testing::read_json(kRoot + "/tests/cases/decision/" + name + ".json");
    for (const Json& each : *file.find("cases")->if_array()) {
      if (const auto* reason = each.find("expect")->find_string("reason")) seen.insert(*reason);
    }
  }
  for (int i = 0; i <= static_cast<int>(Reason::kIndeterminate); ++i) {
    const auto reason = static_cast<Reason>(i);
    if (given_by_decision(reason)) {
      EXPECT_TRUE(seen.contains(std::string(reason_code(reason)))) << i;
    }
  }
}

}  // namespace
}  // namespace writ::decision::case_files_test
