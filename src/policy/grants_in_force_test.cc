// /v1/grants without HTTP: what is given, confirmed and taken away acts on the next decision, outlives
// reloads, and is refused where it cannot be linked.
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "control/grants.h"
#include "control/testing/desk.h"
#include "policy/policies_in_force.h"

namespace writ::policy::grants_in_force_test {
namespace {

namespace fs = std::filesystem;
using control::testing::word;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kConfig = R"(version: 1
issuer: https://writ.example
listen: {api: "127.0.0.1:8180"}
policies: {files: [p.cedar]}
inventory:
  identities: [{id: batch, kind: service}]
  apis: [{id: shop, audience: "https://shop.example", namespace: Shop, actions: [read]}]
)";
constexpr std::string_view kDeclared =
    "  grants: [{id: declared, template: reads, principal: batch, expires_at: 2099-01-01}]\n";
constexpr std::string_view kPolicies = R"(
@id("console") permit (principal == Writ::Service::"ops-console", action, resource);
@id("ops-north") permit (principal == Writ::Service::"ops-north", action, resource);
@id("app") permit (principal == Writ::Application::"marketing-app",
                   action == Writ::Action::"read-inventory", resource);
@id("reads") permit (principal == ?principal, action == Shop::Action::"read", resource);
)";

class GrantsInForce : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "data");
    write("p.cedar", kPolicies);
    write("writ.yaml", std::string(kConfig) + std::string(kDeclared));
    start();
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& file, std::string_view text) { std::ofstream(root_ / file) << text; }

  void start() {
    files::Issues issues;
    loaded_ = load(root_ / "writ.yaml", issues);
    ASSERT_TRUE(loaded_) << (issues.all().empty() ? "" : render(issues.all().front()));
    desk.current.replace(loaded_->policies.snapshot);
    const auto record = [this](audit::Record line) {
      Result<void> result;
      desk.audit.append(std::move(line), [&](Result<void> done) { result = std::move(done); });
      return result;
    };
    sets_.emplace(
        PoliciesInForce::Parts{desk.clock, record, desk.current, desk.directory, [](const Loaded&) {}},
        *loaded_);
    ASSERT_TRUE(sets_->start(loaded_->texts, waiting_));
    ASSERT_TRUE(desk.directory.declare(loaded_->world.declared));
    ASSERT_TRUE(sets_->link_grants());
    grants.emplace(desk.authority, desk.directory, *sets_);
    policies.emplace(desk.authority, *sets_);
  }
  // Whether batch may read by that grant, at a time.
  bool passes(const std::string& id, Instant at) {
    const auto in_force = desk.current.get();
    const auto policy = in_force->policies->policies->find(id);
    if (!policy) return false;
    cedar::Arena arena;
    cedar::Evaluation evaluation;
    const auto time =
        cedar::make_record(arena, {{"time", cedar::Value::datetime(cedar::Datetime::from(at))}});
    const cedar::Request request{arena.entity("Writ::Service", "batch"), arena.entity("Shop::Action", "read"),
                                 arena.entity("Shop::Order", "1"),
                                 cedar::make_record(arena, {{"request", time}})};
    cedar::authorize(*in_force->policies->policies, request, cedar::EntityView(*in_force->policies->entities),
                     evaluation);
    return std::ranges::find(evaluation.satisfied_permits(), *policy) != evaluation.satisfied_permits().end();
  }
  bool passes(const std::string& id) { return passes(id, desk.clock.now()); }

  Instant in_days(int days) const { return desk.clock.now() + std::chrono::days(days); }
  codec::Json grant(std::string_view id, std::string_view name = "reads") const {
    return codec::Json::object({{"id", id},
                                {"template", name},
                                {"principal", "batch"},
                                {"review_by", inventory::date_text(in_days(10))}});
  }
  std::string why(const control::Answer<control::Grants::Seen>& answer) {
    return answer ? "done"
                  : answer.error().visit([](const Error& error) { return error.message; },
                                         [](const auto&) { return std::string("refused"); });
  }
  control::Caller app() { return desk.as(app_token_); }

  control::testing::Desk desk;
  std::optional<control::Grants> grants;
  std::optional<control::Policies> policies;

 private:
  const fs::path root_ = fs::temp_directory_path() / fmt::format("writ-grants-in-force-{}", ::getpid());
  const std::string app_token_ = desk.own_token("marketing-app", "marketing-app");
  std::optional<Loaded> loaded_;
  std::optional<PoliciesInForce> sets_;
  files::Issues waiting_;
};

TEST_F(GrantsInForce, WhatIsGivenActsOnTheNextDecisionUntilItsReviewAndIsOnRecord) {
  const auto given = grants->give(desk.as_operator(), grant("g"));
  ASSERT_TRUE(given) << word(given);
  EXPECT_TRUE(passes("g"));
  EXPECT_TRUE(passes("g", in_days(10) - Duration(1)));
  EXPECT_FALSE(passes("g", in_days(10)));
  EXPECT_THAT(desk.told(), ElementsAre("decision/permit", "decision/permit", "grant.given"));
}

TEST_F(GrantsInForce, AConfirmationProlongsItAndIsOnRecord) {
  ASSERT_TRUE(grants->give(desk.as_operator(), grant("g")));
  const auto reviewed = grants->review(desk.as_operator(), "g", in_days(40));
  ASSERT_TRUE(reviewed) << word(reviewed);
  EXPECT_EQ(reviewed->state.said.review->by, "ops-console");
  EXPECT_TRUE(passes("g", in_days(39)));
  EXPECT_FALSE(passes("g", in_days(40)));
  EXPECT_EQ(desk.told().back(), "grant.reviewed");
  EXPECT_EQ(word(grants->review(desk.as_operator(), "g", desk.clock.now())), "invalid");
}

TEST_F(GrantsInForce, WhatIsRevokedIsGoneAtOnce) {
  ASSERT_TRUE(grants->give(desk.as_operator(), grant("g")));
  ASSERT_TRUE(grants->revoke(desk.as_operator(), "g"));
  EXPECT_FALSE(passes("g"));
  EXPECT_EQ(desk.told().back(), "grant.revoked");
  EXPECT_EQ(word(grants->revoke(desk.as_operator(), "g")), "not_found");
}

TEST_F(GrantsInForce, ADeclaredOneThatIsRevokedStaysSoAfterAReloadAndAStart) {
  EXPECT_TRUE(passes("declared"));
  ASSERT_TRUE(grants->revoke(desk.as_operator(), "declared"));
  EXPECT_FALSE(passes("declared"));
  write("p.cedar",
        std::string(kPolicies) + "@id(\"more\") permit (principal is Writ::User, action, resource);");
  ASSERT_TRUE(policies->reload(desk.as_operator()));
  EXPECT_FALSE(passes("declared"));
  start();
  EXPECT_FALSE(passes("declared"));
  EXPECT_EQ(word(grants->review(desk.as_operator(), "declared", in_days(5))), "conflict");
}

TEST_F(GrantsInForce, WhatIsGivenOutlivesAReloadAndAStart) {
  ASSERT_TRUE(grants->give(desk.as_operator(), grant("g")));
  write("p.cedar",
        std::string(kPolicies) + "@id(\"more\") permit (principal is Writ::User, action, resource);");
  ASSERT_TRUE(policies->reload(desk.as_operator()));
  EXPECT_TRUE(passes("g"));
  start();
  EXPECT_TRUE(passes("g"));
}

TEST_F(GrantsInForce, WithoutItsTemplateItGrantsNothingAndComesBackWithIt) {
  ASSERT_TRUE(grants->give(desk.as_operator(), grant("g")));
  write("writ.yaml", kConfig);
  write("p.cedar", kPolicies.substr(0, kPolicies.find("@id(\"reads\")")));
  const auto without = policies->reload(desk.as_operator());
  ASSERT_TRUE(without) << word(without);
  EXPECT_FALSE(without->issues.has_errors()) << "a grant that was given here blocks no reload";
  EXPECT_FALSE(passes("g"));
  write("p.cedar", kPolicies);
  ASSERT_TRUE(policies->reload(desk.as_operator()));
  EXPECT_TRUE(passes("g"));
}

TEST_F(GrantsInForce, WhatCannotBeLinkedIsNeitherRecordedNorKept) {
  EXPECT_THAT(why(grants->give(desk.as_operator(), grant("g", "nothing"))),
              HasSubstr("the template `nothing`"));
  EXPECT_THAT(why(grants->give(desk.as_operator(), grant("console"))), HasSubstr("is called as the policy"));
  EXPECT_EQ(word(grants->give(desk.as_operator(), grant("declared"))), "conflict");
  auto over = grant("g");
  over.set("expires_at", inventory::date_text(in_days(-1)));
  EXPECT_THAT(why(grants->give(desk.as_operator(), over)), HasSubstr("would have lapsed already"));
  for (const auto& event : desk.told()) EXPECT_EQ(event, "decision/permit");
  EXPECT_EQ(desk.directory.snapshot()->grants().size(), 1u);
}

TEST_F(GrantsInForce, WhoMayReadMayNotGive) {
  EXPECT_EQ(word(grants->list(app())), "done");
  EXPECT_EQ(word(grants->give(app(), grant("g"))), "policy_no_permit");
  EXPECT_EQ(word(grants->revoke(app(), "declared")), "policy_no_permit");
  EXPECT_EQ(word(grants->review(app(), "declared", in_days(1))), "policy_no_permit");
  EXPECT_FALSE(passes("g"));
  EXPECT_TRUE(passes("declared"));
}

// Ids are those of all tenants; that one is taken is all that is told of another tenant's.
TEST_F(GrantsInForce, AnOperatorOfOneTenantIsToldNothingOfAnothersButThatAnIdIsTaken) {
  for (const auto* id : {"north", "south"})
    desk.add({.id = std::string(id) + "-job", .kind = inventory::Kind::kService, .tenant = id});
  desk.add({.id = "ops-north", .kind = inventory::Kind::kService, .tenant = "north"});
  const auto token = desk.own_token("ops-north", "ops-north");
  const auto for_whom = [&](std::string_view id, std::string_view principal) {
    auto one = grant(id);
    one.set("principal", principal);
    return one;
  };
  const auto said = [&](std::string_view id, std::string_view who, std::string_view type = "") {
    const auto principal = type.empty() ? std::string(who) : fmt::format(R"({}::"{}")", type, who);
    auto why = this->why(grants->give(desk.as(token), for_whom(id, principal)));
    if (const auto at = why.find(who); at != why.npos) why.replace(at, who.size(), "IT");
    return why;
  };
  ASSERT_EQ(word(grants->give(desk.as_operator(), for_whom("s", "south-job"))), "done");
  ASSERT_EQ(said("n", "north-job"), "done");
  EXPECT_EQ(said("s", "north-job"), "the id `s` is taken: choose another one");
  EXPECT_EQ(said("n", "north-job"), "the id `n` is taken: choose another one");
  EXPECT_EQ(said("x", "south-job"), said("x", "nobody"));
  EXPECT_EQ(said("x", "south-job", "Writ::Service"), said("x", "nobody", "Writ::Service"));
}

TEST_F(GrantsInForce, WithoutARecordNothingIsGiven) {
  desk.record = [](audit::Record, audit::Log::Done done) { done({}); };  // that it was permitted is recorded
  desk.audit.broken = true;
  EXPECT_EQ(word(grants->give(desk.as_operator(), grant("g"))), "not_recorded");
  EXPECT_FALSE(passes("g"));
}

}  // namespace
}  // namespace writ::policy::grants_in_force_test
