// Decided while attributes of the resource are still to come: what refuses then, refuses with them too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/testing/folders.h"
#include "decision/testing/world.h"

namespace writ::decision::awaiting_test {
namespace {

using codec::Json;

class AwaitingTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const cedar::CompiledPolicySet> policies(std::string_view text) {
    return testing::compile({std::string(text)});
  }
  // "needs facts", or the reason that refuses before `tenant` and `owner` are there.
  std::string before(std::string_view text, std::string_view resource = "inv-1") {
    return decide_one(text, std::string(resource), true, "{}");
  }
  // "permit" or the reason, with the attributes.
  std::string with(std::string_view text, std::string_view attributes, std::string_view resource = "inv-1") {
    return decide_one(text, std::string(resource), false, attributes);
  }

 private:
  std::string decide_one(std::string_view text, const std::string& resource, bool awaiting,
                         std::string_view attributes) {
    world_.policies.policies = policies(text);
    Json question = *file_.find("defaults");
    question.set("token", codec::parse_json(R"({"sub":"nora","client_id":"support-portal","purpose":"support",
                                                "tenant":"north"})")
                              .value());
    question.set("resource", R"(Billing::Invoice::")" + resource + "\"");
    question.set("attributes", codec::parse_json(attributes).value());
    const testing::Question asked(question, world_.now);
    const auto verified = token::testing::verified(asked.claims, world_.now);
    testing::Asker asker(world_);
    asker.ask(verified, asked);
    Workspace workspace;
    const auto& decision = awaiting ? decide_awaiting(world_.policies, asker.context(), awaited_, workspace)
                                    : decide(world_.policies, asker.context(), workspace);
    EXPECT_FALSE(awaiting && decision.permitted());
    if (decision.needs_facts()) return "needs facts";
    return decision.permitted() ? "permit" : std::string(reason_code(decision.refusals().front().reason));
  }

  const std::string root_ = source_path();
  const Json file_ = testing::read_json(root_ + "/tests/cases/decision/acme.json");
  testing::World world_{*file_.find("world"), root_};
  const std::vector<std::string> awaited_ = {"tenant", "owner"};
};

TEST_F(AwaitingTest, WhatMayBePermittedNeedsItsFacts) {
  EXPECT_EQ(before("permit (principal, action, resource) when { resource.tenant == context.tenant };"),
            "needs facts");
  EXPECT_EQ(before("permit (principal, action, resource) when { resource has owner };"), "needs facts");
  EXPECT_EQ(before("permit (principal, action, resource);"), "needs facts") << "a guard reads the tenant";
}

TEST_F(AwaitingTest, WithoutAPermitThatMayHoldItIsRefused) {
  EXPECT_EQ(before("permit (principal is Writ::Agent, action, resource) when { resource.tenant == \"a\" };"),
            "policy_no_permit");
  EXPECT_EQ(before(R"(permit (principal, action, resource)
                      when { context.purpose == "other" && resource.owner == 1 };)"),
            "policy_no_permit");
  EXPECT_EQ(before("permit (principal, action, resource) when { context.nowhere == 1 };"), "context_missing");
}

TEST_F(AwaitingTest, AForbidThatNeedsNoneOfThemRefuses) {
  constexpr std::string_view kAll = "permit (principal, action, resource);";
  const auto also = [&](std::string_view forbid) { return before(std::string(kAll) + std::string(forbid)); };
  EXPECT_EQ(also("forbid (principal, action, resource);"), "policy_forbid");
  EXPECT_EQ(also("forbid (principal, action, resource) when { context.nowhere == 1 };"), "context_missing");
  EXPECT_EQ(also("forbid (principal, action, resource) when { resource.tenant == \"x\" };"), "needs facts");
  EXPECT_EQ(also("forbid (principal, action, resource) unless { resource has owner };"), "needs facts");
}

// Whatever the attributes turn out to be, a refusal before them is a refusal with them.
TEST_F(AwaitingTest, ARefusalBeforeIsARefusalWithAllFacts) {
  const std::string_view conditions[] = {"true",
                                         "false",
                                         "resource.tenant == \"north\"",
                                         "resource has owner",
                                         "!(resource has tenant)",
                                         "context.purpose == \"support\" && resource.owner == 1",
                                         "context.nowhere == 1",
                                         "resource.tenant like \"n*\" || context.nowhere == 1"};
  const std::string_view facts[] = {"{}", R"({"tenant":"north"})", R"({"tenant":"south"})",
                                    R"({"tenant":"north","owner":"nora"})"};
  std::size_t refused = 0, needed = 0;
  for (const auto permit : conditions) {
    for (const auto forbid : conditions) {
      const auto text = fmt::format(
          "permit (principal, action, resource) when {{ {} }};\n"
          "forbid (principal, action, resource) when {{ {} }};",
          permit, forbid);
      const auto first = before(text);
      bool any = false;
      for (const auto each : facts) any = any || with(text, each) == "permit";
      if (first != "needs facts") {
        EXPECT_FALSE(any) << text;
        ++refused;
      } else {
        ++needed;
      }
    }
  }
  EXPECT_GT(refused, 10u);
  EXPECT_GT(needed, 10u);
}

TEST_F(AwaitingTest, OfAPublicRequestAForbidStillRefusesAndNoPermitIsNeeded) {
  cedar::Arena arena;
  const auto answer = [&](std::string_view text) {
    PolicySnapshot snapshot{policies(text), cedar::Entities::empty(), "r"};
    Workspace workspace;
    const cedar::Request request{arena.entity("Writ::Anonymous", "anonymous"),
                                 arena.entity("A::Action", "read"), arena.entity("A::Page", "p"),
                                 cedar::Value::record(cedar::empty_record())};
    const auto& decision = decide_public(snapshot, request, *snapshot.entities, workspace);
    return decision.permitted() ? "permit" : std::string(reason_code(decision.refusals().front().reason));
  };
  EXPECT_EQ(answer("permit (principal is Writ::User, action, resource);"), "permit");
  EXPECT_EQ(answer("forbid (principal, action, resource == A::Page::\"p\");"), "policy_forbid");
  EXPECT_EQ(answer("forbid (principal, action, resource) unless { context has task };"), "policy_forbid");
  EXPECT_EQ(answer("forbid (principal, action, resource) when { context.token.senderBound };"),
            "context_missing");
}

}  // namespace
}  // namespace writ::decision::awaiting_test
