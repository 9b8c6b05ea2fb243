#include "http/path_trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace writ::http::path_trie_test {
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

TEST(PathTrie, AParameterMayHaveTextBehindIt) {
  PathTrie trie;
  const auto cancel = trie.add("/orders/{order}:cancel")->leaf;
  const auto any = trie.add("/orders/{order}")->leaf;
  const auto force = trie.add("/orders/{order}:force:cancel")->leaf;
  const auto special = trie.add("/orders/last:cancel")->leaf;
  const auto lines = trie.add("/orders/{order}/lines")->leaf;
  std::vector<std::string_view> values;
  EXPECT_EQ(trie.match("/orders/7:cancel", values), cancel);
  EXPECT_THAT(values, ElementsAre("7"));
  EXPECT_EQ(trie.match("/orders/7", values), any);
  EXPECT_THAT(values, ElementsAre("7"));
  EXPECT_EQ(trie.match("/orders/7:approve", values), any);
  EXPECT_THAT(values, ElementsAre("7:approve"));
  // The longest end that fits, and whole text before all.
  EXPECT_EQ(trie.match("/orders/7:force:cancel", values), force);
  EXPECT_THAT(values, ElementsAre("7"));
  EXPECT_EQ(trie.match("/orders/7:x:cancel", values), cancel);
  EXPECT_THAT(values, ElementsAre("7:x"));
  EXPECT_EQ(trie.match("/orders/last:cancel", values), special);
  // Nothing is no value: this is an order of that name.
  EXPECT_EQ(trie.match("/orders/:cancel", values), any);
  EXPECT_THAT(values, ElementsAre(":cancel"));
  // The end leads nowhere here; the parameter does.
  EXPECT_EQ(trie.match("/orders/7:cancel/lines", values), lines);
  EXPECT_THAT(values, ElementsAre("7:cancel"));
  for (const std::string_view path : {"/orders/7:cancel/", "/orders/", "/orders/7:cancel/x"}) {
    EXPECT_EQ(trie.match(path, values), std::nullopt) << path;
    EXPECT_THAT(values, IsEmpty());
  }
}

TEST(PathTrie, RefusesEndsThatNeitherIsMoreSpecific) {
  PathTrie trie;
  ASSERT_TRUE(trie.add("/{a}:x/{b}"));
  EXPECT_THAT(refusal(trie, "/{c}:x/{b}"), HasSubstr("differ only in the names"));
  EXPECT_THAT(refusal(trie, "/{a}/{b}:y"), HasSubstr("neither is more specific"));
  EXPECT_THAT(refusal(trie, "/{a}/7"), HasSubstr("neither is more specific"));
  EXPECT_TRUE(trie.add("/{a}:x/{b}")->existed);
  ASSERT_TRUE(trie.add("/{a}:x/{b}:y"));
  EXPECT_THAT(refusal(trie, "/{a}:more:x/{b}"), HasSubstr("`/{a}:x/{b}:y` and"));
  EXPECT_THAT(refusal(trie, "/{a}:other:x/{b}:other:y"), IsEmpty());
  EXPECT_THAT(refusal(trie, "/{a}:still:other:x/{b}:y"), HasSubstr("neither is more specific"));
}

TEST(PathTrie, AParameterMayHaveTextBeforeIt) {
  PathTrie trie;
  const auto any = trie.add("/{area}/orders")->leaf;
  const auto version = trie.add("/v{version}/orders")->leaf;
  const auto beta = trie.add("/v{version}-beta/orders")->leaf;
  const auto first = trie.add("/v1/orders")->leaf;
  const auto invoice = trie.add("/orders/{order}/invoice-{number}.{kind}");
  EXPECT_FALSE(invoice);
  const auto print = trie.add("/v{version}/orders/{order}/invoice-{number}.pdf");
  EXPECT_THAT(print->parameters, ElementsAre("version", "order", "number"));
  std::vector<std::string_view> values;
  EXPECT_EQ(trie.match("/v2/orders", values), version);
  EXPECT_THAT(values, ElementsAre("2"));
  EXPECT_EQ(trie.match("/vv/orders", values), version);
  EXPECT_THAT(values, ElementsAre("v"));
  EXPECT_EQ(trie.match("/v2-beta/orders", values), beta);
  EXPECT_THAT(values, ElementsAre("2"));
  EXPECT_EQ(trie.match("/v1/orders", values), first);
  // Nothing is no value, and another case is another text.
  for (const std::string_view path : {"/v/orders", "/V2/orders", "/2/orders"}) {
    EXPECT_EQ(trie.match(path, values), any) << path;
    EXPECT_THAT(values, ElementsAre(path.substr(1, path.find('/', 1) - 1)));
  }
  EXPECT_EQ(trie.match("/v-beta/orders", values), version);
  EXPECT_THAT(values, ElementsAre("-beta"));
  EXPECT_EQ(trie.match("/v2/orders/7/invoice-1.pdf", values), print->leaf);
  EXPECT_THAT(values, ElementsAre("2", "7", "1"));
  // What stands before it and what stands behind it do not share a letter.
  for (const std::string_view path :
       {"/v2/orders/7/invoice-.pdf", "/v2/orders/7/invoice-1.pdf/", "/v/orders/7"}) {
    EXPECT_EQ(trie.match(path, values), std::nullopt) << path;
    EXPECT_THAT(values, IsEmpty());
  }
  ASSERT_TRUE(trie.add("/x/ab{x}ba"));
  EXPECT_EQ(trie.match("/x/aba", values), std::nullopt);
  EXPECT_EQ(trie.match("/x/abba", values), std::nullopt);
  EXPECT_TRUE(trie.match("/x/ab.ba", values));
}

TEST(PathTrie, TextBeforeOneParameterAndBehindAnotherIsAmbiguous) {
  PathTrie trie;
  ASSERT_TRUE(trie.add("/files/v{version}"));
  EXPECT_THAT(refusal(trie, "/files/{name}.json"), HasSubstr("neither is more specific"));
  EXPECT_THAT(refusal(trie, "/files/v{other}"), HasSubstr("differ only in the names"));
  EXPECT_THAT(refusal(trie, "/{kind}/v1"), HasSubstr("neither is more specific"));
  EXPECT_THAT(refusal(trie, "/files/v{version}.json"), IsEmpty());
  // `/files/ver1.json`.
  EXPECT_THAT(refusal(trie, "/files/ver{x}"), HasSubstr("neither is more specific"));
  EXPECT_THAT(refusal(trie, "/files/ve{x}.json"), IsEmpty());
  EXPECT_THAT(refusal(trie, "/files/w{x}.json"), IsEmpty());
  EXPECT_THAT(refusal(trie, "/other/{name}.json"), IsEmpty());
  EXPECT_TRUE(trie.add("/files/v{version}.json")->existed);
}

TEST(PathTrie, TheRestOfAPathIsOneValue) {
  PathTrie trie;
  const auto files = trie.add("/files/**");
  ASSERT_TRUE(files);
  EXPECT_THAT(files->parameters, ElementsAre("**"));
  const auto folders = trie.add("/files/**/")->leaf;
  const auto of_tenant = trie.add("/tenants/{tenant}/files/**");
  EXPECT_THAT(of_tenant->parameters, ElementsAre("tenant", "**"));
  std::vector<std::string_view> values;
  EXPECT_EQ(trie.match("/files/a", values), files->leaf);
  EXPECT_THAT(values, ElementsAre("a"));
  EXPECT_EQ(trie.match("/files/a/b.css", values), files->leaf);
  EXPECT_THAT(values, ElementsAre("a/b.css"));
  // What a slash at the end is about is the same, where a template says that there may be one.
  EXPECT_EQ(trie.match("/files/a/b/", values), folders);
  EXPECT_THAT(values, ElementsAre("a/b"));
  EXPECT_EQ(trie.match("/tenants/north/files/x/y", values), of_tenant->leaf);
  EXPECT_THAT(values, ElementsAre("north", "x/y"));
  for (const std::string_view path :
       {"/", "/files", "/files/", "/file/a", "/filesystem/a", "/tenants/north/files", "/tenants/north/files/",
        "/tenants/north/files/x/", "/tenants//files/x"}) {
    EXPECT_EQ(trie.match(path, values), std::nullopt) << path;
    EXPECT_THAT(values, IsEmpty()) << path;
  }
}

TEST(PathTrie, TheRestTakesWhatNoSegmentTakes) {
  PathTrie trie;
  const auto all = trie.add("/**")->leaf;
  const auto one = trie.add("/{a}")->leaf;
  const auto files = trie.add("/files/**")->leaf;
  const auto docs = trie.add("/docs/**")->leaf;
  const auto hidden = trie.add("/docs/hidden/**")->leaf;
  const auto deep = trie.add("/files/{a}/last")->leaf;
  const auto index = trie.add("/")->leaf;
  std::vector<std::string_view> values;
  EXPECT_EQ(trie.match("/", values), index);
  EXPECT_EQ(trie.match("/files", values), one);
  EXPECT_EQ(trie.match("/x/y", values), all);
  EXPECT_THAT(values, ElementsAre("x/y"));
  EXPECT_EQ(trie.match("/files/x", values), files);
  EXPECT_EQ(trie.match("/files/x/last", values), deep);
  EXPECT_THAT(values, ElementsAre("x"));
  // A branch that leads nowhere leaves no value behind.
  EXPECT_EQ(trie.match("/files/x/first", values), files);
  EXPECT_THAT(values, ElementsAre("x/first"));
  EXPECT_EQ(trie.match("/docs/hidden", values), docs);
  EXPECT_EQ(trie.match("/docs/hidden/x", values), hidden);
  EXPECT_THAT(refusal(trie, "/docs/{a}/last"), HasSubstr("neither is more specific"));
  std::string deepest = "/files";
  for (int i = 0; i < 500; ++i) deepest += "/d";
  EXPECT_EQ(trie.match(deepest, values), files);
  EXPECT_THAT(values, ElementsAre(deepest.substr(7)));
}

TEST(PathTrie, RefusesARestThatIsNotTheEndOrNotMoreSpecific) {
  PathTrie trie;
  for (const std::string_view bad : {"/**/a", "/a/**/{b}", "/a/**/**", "/a/**//", "**", "/a//**"})
    EXPECT_FALSE(trie.add(bad)) << bad;
  EXPECT_THAT(refusal(trie, "/a/**/b"), HasSubstr("nothing but a slash may stand behind `**`"));
  ASSERT_TRUE(trie.add("/files/**"));
  EXPECT_THAT(refusal(trie, "/{kind}/list"), HasSubstr("neither is more specific"));
  EXPECT_THAT(refusal(trie, "/{kind}/{id}/**"), HasSubstr("neither is more specific"));
  EXPECT_THAT(refusal(trie, "/{kind}:x/list"), IsEmpty());
  // These never meet it.
  for (const auto* apart : {"/{kind}/list/", "/{kind}", "/{kind}/**/"})
    EXPECT_THAT(refusal(trie, apart), IsEmpty());
  ASSERT_TRUE(trie.add("/{kind}/**"));
  EXPECT_THAT(refusal(trie, "/{other}/**"), HasSubstr("differ only in the names"));
  EXPECT_TRUE(trie.add("/files/**")->existed);
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
  for (const std::string_view bad :
       {"",      "users",   "/a//b",    "/a/../b", "/.",   "/{}",     "/{a}/{a}", "/{1}",    "/{a-b}",
        "/a{}b", "/{a}{b}", "/{a}b{c}", "/{a}b}",  "/{a",  "/}a{",    "/a%20b",   "/{a}%20", "/a;b",
        "/a?b",  "/a#b",    "/a\\b",    "/a{b",    "/a}b", "/%41{b}", "/a{b{c}}"}) {
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
  const auto before = [](std::string_view text) { return text.substr(0, text.find('{')); };
  const auto behind = [](std::string_view text) { return text.substr(text.find('}') + 1); };
  const auto is_literal = [](std::string_view text) { return text.find('{') == text.npos; };
  const auto takes = [&](std::string_view one, std::string_view text) {
    return text.starts_with(before(one)) && text.ends_with(behind(one)) &&
           text.size() > before(one).size() + behind(one).size();
  };
  const auto meet = [&](std::string_view one, std::string_view other) {
    if (is_literal(one)) return is_literal(other) ? one == other : takes(other, one);
    if (is_literal(other)) return takes(one, other);
    return (before(one).starts_with(before(other)) || before(other).starts_with(before(one))) &&
           (behind(one).ends_with(behind(other)) || behind(other).ends_with(behind(one)));
  };
  // Of two that meet: whether one leaves out something that the other takes.
  const auto narrower = [&](std::string_view one, std::string_view other) {
    if (is_literal(one) || is_literal(other)) return is_literal(one) && !is_literal(other);
    return before(one).size() > before(other).size() || behind(one).size() > behind(other).size();
  };
  // The segments before its rest, whether it has one, and whether there is a slash at the end.
  const auto parts_of = [&](const std::string& text) {
    auto parts = segments(text);
    const bool slash = parts.back().empty();
    if (slash) parts.pop_back();
    const bool rest = !parts.empty() && parts.back() == "**";
    if (rest) parts.pop_back();
    return std::tuple(parts, rest, slash);
  };
  const auto [own, own_rest, own_slash] = parts_of(added);
  for (const auto& other : there) {
    if (other == added) return "existed";
    const auto [theirs, their_rest, their_slash] = parts_of(other);
    if (own_slash != their_slash) continue;
    if (own.size() < theirs.size()   ? !own_rest
        : own.size() > theirs.size() ? !their_rest
                                     : own_rest != their_rest)
      continue;
    bool own_wins = own.size() > theirs.size(), other_wins = own.size() < theirs.size(), apart = false;
    for (std::size_t i = 0; i < std::min(own.size(), theirs.size()); ++i) {
      apart = apart || !meet(own[i], theirs[i]);
      own_wins = own_wins || narrower(own[i], theirs[i]);
      other_wins = other_wins || narrower(theirs[i], own[i]);
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
        const auto p = "{p" + std::to_string(at) + "}", q = "{q" + std::to_string(at) + "}";
        const std::vector<std::string> parts{"a",     "b",      "c:x",    "vd:y:x",        p,
                                             q,       p + ":x", "v" + p,  "v" + q,         p + ":y:x",
                                             p + "x", "vd" + p, q + ":x", "vd" + p + ":x", "v" + p + ":y:x"};
        text += "/" + parts[pick(pick(3) == 0 ? parts.size() : 4)];
      }
      if (pick(4) == 0) text += "/**";
      if (pick(6) == 0) text += "/";
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

// What takes a path is one of the narrowest that take it, whatever was added first.
TEST(PathTrie, TheNarrowestOfManyIsTaken) {
  std::mt19937 random(11);
  const auto pick = [&](std::size_t count) { return random() % count; };
  std::size_t matched = 0;
  for (int round = 0; round < 200; ++round) {
    PathTrie trie;
    std::vector<std::vector<std::string>> there;  // by leaf
    for (int i = 0; i < 40; ++i) {
      std::vector<std::string> parts;
      std::string text;
      for (std::size_t at = 0; at < 3; ++at) {
        const auto p = "{p" + std::to_string(at) + "}";
        parts.push_back(std::vector<std::string>{"a", "vb:x", p, p + ":x", p + ":y:x", "v" + p, "vb" + p,
                                                 "v" + p + ":x"}[pick(8)]);
        text += "/" + parts.back();
      }
      const auto added = trie.add(text);
      if (added && !added->existed) there.push_back(parts);
    }
    const std::vector<std::string> values{"a", "va:x", "vb", "b:x", "b:y:x", "vbb", "vb:x", "vbb:y:x"};
    const std::vector<std::string> path{values[pick(8)], values[pick(8)], values[pick(8)]};
    const auto rank = [&](const std::vector<std::string>& parts) -> std::optional<std::size_t> {
      std::size_t literal = 0;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto begin = parts[i].substr(0, parts[i].find('{')),
                   end = parts[i].substr(parts[i].find('}') + 1);
        const auto size = begin.size() + end.size();
        if (parts[i].find('{') == std::string::npos) {
          if (parts[i] != path[i]) return std::nullopt;
          literal += 100;
        } else if (path[i].starts_with(begin) && path[i].ends_with(end) && path[i].size() > size) {
          literal += size;
        } else {
          return std::nullopt;
        }
      }
      return literal;
    };
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < there.size(); ++i)
      if (rank(there[i]) && (!best || *rank(there[*best]) < *rank(there[i]))) best = i;
    std::vector<std::string_view> found;
    EXPECT_EQ(trie.match("/" + path[0] + "/" + path[1] + "/" + path[2], found), best);
    matched += best ? 1 : 0;
  }
  EXPECT_GT(matched, 50u);
}

}  // namespace
}  // namespace writ::http::path_trie_test
