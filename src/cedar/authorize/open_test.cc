#include "cedar/open.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "cedar/parse.h"
#include "cedar/print.h"

namespace writ::cedar::open_test {
namespace {

// One permit with this condition, asked for User::"u" on some Doc.
class Asked {
 public:
  explicit Asked(const std::string& condition, std::vector<OpenField> context = {},
                 std::vector<OpenField> user = {})
      : policies_(
            CompiledPolicySet::compile(
                parse_policies("permit (principal, action, resource) when { " + condition + " };").value())
                .value()),
        open_(*policies_, *entities_),
        world_{.action = arena_.entity("Action", "view"),
               .resource_type = "Doc",
               .context = OpenFact::record(std::move(context), true),
               .entities = {{user_, OpenFact::record(std::move(user), true)}}} {
    open_.pose(world_);
  }
  std::uint8_t bits() { return open_.outcomes(0, user_).bits(); }
  std::string left() {
    const Policy policy = open_.residual(0, user_);
    return policy.conditions.empty() ? "" : print_expression(policy.conditions[0].body);
  }
  // The values by which it holds; nothing when none were found.
  std::optional<std::vector<OpenBinding>> found() {
    world_.resource = arena_.entity("Doc", "d");
    open_.pose(world_);
    const OpenGoal goals[] = {{user_, {0}, {}}};
    const EntityRef parties[] = {user_};
    std::optional<std::vector<OpenBinding>> bindings;
    open_.find(goals, parties, [&](std::span<const OpenBinding> some) {
      bindings.emplace(some.begin(), some.end());
      return true;
    });
    return bindings;
  }

 private:
  Arena arena_;
  EntityRef user_ = arena_.entity("User", "u");
  std::shared_ptr<const Entities> entities_ = Entities::empty();
  std::shared_ptr<const CompiledPolicySet> policies_;
  OpenEvaluator open_;
  OpenWorld world_;
};

constexpr std::uint8_t kHolds = Outcomes::kHolds, kNot = Outcomes::kNot, kFails = Outcomes::kFails;

OpenField text(std::string name, bool certain) {
  return {std::move(name), certain, OpenFact::of_kind(Kind::kString)};
}

TEST(OpenEvaluation, WhatMayBeAbsentMayFailAndAfterHasItDoesNot) {
  EXPECT_EQ(kHolds | kNot | kFails, Asked(R"(context.purpose == "x")", {text("purpose", false)}).bits());
  EXPECT_EQ(kHolds | kNot,
            Asked(R"(context has purpose && context.purpose == "x")", {text("purpose", false)}).bits());
}

TEST(OpenEvaluation, WhatAClosedRecordLacksCertainlyFails) {
  EXPECT_EQ(kFails, Asked("context.purpose == \"x\"").bits());
  EXPECT_EQ(kFails, Asked("principal.level > 1").bits());
  EXPECT_EQ(kNot, Asked("principal has level && principal.level > 1").bits());
}

TEST(OpenEvaluation, AnAttributeOfTheResourceIsOpen) {
  EXPECT_EQ(kHolds | kNot | kFails, Asked("resource.owner == principal").bits());
  EXPECT_EQ(kHolds | kNot, Asked("resource has owner && resource.owner == principal").bits());
}

TEST(OpenEvaluation, OneTextIsNotTwo) {
  EXPECT_EQ(kNot, Asked(R"(context.a == "x" && context.a == "y")", {text("a", true)}).bits());
  EXPECT_EQ(kNot, Asked(R"(!(context has a) && context has a)", {text("a", false)}).bits());
}

TEST(OpenEvaluation, AResourceOfOneTypeIsNoneOfAnother) {
  EXPECT_EQ(kNot, Asked(R"(resource == Other::"1")").bits());
  EXPECT_EQ(kHolds | kNot, Asked(R"(resource == Doc::"1")").bits());
  EXPECT_EQ(kHolds, Asked("resource is Doc").bits());
}

TEST(OpenEvaluation, WhatIsLeftLeavesOutWhatIsKnown) {
  EXPECT_EQ(R"(context.a == "x")",
            Asked(R"(principal is User && context.a == "x")", {text("a", true)}).left());
}

TEST(OpenEvaluation, ValuesAreFoundForWhatIsOpen) {
  const auto found =
      Asked("resource has owner && resource.owner == principal && resource has size && resource.size < 3")
          .found();
  ASSERT_TRUE(found.has_value());
  for (const OpenBinding& each : *found) EXPECT_EQ("resource", each.path.front());
  EXPECT_FALSE(Asked(R"(context.a == "x" && context.a == "y")", {text("a", true)}).found().has_value());
}

// ---- of what the store does not have

// A principal below Team::"red"; teams may be told of later. Of the store, `parents` of the user.
std::uint8_t told_later(const std::string& policy, bool may_be_told) {
  static const std::set<std::string, std::less<>> kTeams{"Team"};
  EntitiesBuilder builder;
  const auto user = builder.arena().entity("User", "u");
  const EntityRef parents[] = {builder.arena().entity("Team", "red")};
  WRIT_CHECK(builder.add(user, Value::record(empty_record()), parents).has_value());
  const auto entities = std::move(builder).build().value();
  const auto policies = CompiledPolicySet::compile(parse_policies(policy).value()).value();
  OpenEvaluator open(*policies, *entities);
  Arena arena;
  const OpenWorld world{.action = arena.entity("Action", "view"),
                        .resource = arena.entity("Team", "blue"),
                        .resource_type = "Team",
                        .context = OpenFact::record({}, true),
                        .told_later = may_be_told ? &kTeams : nullptr};
  open.pose(world);
  return open.outcomes(0, user).bits();
}

TEST(OpenEvaluator, WhatTheStoreDoesNotHaveMayBeToldLater) {
  struct Case {
    std::string condition;
    std::uint8_t closed, open;
  };
  const Case cases[] = {
      {R"(Team::"green" has lead)", kNot, kHolds | kNot},
      {R"(Team::"green".open)", kFails, kHolds | kNot | kFails},
      {R"(Team::"green" in Team::"all")", kNot, kHolds | kNot},
      {R"(Team::"green" in [])", kNot, kNot},
      {R"(Team::"green".hasTag("a"))", kNot, kHolds | kNot},
      {R"(resource in Team::"all")", kNot, kHolds | kNot},
      // Whom the store has is as it says, but for what the teams above are below.
      {R"(principal in Team::"all")", kNot, kHolds | kNot},
      {R"(principal in Team::"red")", kHolds, kHolds},
      {R"(principal has name)", kNot, kNot},
      // Other types than those are told of by nobody.
      {R"(User::"else" has name)", kNot, kNot},
      {R"(User::"else" in Team::"all")", kNot, kNot},
  };
  for (const auto& each : cases) {
    const auto policy = "permit (principal, action, resource) when { " + each.condition + " };";
    EXPECT_EQ(each.closed, told_later(policy, false)) << each.condition;
    EXPECT_EQ(each.open, told_later(policy, true)) << each.condition;
  }
}

TEST(OpenEvaluator, AScopeMayTakeInWhatIsToldLater) {
  for (const auto* scope : {R"(permit (principal in Team::"all", action, resource);)",
                            R"(permit (principal, action, resource in Team::"all");)",
                            R"(permit (principal, action, resource is Team in Team::"all");)"}) {
    EXPECT_EQ(kNot, told_later(scope, false)) << scope;
    EXPECT_EQ(kHolds | kNot, told_later(scope, true)) << scope;
  }
}

}  // namespace
}  // namespace writ::cedar::open_test
