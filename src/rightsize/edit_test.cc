#include "rightsize/edit.h"

#include <gtest/gtest.h>

#include "cedar/parse.h"

namespace writ::rightsize::edit_test {
namespace {

constexpr std::string_view kText = R"(// Who reads.
@id("readers") // a comment in the middle
permit (principal, action, resource)
when { resource.open }  // keep this one
; // and this one

  @id("kept")
  permit (principal, action, resource);

@id("never") forbid (principal, action, resource) when { principal has stopped };
)";

std::string edited_text(const PolicyUse& first, const PolicyUse& second) {
  const auto policies = cedar::parse_policies(kText).value().policies;
  const Edit edits[] = {{policies[0].span, &first}, {policies[1].span, &second}};
  return edited(kText, edits).value();
}

TEST(Edit, LinesAreAddedAndAllThatStoodThereStays) {
  PolicyUse narrowed{.policy = 0, .id = "readers", .verdict = Fate::kNarrowed};
  narrowed.conditions = {"action == Action::\"read\"", "context has purpose"};
  narrowed.evidence = "12 uses";
  PolicyUse kept{.policy = 1, .id = "kept", .verdict = Fate::kKept};
  kept.why = {"it is used yearly"};
  kept.evidence = "not used";
  EXPECT_EQ(edited_text(narrowed, kept), R"(// Who reads.
@id("readers") // a comment in the middle
permit (principal, action, resource)
when { resource.open }  // keep this one

// writ rightsize: 12 uses
when { action == Action::"read" }
when { context has purpose }; // and this one

  // writ rightsize: kept, as it is used yearly; not used
  @id("kept")
  permit (principal, action, resource);

@id("never") forbid (principal, action, resource) when { principal has stopped };
)");
}

TEST(Edit, WithoutChangesTheTextIsTheSameByteForByte) {
  const PolicyUse whole{.policy = 0, .id = "readers"}, other{.policy = 1, .id = "kept"};
  EXPECT_EQ(edited_text(whole, other), kText);
}

TEST(Edit, LinesEndAsThoseOfTheText) {
  constexpr std::string_view text = "// a\r\npermit (principal, action, resource);\r\n";
  PolicyUse unused{.policy = 0, .id = "p", .verdict = Fate::kUnused};
  unused.conditions = {"false"};
  unused.evidence = "not used";
  const Edit edit{cedar::parse_policies(text).value().policies[0].span, &unused};
  EXPECT_EQ(
      edited(text, {&edit, 1}).value(),
      "// a\r\npermit (principal, action, resource)\r\n// writ rightsize: not used\r\nwhen { false };\r\n");
}

// Whatever it was made of: names in a log that was forged, a comment with a line break in it.
TEST(Edit, WhatWouldBeMoreThanAConditionIsRefused) {
  const auto policies = cedar::parse_policies(kText).value().policies;
  const auto written = [&](std::string_view condition, std::string_view evidence, std::size_t policy = 0) {
    PolicyUse use{.policy = policy, .id = "p", .verdict = Fate::kNarrowed};
    use.conditions = {std::string(condition)};
    use.evidence = evidence;
    const Edit edit{policies[policy].span, &use};
    return edited(kText, {&edit, 1}).has_value();
  };
  EXPECT_TRUE(written("true", "12 uses"));
  EXPECT_FALSE(written("true }; permit (principal, action, resource) when { true", "12 uses"));
  EXPECT_FALSE(written("true } unless { false", "12 uses"));
  EXPECT_FALSE(written("true } when { true", "12 uses"));
  EXPECT_FALSE(written("true", "12 uses\n; permit (principal, action, resource)"));
  EXPECT_FALSE(written("no cedar at", "12 uses"));
  EXPECT_FALSE(written("true", "12 uses", 2)) << "a forbid would forbid less";
}

TEST(Edit, APolicyThatIsNotWhereItWasReadIsRefused) {
  PolicyUse unused{.policy = 0, .id = "p", .verdict = Fate::kUnused};
  unused.conditions = {"false"};
  for (const cedar::Span span : {cedar::Span{0, 3}, cedar::Span{0, 900}, cedar::Span{5, 5}}) {
    const Edit edit{span, &unused};
    EXPECT_FALSE(edited(kText, {&edit, 1}).has_value());
  }
}

}  // namespace
}  // namespace writ::rightsize::edit_test
