#include "cedar/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/change.h"
#include "cedar/entity_json.h"
#include "cedar/parse.h"

namespace writ::cedar::explain_test {
namespace {

using ::testing::ElementsAre;

class Explained : public ::testing::Test {
 protected:
  PolicyExplanation only(std::string_view condition) {
    policies = *CompiledPolicySet::compile(
        *parse_policies("permit(principal, action, resource) when {" + std::string(condition) + "};"));
    const auto all = explain(*policies, request(), *entities);
    EXPECT_EQ(all.size(), 1u);
    return all.at(0);
  }
  std::vector<std::string> changes(std::string_view condition) {
    only(condition);
    std::vector<std::string> texts;
    for (const ContextChange& change : candidate_changes(arena, *policies, request(), *entities, 20))
      texts.push_back(change.path_text() + (change.remove ? " removed"
                                            : change.any  ? " there"
                                                          : " " + change.value.to_string()));
    return texts;
  }
  static std::vector<std::string> seen(const PolicyExplanation& explanation) {
    std::vector<std::string> texts;
    for (const SeenValue& value : explanation.seen)
      texts.push_back(value.path + "=" + (value.present ? value.value : "-"));
    return texts;
  }
  Request request() {
    return {arena.entity("User", "a"), arena.entity("Action", "v"), arena.entity("Doc", "d"), context};
  }

  Arena arena;
  Value context = make_record(
      arena, {{"n", Value::integer(3)}, {"deep", make_record(arena, {{"x", Value::boolean(false)}})}});
  std::shared_ptr<const Entities> entities = *entities_from_json(
      R"([{"uid": {"type": "Doc", "id": "d"}, "attrs": {"level": 5}, "parents": [], "tags": {"team": "red"}}])");
  std::shared_ptr<const CompiledPolicySet> policies;
};

TEST_F(Explained, TheFirstPartThatIsNotTrueDecided) {
  const auto explanation =
      only("context.n == 3 && (context.deep.x || resource.level < 4) && principal.nothing");
  EXPECT_EQ(explanation.outcome, PolicyExplanation::Outcome::kNotSatisfied);
  EXPECT_EQ(explanation.condition, "context.deep.x || resource.level < 4");
  EXPECT_THAT(seen(explanation), ElementsAre("context.deep.x=false", "resource.level=5"));
}

TEST_F(Explained, APartThatFailsSaysWhy) {
  const auto explanation = only("context.n == 3 && principal.nothing == 1");
  EXPECT_EQ(explanation.outcome, PolicyExplanation::Outcome::kFailed);
  EXPECT_EQ(explanation.condition, "principal.nothing == 1");
  EXPECT_THAT(explanation.error, ::testing::HasSubstr("User::\"a\""));
  EXPECT_THAT(seen(explanation), ElementsAre("principal.nothing=-"));
}

TEST_F(Explained, PresenceAndTagsAreSeen) {
  EXPECT_THAT(seen(only("context has deep.y")), ElementsAre("context.deep.y=-"));
  EXPECT_THAT(seen(only("context has n && resource.getTag(\"team\") == \"blue\"")),
              ElementsAre("resource.getTag(\"team\")=\"red\""));
}

TEST_F(Explained, ASatisfiedPolicyShowsAllThatItRead) {
  const auto explanation = only("context.n == 3 && resource.level > 4");
  EXPECT_EQ(explanation.outcome, PolicyExplanation::Outcome::kSatisfied);
  EXPECT_EQ(explanation.condition, "");
  EXPECT_THAT(seen(explanation), ElementsAre("context.n=3", "resource.level=5"));
}

TEST_F(Explained, PoliciesOfAnotherScopeAreLeftOut) {
  policies = *CompiledPolicySet::compile(*parse_policies("permit(principal is Group, action, resource);"));
  EXPECT_TRUE(explain(*policies, request(), *entities).empty());
}

TEST_F(Explained, ChangesComeFromWhatConditionsCompareWith) {
  EXPECT_THAT(changes("context.deep.x == \"a\" && [1, 2].contains(context.n)"),
              ElementsAre("context.deep.x \"a\"", "context.n 1", "context.n 2"));
  EXPECT_THAT(changes("context.n < 3"), ElementsAre("context.n 3", "context.n 2", "context.n 4"));
  EXPECT_THAT(
      changes("context has a.b && context.deep.x"),
      ElementsAre("context.a.b removed", "context.a.b there", "context.deep.x true", "context.deep.x false"));
  EXPECT_THAT(changes("principal == User::\"a\" && resource.level == 5"), ::testing::IsEmpty());
}

TEST_F(Explained, ChangesAreMadeBelowRecordsThatAreNotThere) {
  const ContextChange deep{.path = {"p", "q"}, .value = Value::integer(1)};
  const ContextChange gone{.path = {"n"}, .remove = true};
  const ContextChange inner{.path = {"deep", "y"}, .value = Value::boolean(true)};
  const ContextChange* all[] = {&deep, &gone, &inner};
  EXPECT_EQ(changed_context(arena, context, all).to_string(),
            "{\"deep\": {\"x\": false, \"y\": true}, \"p\": {\"q\": 1}}");
}

}  // namespace
}  // namespace writ::cedar::explain_test
