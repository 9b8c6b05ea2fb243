// What is shown of an assessment, and exceptions from it.
#include "posture/render.h"

#include <gmock/gmock.h>

#include "posture/testing/planted_world.h"

namespace writ::posture::render_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Looked;
using ::testing::Not;
using testing::PlantedWorld;

PlantedWorld planted(std::string exceptions = {}) {
  PlantedWorld world;
  world.policies += "@id(\"any\") permit (principal, action, resource);\n";
  world.exceptions = std::move(exceptions);
  return world;
}

constexpr std::string_view kExcepted =
    "exceptions:\n  - finding: wildcard-permit:any\n    owner: olga\n    reason: the pilot ends soon\n    "
    "until: ";

TEST(PostureExceptions, WhatIsExceptedDoesNotCountUntilItsDay) {
  const Looked looked(planted(std::string(kExcepted) + "2026-12-31\n"));
  EXPECT_THAT(looked.ids("wildcard-permit"), ElementsAre());
  EXPECT_FALSE(looked->any_at_least(Weight::kCritical));
  EXPECT_EQ(1U, looked->covered());
  EXPECT_THAT(to_json(*looked).dump(), HasSubstr("the pilot ends soon"));
}

TEST(PostureExceptions, AnExceptionThatEndedCountsAgainAndIsNamed) {
  const Looked looked(planted(std::string(kExcepted) + "2026-11-28\n"));
  EXPECT_THAT(looked.ids("wildcard-permit"), ElementsAre("wildcard-permit:any"));
  EXPECT_TRUE(looked->any_at_least(Weight::kCritical));
  EXPECT_THAT(to_text(*looked), HasSubstr("its exception ended on 2026-11-28"));
}

TEST(PostureExceptions, OnesOfTheConfigurationNeedNoFile) {
  PlantedWorld world = planted();
  world.top +=
      "posture:\n  exceptions:\n    - {finding: wildcard-permit, subject: any, owner: olga, reason: it ends "
      "soon, until: 2026-12-31}\n    - {finding: no-owner, subject: nobody, owner: olga, reason: r, until: "
      "2026-12-31}\n";
  const Looked looked(world);
  EXPECT_THAT(looked.ids("wildcard-permit"), ElementsAre());
  EXPECT_EQ(1U, looked->covered());
  EXPECT_THAT(to_text(*looked), HasSubstr("exception `no-owner:nobody` matches nothing ("));
}

TEST(PostureExceptions, AnExceptionThatMatchesNothingIsNamed) {
  PlantedWorld world;
  world.exceptions = std::string(kExcepted) + "2026-12-31\n";
  const Looked looked(world);
  EXPECT_THAT(to_text(*looked), HasSubstr("exception `wildcard-permit:any` matches nothing (x.yaml:2)"));
}

std::string wrong_with(std::string_view text) {
  files::Issues issues;
  parse_exceptions(text, "x.yaml", issues);
  std::string all;
  for (const auto& issue : issues.all()) all += render(issue) + "\n";
  return all;
}

TEST(PostureExceptions, TheyMayNameEveryCheckAndNoOther) {
  std::vector<std::string_view> ids;
  for (const Check& check : checks()) ids.push_back(check.id);
  EXPECT_THAT(config::posture_checks(), ::testing::ElementsAreArray(ids));
}

TEST(PostureExceptions, OfTwoForOneFindingTheOneThatEndsLaterCountsAndNoneMatchesNothing) {
  PlantedWorld world = planted(std::string(kExcepted) + "2026-12-31\n");
  world.top +=
      "posture:\n  exceptions:\n    - {finding: \"wildcard-permit:any\", owner: olga, reason: it ends soon, "
      "until: 2026-11-01}\n";
  const Looked looked(world);
  EXPECT_EQ(1U, looked->covered());
  EXPECT_EQ(2U, looked->exemptions.size());
  EXPECT_TRUE(looked->idle.empty());
}

TEST(PostureExceptions, WhatIsMalformedIsRefusedWithItsPlace) {
  EXPECT_THAT(wrong_with("exceptions:\n  - {finding: a, owner: o, reason: r, until: 2026-12-31}\n"),
              HasSubstr("x.yaml:2:15: error: there is no check `a`"));
  EXPECT_THAT(wrong_with("exceptions:\n  - {finding: \"a:b\", owner: o, reason: r, until: 2026-12-31}\n"),
              HasSubstr("there is no check `a`"));
  EXPECT_THAT(wrong_with("exceptions:\n  - {finding: \"no-owner:b\", owner: o, reason: r, until: soon}\n"),
              HasSubstr("`soon` is not a date"));
  EXPECT_THAT(wrong_with("exceptions:\n  - {finding: \"no-owner:b\", owner: o, until: 2026-12-31}\n"),
              HasSubstr("reason"));
  EXPECT_THAT(
      wrong_with("exceptions:\n  - {finding: \"no-owner:b\", owner: o, reason: r, untill: 2026-12-31}\n"),
      HasSubstr("untill"));
  const std::string one = "  - {finding: \"no-owner:b\", owner: o, reason: r, until: 2026-12-31}\n";
  EXPECT_THAT(wrong_with("exceptions:\n" + one + one), HasSubstr("excepted twice, first in line 2"));
  EXPECT_THAT(wrong_with("findings: []\n"), HasSubstr("findings"));
  EXPECT_EQ("", wrong_with("exceptions:\n" + one));
}

TEST(PostureExceptions, MoreThanTheLimitAreRefused) {
  std::string text = "exceptions:\n";
  for (std::size_t i = 0; i <= config::kMaxExceptions; ++i)
    text += fmt::format("  - {{finding: \"no-owner:i{}\", owner: o, reason: r, until: 2026-12-31}}\n", i);
  EXPECT_THAT(wrong_with(text), HasSubstr("at most 10000 are read"));
  EXPECT_THAT(wrong_with(std::string(kMaxExemptionBytes + 1, ' ')), HasSubstr("bytes, at most"));
}

TEST(PostureRender, TheWeightiestComesFirstAndEveryOutputHasIt) {
  const Looked looked(planted());
  const auto text = to_text(*looked);
  EXPECT_EQ(0U, text.find("critical  Wildcard permits"));
  EXPECT_THAT(text, HasSubstr("NHI5:2025"));
  EXPECT_THAT(to_csv(*looked), HasSubstr("\"critical\",\"wildcard-permit:any\""));
  EXPECT_THAT(to_html(*looked, "").find("wildcard-permit:any"), Not(std::string::npos));
}

TEST(PostureRender, SarifHasARuleForEachCheckAndAPlaceForTheFinding) {
  const Looked looked(planted(std::string(kExcepted) + "2026-12-31\n"));
  const auto sarif = to_sarif(*looked, "1", {});
  EXPECT_EQ("2.1.0", *sarif.find_string("version"));
  const auto& run = sarif.find("runs")->if_array()->front();
  EXPECT_EQ(checks().size(), run.find("tool")->find("driver")->find("rules")->if_array()->size());
  bool seen = false;
  for (const auto& result : *run.find("results")->if_array()) {
    const auto rule = static_cast<std::size_t>(*result.find("ruleIndex")->if_int());
    EXPECT_EQ(*result.find_string("ruleId"), checks()[rule].id);
    if (*result.find_string("ruleId") != "wildcard-permit") continue;
    seen = true;
    const auto& place = *result.find("locations")->if_array()->front().find("physicalLocation");
    EXPECT_THAT(*place.find("artifactLocation")->find_string("uri"), HasSubstr("p.cedar"));
    EXPECT_EQ(3, *place.find("region")->find("startLine")->if_int());
    EXPECT_EQ(1U, result.find("suppressions")->if_array()->size());
  }
  EXPECT_TRUE(seen);
}

TEST(PostureRender, ANameOfAStrangerIsNoMarkupAndNoFormula) {
  PlantedWorld world;
  world.policies += "@id(\"=cmd|<script>alert(1)</script>\") permit (principal, action, resource);\n";
  const Looked looked(world);
  EXPECT_THAT(to_html(*looked, "<b>"), Not(HasSubstr("<script")));
  EXPECT_THAT(to_html(*looked, "<b>"), HasSubstr("&lt;b&gt;"));
  EXPECT_THAT(to_csv(*looked), HasSubstr("\"wildcard-permit:=cmd|<script>"));
}

TEST(PostureRender, AHistoryIsReadBackAndTheTrendShowsWhatBecameOfIt) {
  const Looked before(planted()), after{PlantedWorld()};
  const auto lines = history_line(*before) + history_line(*after);
  const auto runs = parse_history(lines);
  ASSERT_TRUE(runs.has_value());
  ASSERT_EQ(2U, runs->size());
  EXPECT_EQ(1, (*runs)[0].counts[3]);
  EXPECT_THAT(trend_text(*runs), HasSubstr("critical 0, high 0, medium 0, low 0, excepted 0  (-"));
  EXPECT_FALSE(parse_history(lines + "{}\n").has_value());
}

}  // namespace
}  // namespace writ::posture::render_test
