#include "http/path_trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

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

// What add() has to say of one more template, found by a comparison with each that is there.
std::string said_of(const std::vector<std::string>& there, const std::string& added) {
  const auto segments = [](std::string_view text) {
    std::vector<std::string_view> parts;
    for (text.remove_prefix(1);; text.remove_prefix(text.find('/') + 1)) {
      parts.push_back(text.substr(0, text.find('/')));
      if (text.find('/') == text.npos) return parts;
    }
  };
  const auto is_parameter = [](std::string_view part) { return part.starts_with('{'); };
  const auto own = segments(added);
  for (const auto& other : there) {
    if (other == added) return "existed";
    const auto theirs = segments(other);
    if (own.size() != theirs.size()) continue;
    bool own_wins = false, other_wins = false, apart = false;
    for (std::size_t i = 0; i < own.size(); ++i) {
      const bool a = is_parameter(own[i]), b = is_parameter(theirs[i]);
      apart = apart || (!a && !b && own[i] != theirs[i]);
      own_wins = own_wins || (!a && b);
      other_wins = other_wins || (a && !b);
    }
    if (apart || own_wins != other_wins) continue;
    return own_wins
               ? "path templates `" + other + "` and `" + added +
                     "` match the same paths, and neither is more specific"
               : "path templates `" + other + "` and `" + added + "` differ only in the names of parameters";
  }
  return "";
}

TEST(PathTrie, SaysOfManyTemplatesWhatAComparisonWithEachSays) {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t count) { return random() % count; };
  std::size_t refused = 0, taken = 0;
  for (int round = 0; round < 200; ++round) {
    PathTrie trie;
    std::vector<std::string> there;
    for (int i = 0; i < 60; ++i) {
      std::string text;
      for (std::size_t left = 1 + pick(4), at = 0; left > 0; --left, ++at) {
        const std::vector<std::string> parts{
            "a", "b", "c", "d", "{p" + std::to_string(at) + "}", "{q" + std::to_string(at) + "}"};
        text += "/" + parts[pick(pick(3) == 0 ? parts.size() : 4)];
      }
      const auto expected = said_of(there, text);
      const auto added = trie.add(text);
      const auto said = !added ? added.error().message : added->existed ? "existed" : "";
      ASSERT_EQ(said, expected) << text;
      if (said.empty()) {
        EXPECT_EQ(added->leaf, there.size());
        there.push_back(text);
        ++taken;
      } else if (added) {
        EXPECT_EQ(there[added->leaf], text);
      } else {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(taken, 100u);
}

TEST(PathTrie, OfSeveralConflictsTheFirstIsNamed) {
  PathTrie trie;
  ASSERT_TRUE(trie.add("/b/{x}/d"));
  ASSERT_TRUE(trie.add("/a/{x}/d"));
  EXPECT_THAT(refusal(trie, "/{w}/c/d"), HasSubstr("`/b/{x}/d` and `/{w}/c/d`"));
}

}  // namespace
}  // namespace writ::http
