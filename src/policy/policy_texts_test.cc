#include "policy/policy_texts.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "policy/policies.h"

namespace writ::policy::policy_texts_test {
namespace {

namespace fs = std::filesystem;

PolicyText text(TextKind kind, std::string path, std::string content) {
  return {kind, path, path, std::make_shared<const std::string>(std::move(content))};
}

TEST(Revision, IsAnotherForWhateverDecidesOtherwise) {
  using enum TextKind;
  const std::vector<PolicyTexts> sets = {
      {{text(kPolicies, "a.cedar", "x"), text(kPolicies, "b.cedar", "y")}, 4},
      {{text(kPolicies, "a.cedar", "xb.cedary")}, 4},
      {{text(kPolicies, "a.cedarx", ""), text(kPolicies, "b.cedar", "y")}, 4},
      {{text(kPolicies, "one/a.cedar", "x"), text(kPolicies, "b.cedar", "y")}, 4},
      {{text(kPolicies, "two/a.cedar", "x"), text(kPolicies, "b.cedar", "y")}, 4},
      {{text(kPolicies, "b.cedar", "y"), text(kPolicies, "a.cedar", "x")}, 4},
      {{text(kSchema, "a.cedar", "x"), text(kPolicies, "b.cedar", "y")}, 4},
      {{text(kEntities, "a.cedar", "x"), text(kPolicies, "b.cedar", "y")}, 4},
      {{text(kPolicies, "a.cedar", "x"), text(kPolicies, "b.cedar", "y")}, 3},
      {{text(kPolicies, "a.cedar", "x"), text(kPolicies, "b.cedar", "y")}, 4, {{"c", {}, {}}}},
      {{text(kPolicies, "a.cedar", "x")}, 4},
      {{}, 4},
  };
  std::set<std::string> revisions;
  for (const auto& set : sets) {
    EXPECT_EQ(revision_of(set).size(), 64U);
    EXPECT_EQ(revision_of(set), revision_of(set));
    revisions.insert(revision_of(set));
  }
  EXPECT_EQ(revisions.size(), sets.size());
}

class PolicyTextsTest : public ::testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / fmt::format("writ-texts-{}", ::getpid());
  void TearDown() override { fs::remove_all(root_); }

  config::Config config(const std::string& folder) {
    config::Config config;
    config.file = root_ / folder / "writ.yaml";
    config.policies.policies = {root_ / folder / "policies"};
    write(folder + "/policies/b.cedar", "permit (principal, action, resource);");
    write(folder + "/policies/a.cedar", "@id(\"a\") forbid (principal, action, resource);");
    return config;
  }
  void write(const std::string& path, std::string_view content) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
};

TEST_F(PolicyTextsTest, PathsBeginAtTheConfigurationSoThatItsFolderMayMove) {
  files::Issues issues;
  const auto here = read_policy_texts(config("here"), issues),
             there = read_policy_texts(config("there"), issues);
  ASSERT_FALSE(issues.has_errors());
  ASSERT_EQ(here.files.size(), 2U);
  EXPECT_EQ(here.files[0].path, "policies/a.cedar");
  EXPECT_EQ(here.files[0].shown, (root_ / "here/policies/a.cedar").string());
  EXPECT_EQ(revision_of(here), revision_of(there));
}

std::vector<std::string> paths(const PolicyTexts& texts) {
  std::vector<std::string> paths;
  for (const auto& file : texts.files) paths.push_back(file.path);
  return paths;
}

TEST_F(PolicyTextsTest, PoliciesInSubfoldersAreInForceAndPartOfTheRevision) {
  const auto here = config("here");
  files::Issues issues;
  const auto before = revision_of(read_policy_texts(here, issues));
  write("here/policies/emergency/deny.CEDAR", "@id(\"deny\") forbid (principal, action, resource);");
  const auto texts = read_policy_texts(here, issues);
  EXPECT_EQ(issues.errors(), 0U);
  EXPECT_EQ(paths(texts), (std::vector<std::string>{"policies/a.cedar", "policies/b.cedar",
                                                    "policies/emergency/deny.CEDAR"}));
  EXPECT_NE(revision_of(texts), before);
  const auto loaded = load_policies(texts, {}, issues);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->snapshot->policies->find("deny"));
}

TEST_F(PolicyTextsTest, TheRevisionDoesNotDependOnTheOrderInWhichFilesWereMade) {
  const auto here = config("here"), there = config("there");
  for (const auto* name : {"z", "m", "k", "c"})
    write(fmt::format("here/policies/{}.cedar", name), fmt::format("// {}", name));
  for (const auto* name : {"c", "k", "m", "z"})
    write(fmt::format("there/policies/{}.cedar", name), fmt::format("// {}", name));
  files::Issues issues;
  EXPECT_EQ(revision_of(read_policy_texts(here, issues)), revision_of(read_policy_texts(there, issues)));
}

TEST_F(PolicyTextsTest, AFileThatIsReachedTwiceIsReadOnce) {
  auto here = config("here");
  const auto policies = root_ / "here/policies";
  fs::create_symlink("a.cedar", policies / "c.cedar");
  fs::create_hard_link(policies / "a.cedar", policies / "d.cedar");
  write("here/policies/sub/e.cedar", "");
  here.policies.policies = {policies / "b.cedar", policies, policies / "sub"};
  files::Issues issues;
  EXPECT_EQ(paths(read_policy_texts(here, issues)),
            (std::vector<std::string>{"policies/b.cedar", "policies/a.cedar", "policies/sub/e.cedar"}));
  EXPECT_EQ(issues.errors(), 0U);
}

TEST_F(PolicyTextsTest, AnotherFileAmongPoliciesIsAnErrorUnlessItIsReadElsewhereOrIgnored) {
  auto here = config("here");
  const auto policies = root_ / "here/policies";
  for (const auto* name : {"a.test.yaml", "schema.cedarschema", "entities.json", "writ.yaml", "README.md"})
    write(fmt::format("here/policies/{}", name), "[]");
  here.file = policies / "writ.yaml";
  here.policies.schemas = {policies / "schema.cedarschema"};
  here.policies.entities = policies / "entities.json";
  here.policies.ignore = {"*.md"};
  files::Issues issues;
  EXPECT_EQ(read_policy_texts(here, issues).left_out.size(), 1U);
  EXPECT_EQ(issues.errors(), 0U);
  here.policies.schemas.clear();
  here.policies.entities.reset();
  here.policies.ignore.clear();
  read_policy_texts(here, issues);
  ASSERT_EQ(issues.errors(), 3U);
  EXPECT_EQ(issues.all()[0].place.file, (policies / "README.md").string());
  EXPECT_EQ(issues.all()[0].message, "this file is among the policies, but nothing would read it");
}

TEST_F(PolicyTextsTest, WhatIsNamedAndIsAPipeIsAnErrorAndNobodyWaits) {
  auto here = config("here");
  const auto pipe = root_ / "here/pipe.cedar";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  here.policies.policies = {pipe, root_ / "here/policies"};
  here.policies.entities = pipe;
  files::Issues issues;
  read_policy_texts(here, issues);
  ASSERT_EQ(issues.errors(), 2U);
  EXPECT_NE(issues.all()[0].message.find("it is a pipe, a socket or a device"), std::string::npos);
}

TEST_F(PolicyTextsTest, HalfOfOneStateAndHalfOfTheNextIsNeverTaken) {
  auto here = config("here");
  for (const auto* state : {"one", "two"}) {
    for (int i = 0; i < 50; ++i)
      write(fmt::format("here/{}/{}.cedar", state, i), fmt::format("// {}", state));
  }
  here.policies.policies = {root_ / "here/current"};
  // One state after the other, each whole.
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      fs::create_symlink(i % 2 == 0 ? "one" : "two", root_ / "here/next");
      fs::rename(root_ / "here/next", root_ / "here/current");
    }
  });
  bool refused = false;
  for (int reading = 0; reading < 20'000 && !refused; ++reading) {
    files::Issues issues;
    const auto texts = read_policy_texts(here, issues);
    if (issues.has_errors()) {
      refused = issues.all().back().message.find("changed during each of several reads") != std::string::npos;
      continue;
    }
    ASSERT_EQ(texts.files.size(), 50U);
    for (const auto& file : texts.files) ASSERT_EQ(*file.text, *texts.files[0].text);
  }
  EXPECT_TRUE(refused) << "what never stands still";
}

TEST_F(PolicyTextsTest, AFileWithoutAPolicyIsAWarning) {
  const auto here = config("here");
  write("here/policies/cut.cedar", "\n");
  files::Issues issues;
  EXPECT_TRUE(load_policies(read_policy_texts(here, issues), {}, issues));
  ASSERT_EQ(issues.warnings(), 1U);
  EXPECT_EQ(issues.all()[0].message, "this file is empty");
  write("here/policies/cut.cedar", "// permit (principal, action, resource);\n");
  issues = {};
  EXPECT_TRUE(load_policies(read_policy_texts(here, issues), {}, issues));
  ASSERT_EQ(issues.warnings(), 1U);
  EXPECT_EQ(issues.all()[0].message, "there is no policy in this file");
}

// Editors show the forbid in a line of its own.
TEST_F(PolicyTextsTest, WhatACommentHidesBehindALineEndOfSomeEditorsIsAWarning) {
  const auto here = config("here");
  for (const auto* sign : {"\u2028", "\u2029", "\u0085", "\v", "\f"}) {
    write("here/policies/c.cedar",
          std::string("permit (principal, action, resource) when { context.input.a == "
                      "\"//\" }; // soon:") +
              sign + "forbid (principal, action, resource);\n");
    files::Issues issues;
    EXPECT_TRUE(load_policies(read_policy_texts(here, issues), {}, issues));
    ASSERT_EQ(issues.warnings(), 1U) << sign;
    EXPECT_EQ(issues.all()[0].message,
              "this comment goes on: the sign here ends a line in some editors, and none in Cedar");
    EXPECT_EQ(issues.all()[0].place.line, 1);
  }
  write("here/policies/c.cedar",
        "// a \u2028 \n// b\u2029\npermit (principal, action, resource)\n"
        "when { context.input.a == \"\u2028//\u2028x\" };\r// c \r\n");
  files::Issues issues;
  EXPECT_TRUE(load_policies(read_policy_texts(here, issues), {}, issues));
  EXPECT_EQ(issues.warnings(), 0U);
}

TEST_F(PolicyTextsTest, AUserWhoIsNotListedMayBeNamedAndAnApplicationThatIsNotIsAWarning) {
  write("here/policies/c.cedar",
        "@id(\"bob\") permit (principal == Writ::User::\"bob\", action, resource)"
        "when { context.user == Writ::User::\"ann\" };\n"
        "@id(\"app\") permit (principal == Writ::Application::\"bob\", action, resource);");
  files::Issues issues;
  EXPECT_TRUE(load_policies(read_policy_texts(config("here"), issues), {}, issues));
  ASSERT_EQ(issues.all().size(), 1U);
  EXPECT_NE(issues.all()[0].message.find("Writ::Application::\"bob\""), std::string::npos);
}

TEST_F(PolicyTextsTest, AShadowPolicyIsLoadedBesideThoseThatDecide) {
  write("here/policies/c.cedar", "@id(\"c\") @shadow(\"soon\") forbid (principal, action, resource);");
  files::Issues issues;
  const auto loaded = load_policies(read_policy_texts(config("here"), issues), {}, issues);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->count, 2U);
  EXPECT_EQ(loaded->shadows, 1U);
  EXPECT_FALSE(loaded->snapshot->policies->find("c"));
  ASSERT_NE(loaded->snapshot->with_shadows, nullptr);
  EXPECT_TRUE(loaded->snapshot->with_shadows->policies->find("c"));
  EXPECT_TRUE(loaded->snapshot->with_shadows->policies->find("a"));
  EXPECT_EQ(loaded->snapshot->with_shadows->revision, loaded->snapshot->revision);
}

TEST_F(PolicyTextsTest, WithoutShadowsThereIsNoSecondSet) {
  files::Issues issues;
  const auto loaded = load_policies(read_policy_texts(config("here"), issues), {}, issues);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->snapshot->with_shadows, nullptr);
}

TEST_F(PolicyTextsTest, AShadowHasANameOfItsOwn) {
  write("here/policies/c.cedar", "@id(\"a\") @shadow forbid (principal, action, resource);");
  files::Issues issues;
  EXPECT_FALSE(load_policies(read_policy_texts(config("here"), issues), {}, issues));
  ASSERT_EQ(issues.errors(), 1U);
  EXPECT_NE(issues.all()[0].message.find("policy `a` is given twice"), std::string::npos);
}

}  // namespace
}  // namespace writ::policy::policy_texts_test
