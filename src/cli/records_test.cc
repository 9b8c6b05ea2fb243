#include "cli/records.h"

#include <gmock/gmock.h>

#include "cli/output.h"

namespace writ::cli::records_test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

codec::Json json(std::string_view text) {
  return codec::parse_json(text).value();
}

TEST(Records, AnApprovalNamesThePersonAndTheApplicationThatCarriedIt) {
  for (const auto* type : {"task.approved", "task.denied", "approval.approved", "approval.denied"}) {
    auto record = json(R"({"seq":7,"time":"T","actor":"ops-console","object":"t-1","detail":"niklas"})");
    record.set("type", type);
    EXPECT_THAT(line_of(record), EndsWith("niklas → ops-console t-1")) << type;
  }
}

TEST(Records, AnEventNamesThePersonOfTheDecisionBeforeIt) {
  RecordLines lines;
  lines.next(json(
      R"({"seq":1,"effect":"permit","point":"api","request_id":"r-1","subject":"nora","client":"portal"})"));
  lines.next(json(
      R"({"seq":2,"effect":"permit","point":"api","request_id":"r-2","subject":"niklas","client":"portal"})"));
  EXPECT_THAT(
      lines.next(json(R"({"seq":3,"type":"task.ended","actor":"portal","object":"t-1","request_id":"r-1"})")),
      EndsWith("nora → portal t-1"));
}

TEST(Records, AnEventOfNobodysRequestNamesItsActorAlone) {
  RecordLines lines;
  lines.next(json(
      R"({"seq":1,"effect":"permit","point":"api","request_id":"r-1","subject":"nora","client":"portal"})"));
  const auto line = lines.next(json(R"({"seq":2,"type":"policies.replaced","actor":"","object":"abc"})"));
  EXPECT_THAT(line, Not(HasSubstr("nora")));
}

TEST(Records, AClientThatActsForItselfIsNamedOnce) {
  RecordLines lines;
  lines.next(
      json(R"({"seq":1,"effect":"permit","point":"api","request_id":"r","subject":"ops","client":"ops"})"));
  EXPECT_THAT(lines.next(json(
                  R"({"seq":2,"type":"identity.suspended","actor":"ops","object":"x","request_id":"r"})")),
              EndsWith(" ops x"));
}

TEST(Records, AStreamThatEndedSaysWhy) {
  EXPECT_THAT(line_of(json(R"({"seq":3,"type":"stream.ended","actor":"portal","object":"o",
        "detail":"{\"kind\":\"stream\",\"reason\":\"policy_no_permit\",\"message\":\"no policy permits it\"}"})")),
              EndsWith("stream.ended  portal o  [policy_no_permit] no policy permits it"));
}

TEST(Records, PartiesAreInTheOrderInWhichTheyCameAbout) {
  EXPECT_EQ(parties_of(json(R"({"subject":"nora","client":"agent","actors":["agent","portal"]})")),
            "nora → portal → agent");
  EXPECT_EQ(parties_of(json("{}")), "-");
}

TEST(Output, MembersAndListsAreShownLineByLine) {
  EXPECT_EQ(members_text(json(R"({"id":"t-1","calls":3})"), 6), "id     t-1\ncalls  3\n");
  const auto line = [](const codec::Json& each) { return show(each, "id"); };
  EXPECT_EQ(list_text(json(R"({"tasks":[{"id":"a"},{"id":"b"}],"next":"n"})"), "tasks", line, "no tasks"),
            "a\nb\nthere is more: go on with --after n\n");
  EXPECT_EQ(list_text(json(R"({"tasks":[]})"), "tasks", line, "no tasks"), "no tasks");
}

}  // namespace
}  // namespace writ::cli::records_test
