#include "http/path_trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(PathTrie& trie, std::string_view path_template) {
  const auto added = trie.add(path_template);
  return added ? "" : added.error().message;
}

TEST(PathTrie, MatchesExactly) {
  PathTrie trie;
  EXPECT_EQ(trie.add("/")->leaf, 0u);
  EXPECT_EQ(trie.add("/tenants/{tenant}/invoices/{invoice}")->leaf, 1u);
  EXPECT_EQ(trie.add("/tenants/{tenant}/invoices")->leaf, 2u);
  std::vector<std::string_view> values;
  EXPECT_EQ(trie.match("/", values), 0u);
  EXPECT_EQ(trie.match("/tenants/north/invoices/7", values), 1u);
  EXPECT_THAT(values, ElementsAre("north", "7"));
  EXPECT_EQ(trie.match("/tenants/north/invoices", values), 2u);
  EXPECT_THAT(values, ElementsAre("north"));
  for (const std::string_view path :
       {"", "/tenants", "/tenants/north", "/tenants/north/invoices/", "/tenants/north/invoices/7/",
        "/tenants/north/invoices/7/x", "/Tenants/north/invoices", "/tenants//invoices",
        "tenants/x/invoices"}) {
    EXPECT_EQ(trie.match(path, values), std::nullopt) << path;
    EXPECT_THAT(values, IsEmpty());
  }
}

TEST(PathTrie, TheMoreSpecificTemplateIsTaken) {
  PathTrie trie;
  const auto any = trie.add("/users/{id}")->leaf;
  const auto me = trie.add("/users/me")->leaf;
  const auto any_mail = trie.add("/users/{id}/mail")->leaf;
  std::vector<std::string_view> values;
  EXPECT_EQ(trie.match("/users/me", values), me);
  EXPECT_THAT(values, IsEmpty());
  EXPECT_EQ(trie.match("/users/you", values), any);
  // The literal branch leads nowhere here; the parameter does.
  EXPECT_EQ(trie.match("/users/me/mail", values), any_mail);
  EXPECT_THAT(values, ElementsAre("me"));
}

TEST(PathTrie, RefusesAmbiguousTemplates) {
  PathTrie trie;
  ASSERT_TRUE(trie.add("/users/{id}"));
  EXPECT_THAT(refusal(trie, "/{kind}/me"), HasSubstr("neither is more specific"));
  EXPECT_THAT(refusal(trie, "/users/{name}"), HasSubstr("differ only in the names"));
  EXPECT_TRUE(trie.add("/users/{id}")->existed);
  ASSERT_TRUE(trie.add("/{kind}"));
  EXPECT_TRUE(trie.add("/")->leaf);
  EXPECT_TRUE(trie.add("/")->existed);
}

TEST(PathTrie, RefusesMalformedTemplates) {
  PathTrie trie;
  for (const std::string_view bad : {"", "users", "/a//b", "/a/../b", "/.", "/{}", "/{a}/{a}", "/{1}",
                                     "/{a-b}", "/a{b}", "/{a}b", "/a%20b", "/a;b", "/a?b", "/a#b", "/a\\b"}) {
    EXPECT_FALSE(trie.add(bad)) << bad;
  }
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "/a";
  EXPECT_THAT(refusal(trie, deep), HasSubstr("more than 64 segments"));
}

}  // namespace
}  // namespace writ::http
