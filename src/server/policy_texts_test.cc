#include "server/policy_texts.h"

#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <unistd.h>

#include "server/policies.h"

namespace writ::server {
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

  Config config(const std::string& folder) {
    Config config;
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
  Issues issues;
  const auto here = read_policy_texts(config("here"), issues),
             there = read_policy_texts(config("there"), issues);
  ASSERT_FALSE(issues.has_errors());
  ASSERT_EQ(here.files.size(), 2U);
  EXPECT_EQ(here.files[0].path, "policies/a.cedar");
  EXPECT_EQ(here.files[0].shown, (root_ / "here/policies/a.cedar").string());
  EXPECT_EQ(revision_of(here), revision_of(there));
}

TEST_F(PolicyTextsTest, AShadowPolicyIsLoadedBesideThoseThatDecide) {
  write("here/policies/c.cedar", "@id(\"c\") @shadow(\"soon\") forbid (principal, action, resource);");
  Issues issues;
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
  Issues issues;
  const auto loaded = load_policies(read_policy_texts(config("here"), issues), {}, issues);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->snapshot->with_shadows, nullptr);
}

TEST_F(PolicyTextsTest, AShadowHasANameOfItsOwn) {
  write("here/policies/c.cedar", "@id(\"a\") @shadow forbid (principal, action, resource);");
  Issues issues;
  EXPECT_FALSE(load_policies(read_policy_texts(config("here"), issues), {}, issues));
  ASSERT_EQ(issues.errors(), 1U);
  EXPECT_NE(issues.all()[0].message.find("policy `a` is given twice"), std::string::npos);
}

}  // namespace
}  // namespace writ::server
