// Requests that are put aside until something is on disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/world.h"

namespace writ::gateway::enforcer_waits_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::request;
using testing::word;
using testing::World;
using namespace std::chrono_literals;

class EnforcerWaitsTest : public ::testing::Test {
 protected:
  // A request, which lives until it has its outcome.
  struct Call {
    http::Request sent;
    std::vector<std::string> labels;
    std::optional<enforce::Outcome> outcome;
    std::string word() const { return outcome ? testing::word(*outcome) : "waits"; }
  };
  std::unique_ptr<Call> call(std::vector<std::string> labels = {}, std::string_view bearer = {}) {
    auto made = std::make_unique<Call>();
    made->labels = std::move(labels);
    made->sent = request(bearer.empty() ? world.token(world.claims_in(*task)) : std::string(bearer));
    auto asked = testing::asked(made->sent);
    asked.labels = made->labels;
    world.enforcer.enforce(
        asked, [call = made.get()](enforce::Outcome outcome) { call->outcome = std::move(outcome); });
    return made;
  }

  World world;
  std::shared_ptr<task::LiveTask> task = world.open_task(20);
};

TEST_F(EnforcerWaitsTest, ARequestWaitsForItsBlockAndTheNextOnesDoNot) {
  world.writer.held = true;
  const auto first = call();
  EXPECT_EQ(first->word(), "waits");
  EXPECT_EQ(world.audit.size(), 0u);
  EXPECT_EQ(task->used_calls(), 0);
  world.writer.release();
  EXPECT_EQ(first->word(), "permit");
  world.writer.held = true;
  EXPECT_EQ(call()->word(), "permit");
  EXPECT_THAT(world.audit.effects(), ElementsAre("permit", "permit"));
  EXPECT_EQ(world.enforcer.stats().waited, 1u);
  world.writer.release();
}

TEST_F(EnforcerWaitsTest, WhatIsReservedIsFilledUpBeforeItRunsOut) {
  EXPECT_EQ(call()->word(), "permit");
  world.writer.held = true;
  for (int i = 1; i < 8; ++i) EXPECT_EQ(call()->word(), "permit") << i;
  EXPECT_EQ(world.writer.waiting(), 1u) << "nobody waits for it";
  world.writer.release();
  world.writer.held = true;
  EXPECT_EQ(call()->word(), "permit");
  world.writer.release();
}

TEST_F(EnforcerWaitsTest, ARequestWithoutATaskNeverWaits) {
  world.writer.held = true;
  EXPECT_EQ(call({}, world.token())->word(), "permit");
  EXPECT_EQ(world.writer.waiting(), 0u);
}

TEST_F(EnforcerWaitsTest, OneTaskThatWaitsHoldsUpNoOther) {
  const auto other = world.open_task(20);
  const auto waiting_for = task;
  task = other;
  EXPECT_EQ(call()->word(), "permit");
  world.writer.held = true;
  task = waiting_for;
  const auto waits = call();
  task = other;
  EXPECT_EQ(call()->word(), "permit");
  EXPECT_EQ(waits->word(), "waits");
  world.writer.release();
}

TEST_F(EnforcerWaitsTest, OfManyThatWaitExactlyTheBudgetPasses) {
  world.writer.held = true;
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(call());
  world.writer.release();
  int passed = 0;
  for (const auto& each : calls) {
    if (each->word() == "permit")
      ++passed;
    else
      EXPECT_EQ(each->word(), "403 budget_exceeded");
  }
  EXPECT_EQ(passed, 20);
  EXPECT_EQ(world.audit.size(), 50u) << "one record for each";
  EXPECT_EQ(task->used_calls(), 20);
}

TEST_F(EnforcerWaitsTest, ALabelIsThereBeforeTheRequestThatEarnsItPasses) {
  EXPECT_EQ(call()->word(), "permit");
  world.writer.held = true;
  const auto earns = call({"read:confidential"});
  EXPECT_EQ(earns->word(), "waits");
  EXPECT_TRUE(task->labels().empty());
  world.writer.release();
  EXPECT_EQ(earns->word(), "permit");
  EXPECT_THAT(task->labels(), ElementsAre("read:confidential"));
  world.writer.held = true;
  EXPECT_EQ(call({"read:confidential"})->word(), "permit") << "it is there";
}

TEST_F(EnforcerWaitsTest, WhatEndsWhileARequestWaitsRefusesIt) {
  world.writer.held = true;
  const auto waits = call();
  ASSERT_TRUE(world.tasks.end((*task)->id));
  world.writer.release();
  EXPECT_EQ(waits->word(), "403 task_ended");
  EXPECT_THAT(world.audit.effects(), ElementsAre("deny/task_ended"));
}

TEST_F(EnforcerWaitsTest, ATokenThatExpiresWhileItsRequestWaitsRefusesIt) {
  world.writer.held = true;
  const auto waits = call();
  world.clock.advance(1h);
  world.writer.release();
  EXPECT_EQ(waits->word(), "401 token_expired");
}

TEST_F(EnforcerWaitsTest, AStopWhileARequestWaitsRefusesIt) {
  world.writer.held = true;
  const auto waits = call();
  ASSERT_TRUE(world.directory.order("support-agent", inventory::Status::kSuspended));
  world.writer.release();
  EXPECT_EQ(waits->word(), "503 indeterminate");
  EXPECT_THAT(response_of(waits->outcome->error()).body, HasSubstr("send it again"));
  EXPECT_EQ(response_of(waits->outcome->error()).headers.find("Retry-After"), "1");
}

TEST_F(EnforcerWaitsTest, WhatCannotBeWrittenRefusesAndIsRecorded) {
  world.task_store.broken = true;
  EXPECT_EQ(call()->word(), "503 indeterminate");
  EXPECT_THAT(world.audit.effects(), ElementsAre("indeterminate/indeterminate"));
  world.task_store.broken = false;
  EXPECT_EQ(call()->word(), "permit");
}

TEST_F(EnforcerWaitsTest, ARequestThatIsNeverToldIsRefused) {
  world.writer.held = true;
  const auto lost = call();
  world.writer.forget();
  EXPECT_EQ(lost->word(), "503 indeterminate");
  world.writer.held = false;
  EXPECT_EQ(call()->word(), "permit");
}

TEST_F(EnforcerWaitsTest, ACallbackThatThrowsLosesItsRequestAlone) {
  const auto sent = request(world.token());
  world.enforcer.enforce(testing::asked(sent), [](const enforce::Outcome&) { throw std::bad_alloc(); });
  EXPECT_EQ(call({}, world.token())->word(), "permit");
}

}  // namespace
}  // namespace writ::gateway::enforcer_waits_test
