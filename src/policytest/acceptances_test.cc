#include "policytest/acceptances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/parse.h"

namespace writ::policytest::acceptances_test {
namespace {

using ::testing::HasSubstr;

// Of one policy with this annotation, in the third line of its file; "red" and "red green" can be accepted.
Result<std::vector<Acceptance>> read(std::string_view annotation) {
  const auto text = "// first\n\n" + std::string(annotation) + "\npermit (principal, action, resource);";
  policy::LoadedPolicies policies;
  policies.policies = *cedar::parse_policies(text);
  policies.policies.policies[0].id = "p";
  policies.sources.push_back(
      {{"a.cedar", 4, 1},
       std::make_shared<const policy::PolicyFileText>(std::make_shared<const std::string>(text))});
  return read_acceptances(
      policies, {"accept", "colour", [](std::size_t, std::string_view at) -> std::optional<std::size_t> {
                   for (const std::string_view name : {"red green", "red"})
                     if (at.starts_with(name)) return name.size();
                   return std::nullopt;
                 }});
}

std::string error_of(std::string_view annotation) {
  const auto all = read(annotation);
  return all ? "none" : all.error().message;
}

TEST(Acceptances, EntriesHaveASubjectAndAReason) {
  const auto all = read("@accept(\" red: it is warm ;\n red green: it is both: warm and cold; \")");
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].subject, "red");
  EXPECT_EQ((*all)[0].reason, "it is warm");
  EXPECT_EQ((*all)[1].subject, "red green");
  EXPECT_EQ((*all)[1].reason, "it is both: warm and cold");
  EXPECT_EQ((*all)[1].policy, "p");
  EXPECT_EQ((*all)[1].place.line, 3);
  EXPECT_FALSE((*all)[1].used);
}

TEST(Acceptances, APolicyWithoutTheAnnotationAcceptsNothing) {
  EXPECT_TRUE(read("@other(\"red\")")->empty());
}

TEST(Acceptances, WhatIsMalformedIsAnErrorThatNamesThePlace) {
  for (const auto& [annotation, told] :
       {std::pair("@accept", "it is empty"),
        {"@accept(\"\")", "it is empty"},
        {"@accept(\" \")", "it is empty"},
        {"@accept(\"red\")", "`red` is accepted without a reason"},
        {"@accept(\"red:\")", "`red` is accepted without a reason"},
        {"@accept(\"red: ; red green: x\")", "`red` is accepted without a reason"},
        {"@accept(\"blue: it is cold\")", "there is no colour `blue`"},
        {"@accept(\"reddish: it is warm\")", "there is no colour `reddish`"},
        {"@accept(\"red: warm; and so on\")", "there is no colour `and so on`"},
        {"@accept(\";\")", "there is no colour ``"},
        {"@accept(\"red: a; red: b\")", "`red` is accepted twice"}}) {
    EXPECT_THAT(error_of(annotation), HasSubstr(told)) << annotation;
    EXPECT_THAT(error_of(annotation), ::testing::StartsWith("a.cedar:3: @accept of policy `p`: "))
        << annotation;
  }
}

TEST(Acceptances, WhatOnlyLooksLikeOneIsAnError) {
  const auto check = [](std::string_view annotation) {
    const auto text = std::string(annotation) + "\npermit (principal, action, resource);";
    policy::LoadedPolicies policies;
    policies.policies = *cedar::parse_policies(text);
    policies.sources.push_back(
        {{"a.cedar", 2, 1},
         std::make_shared<const policy::PolicyFileText>(std::make_shared<const std::string>(text))});
    const auto checked = check_annotations(policies, {"accept_this", "accept_that"});
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(check("@accept_this(\"a: b\") @accept_that(\"c: d\") @accepted(\"e\")"), "");
  EXPECT_EQ(check("@accept_those(\"a: b\")"),
            "a.cedar:1: @accept_those of policy `policy0`: unknown annotation; expected @accept_this or "
            "@accept_that");
}

TEST(Acceptances, OneThatNothingNeedsIsToldWithItsPlace) {
  const auto all = read("@accept(\"red: warm\")");
  EXPECT_EQ(unused_text(all->at(0), "accept"),
            "a.cedar:3: @accept of policy `p`: nothing needs to accept `red`");
  EXPECT_EQ(to_json(all->at(0)).dump(),
            R"({"file":"a.cedar","line":3,"policy":"p","accepts":"red","reason":"warm"})");
}

}  // namespace
}  // namespace writ::policytest::acceptances_test
