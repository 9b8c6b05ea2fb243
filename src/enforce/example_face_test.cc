// A face of its own in sixty lines: a line protocol, as a message broker or a build system might speak it.
//
//   "TOKEN read inv-1"  →  "yes"  or  "no policy_forbid: why"
//
// It shows what a new face needs, and that it needs nothing new of enforce: it translates what it received to
// a Question, and renders a Permit or a Refused in its own words.
#include <gtest/gtest.h>

#include "enforce/testing/world.h"

namespace writ::enforce::example_face_test {
namespace {

class LineFace {
 public:
  explicit LineFace(Enforcer& enforcer) : enforcer_(enforcer) {}

  std::string answer(std::string_view line) {
    const auto first = line.find(' '), second = line.find(' ', first + 1);
    const auto token = line.substr(0, first);
    const auto action = line.substr(first + 1, second - first - 1), invoice = line.substr(second + 1);
    const std::string authorization = "Bearer " + std::string(token);
    const std::string_view values[] = {authorization};
    const Question question{.point = "lines",
                            .sent = {.method = action, .path = invoice, .encoded_path = invoice},
                            .credentials = token::Presented::from_values(values),
                            .api = "invoices",
                            .action = {"Billing::Action", action},
                            .resource = {"Billing::Invoice", invoice}};
    const auto outcome = enforcer_.enforce(question);
    if (outcome) return "yes";
    const auto& refusal = outcome.error().refusal;
    return "no " + std::string(reason_code(refusal.reason)) + ": " + refusal.message;
  }

 private:
  Enforcer& enforcer_;
};

TEST(ExampleFace, AnswersInItsOwnWordsAndLeavesARecordOfEachAnswer) {
  testing::World world;
  LineFace face(world.enforcer);
  EXPECT_EQ(face.answer(world.token() + " read inv-1"), "yes");
  EXPECT_TRUE(face.answer(world.token() + " read sealed").starts_with("no policy_forbid: "));
  EXPECT_TRUE(face.answer("forged read inv-1").starts_with("no token_malformed: "));
  EXPECT_EQ(world.audit.effects(),
            (std::vector<std::string>{"permit", "deny/policy_forbid", "deny/token_malformed"}));
  EXPECT_EQ(*world.audit.lines().front().find_string("point"), "lines");
}

TEST(ExampleFace, WithoutARecordItSaysNo) {
  testing::World world;
  LineFace face(world.enforcer);
  world.audit.broken = true;
  EXPECT_TRUE(face.answer(world.token() + " read inv-1").starts_with("no indeterminate"));
}

}  // namespace
}  // namespace writ::enforce::example_face_test
