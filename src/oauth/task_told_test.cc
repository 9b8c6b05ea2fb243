// What the token endpoint tells of a task: to whom it concerns why not, to others that it is not there.
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oauth/testing/world.h"

namespace writ::oauth::testing::task_told_test {
namespace {

using ::testing::HasSubstr;

class TaskToldTest : public ::testing::Test {
 protected:
  using Change = std::function<void(task::Task&)>;
  // The portal's and the support agent's task for nora, changed.
  void open(
      std::string id, const Change& change = [](task::Task&) {}, Duration window = 10min) {
    auto task = world_.open_task("nora", window)->task();
    task.id = std::move(id);
    task.agents = {"support-agent"};
    task.approvals.until = task.expires_at;
    change(task);
    const auto state = task.approvals.needed > 0 ? task::State::kRequested : task::State::kActive;
    ASSERT_TRUE(world_.tasks.open(std::move(task), state).has_value());
  }
  // All that the client is told of a task, but for its name and the request's.
  std::string told_of(std::string_view task, std::string_view client) const {
    const auto response = world_.ask({{"grant_type", "client_credentials"},
                                      {"resource", std::string(kInvoices)},
                                      {"task", std::string(task)}},
                                     World::basic(client));
    return plain(response, task);
  }
  static std::string plain(const http::Response& response, std::string_view task) {
    auto json = World::body(response);
    json.set("request_id", "");
    std::string text = std::to_string(response.status) + " " + json.dump();
    for (auto at = text.find(task); at != text.npos; at = text.find(task))
      text.replace(at, task.size(), "TASK");
    return text;
  }

  World world_;
};

TEST_F(TaskToldTest, ATaskThatIsOthersIsToldAsOneThatIsNotThere) {
  open("theirs");
  open("ended");
  ASSERT_TRUE(world_.tasks.end("ended").has_value());
  open("suspended");
  ASSERT_TRUE(world_.tasks.suspend("suspended", kNow).has_value());
  open("purposed", [](auto& task) { task.purpose = "secret-audit"; });
  open("of-a-tenant", [](auto& task) { task.tenant = "south"; });
  open(
      "ends-at-once", [](auto&) {}, 500ms);
  open("asked-for", [](auto& task) { task.approvals.needed = 1; });
  open("in-future", [](auto& task) { task.not_before = kNow + 1min; });
  const auto nothing = told_of("is-not-there", "marketing-app");
  EXPECT_THAT(nothing, HasSubstr("task_missing"));
  for (const auto* id :
       {"theirs", "ended", "suspended", "purposed", "of-a-tenant", "ends-at-once", "asked-for", "in-future"})
    EXPECT_EQ(told_of(id, "marketing-app"), nothing) << id;
  EXPECT_EQ(told_of("theirs", "nightly-export"), told_of("is-not-there", "nightly-export"));
}

TEST_F(TaskToldTest, AnAgentThatATaskDoesNotNameIsToldThatItIsNotThere) {
  open("theirs");
  const auto told_of = [&](std::string_view task) {
    const Fields fields{{"grant_type", "client_credentials"},
                        {"resource", std::string(kInvoices)},
                        {"task", std::string(task)}};
    return plain(world_.ask(World::joined(fields, world_.as_drafter())), task);
  };
  EXPECT_EQ(told_of("theirs"), told_of("is-not-there"));
}

TEST_F(TaskToldTest, TheHolderOfAnotherUsersTokenIsToldThatItIsNotThere) {
  open("noras");
  const auto told_of = [&](std::string_view task) {
    const auto response =
        world_.ask(World::exchange(world_.provider_token(std::string_view("niklas")), kTypeJwt,
                                   {{"resource", std::string(kInvoices)}, {"task", std::string(task)}}),
                   World::basic("marketing-app"));
    return plain(response, task);
  };
  EXPECT_EQ(told_of("noras"), told_of("is-not-there"));
}

TEST_F(TaskToldTest, WhoATaskNamesIsToldWhyNot) {
  open("t-9");
  ASSERT_TRUE(world_.tasks.end("t-9").has_value());
  EXPECT_THAT(told_of("t-9", "support-portal"), HasSubstr("task_ended"));
}

TEST_F(TaskToldTest, WhoOpenedATaskIsToldWhyNot) {
  open("t-9", [](auto& task) { task.opened_by = "marketing-app"; });
  EXPECT_THAT(told_of("t-9", "marketing-app"), HasSubstr("delegation_not_authorised"));
}

TEST_F(TaskToldTest, TheAuditSaysThatItIsThere) {
  open("theirs");
  (void)told_of("theirs", "marketing-app");
  ASSERT_FALSE(world_.audit.empty());
  EXPECT_THAT(world_.audit.back(), HasSubstr("not for this client, which is not told"));
  (void)told_of("is-not-there", "marketing-app");
  EXPECT_EQ(world_.audit.back().find("not told"), std::string::npos);
}

}  // namespace
}  // namespace writ::oauth::testing::task_told_test
