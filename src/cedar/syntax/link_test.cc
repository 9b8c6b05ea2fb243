#include "cedar/link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/authorize.h"
#include "cedar/compile.h"
#include "cedar/parse.h"
#include "cedar/print.h"

namespace writ::cedar::link_test {
namespace {

PolicySet templates() {
  return *parse_policies(R"(
    permit (principal == ?principal, action, resource is Doc in ?resource) when { context.ok };
    permit (principal in ?principal, action, resource);
    forbid (principal == User::"mallory", action, resource);
  )");
}

TEST(Link, PutsEntitiesIntoTheSlots) {
  const auto policy = linked_policy(templates().templates[0],
                                    {"policy0", "l", EntityUid{"User", "alice"}, EntityUid{"Folder", "f"}});
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ(policy->id, "l");
  EXPECT_FALSE(policy->is_template());
  EXPECT_EQ(print_policy(*policy),
            "permit (principal == User::\"alice\", action, resource is Doc in Folder::\"f\")\nwhen { "
            "context.ok };\n");
}

TEST(Link, RefusesASlotThatIsNotFilled) {
  const auto policy =
      linked_policy(templates().templates[0], {"policy0", "l", EntityUid{"User", "alice"}, {}});
  ASSERT_FALSE(policy.has_value());
  EXPECT_EQ(policy.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(policy.error().message, ::testing::HasSubstr("needs an entity for the slot `?resource`"));
}

TEST(Link, RefusesAnEntityForASlotThatIsNotThere) {
  const auto policy = linked_policy(templates().templates[1],
                                    {"policy1", "l", EntityUid{"User", "alice"}, EntityUid{"Folder", "f"}});
  ASSERT_FALSE(policy.has_value());
  EXPECT_THAT(policy.error().message, ::testing::HasSubstr("has no slot `?resource`"));
}

TEST(Link, ALinkOfASetDecidesAsThePolicyItStandsFor) {
  PolicySet set = templates();
  ASSERT_TRUE(add_link(set, {"policy1", "staff", EntityUid{"Group", "staff"}, {}}).has_value());
  const auto compiled = CompiledPolicySet::compile(set);
  ASSERT_TRUE(compiled.has_value());
  Arena arena;
  const Request request{arena.entity("Group", "staff"), arena.entity("Action", "a"), arena.entity("Doc", "d"),
                        Value::record(empty_record())};
  Evaluation evaluation;
  authorize(**compiled, request, *Entities::empty(), evaluation);
  EXPECT_TRUE(evaluation.allowed());
  ASSERT_EQ(evaluation.reason().size(), 1u);
  EXPECT_EQ((*compiled)->id(evaluation.reason()[0]), "staff");
}

TEST(Link, RefusesAnUnknownTemplateAndATakenIdAndLeavesTheSetAsItWas) {
  PolicySet set = templates();
  EXPECT_EQ(add_link(set, {"policy2", "l", {}, {}}).error().code, ErrorCode::kNotFound);  // a static policy
  EXPECT_EQ(add_link(set, {"policy1", "policy2", EntityUid{"U", "u"}, {}}).error().code,
            ErrorCode::kConflict);
  EXPECT_EQ(add_link(set, {"policy1", "policy0", EntityUid{"U", "u"}, {}}).error().code,
            ErrorCode::kConflict);
  ASSERT_TRUE(add_link(set, {"policy1", "l", EntityUid{"U", "u"}, {}}).has_value());
  EXPECT_EQ(add_link(set, {"policy1", "l", EntityUid{"U", "v"}, {}}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(set.links.size(), 1u);
}

}  // namespace
}  // namespace writ::cedar::link_test
