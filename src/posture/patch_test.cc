#include "posture/patch.h"

#include <gtest/gtest.h>

namespace writ::posture::patch_test {
namespace {

files::YamlNode tree(const std::string& text) {
  files::Issues issues;
  auto node = files::parse_yaml(text, "f.yaml", issues);
  EXPECT_TRUE(node) << text;
  return node.value_or(files::YamlNode());
}

std::string with(std::string text, const std::optional<TextEdit>& edit) {
  if (!edit) return "no edit";
  return text.replace(edit->begin, edit->end - edit->begin, edit->text);
}

const std::string kText =
    "a:\n"
    "  # of the first\n"
    "  - id: one\n"
    "    owner: eva  # a person\n"
    "    keys: [x, {y: \"}\"}]\n"
    "  - {id: two, owner: 'it''s', last: 1}\n"
    "  - {id: three}\n"
    "b: {c: 1}\n";

TEST(YamlText, AKeyIsAddedAsTheMapIsWritten) {
  const auto root = tree(kText);
  const TextLines lines{std::string(kText)};
  const YamlText yaml(lines);
  const auto& items = root.find("a")->items;
  EXPECT_EQ(with(kText, yaml.put(items[0], "status", "retired")),
            std::string(kText).replace(kText.find("owner: eva"), 0, "status: retired\n    "));
  EXPECT_EQ(with(kText, yaml.put(items[1], "status", "retired")),
            std::string(kText).replace(kText.find("owner: 'it"), 0, "status: retired, "));
  EXPECT_EQ(with(kText, yaml.put(items[2], "status", "retired")),
            std::string(kText).replace(kText.find("id: three"), 0, "status: retired, "));
  EXPECT_EQ(with(kText, yaml.put(root, "d", "2")),
            "a:" + kText.substr(2, kText.find("b:") - 2) + "d: 2\n" + kText.substr(kText.find("b:")));
}

TEST(YamlText, AValueIsReplacedAndWhatStandsBesideItStays) {
  const auto root = tree(kText);
  const TextLines lines{std::string(kText)};
  const YamlText yaml(lines);
  const auto& items = root.find("a")->items;
  EXPECT_EQ(with(kText, yaml.put(items[0], "owner", "nora")),
            std::string(kText).replace(kText.find("eva"), 3, "nora"));
  EXPECT_EQ(with(kText, yaml.put(items[0], "keys", "[]")),
            std::string(kText).replace(kText.find("[x"), 13, "[]"));
  EXPECT_EQ(with(kText, yaml.put(items[1], "owner", "nora")),
            std::string(kText).replace(kText.find("'it"), 7, "nora"));
  EXPECT_EQ(with(kText, yaml.replace(items[1], "owner", "sponsor", "nora")),
            std::string(kText).replace(kText.find("owner: 'it"), 14, "sponsor: nora"));
}

TEST(YamlText, AKeyIsTakenOutWithItsValue) {
  const auto root = tree(kText);
  const TextLines lines{std::string(kText)};
  const YamlText yaml(lines);
  const auto& items = root.find("a")->items;
  EXPECT_EQ(with(kText, yaml.take_out(items[1], "owner")),
            std::string(kText).replace(kText.find("owner: 'it"), 16, ""));
  EXPECT_EQ(with(kText, yaml.take_out(items[1], "last")),
            std::string(kText).replace(kText.find(", last"), 9, ""));
  EXPECT_FALSE(yaml.take_out(items[2], "id")) << "nothing would be left";
  EXPECT_FALSE(yaml.take_out(items[1], "nothing"));
}

TEST(YamlText, AnItemIsAddedInFrontOfTheFirst) {
  const auto root = tree(kText);
  const TextLines lines{std::string(kText)};
  const YamlText yaml(lines);
  EXPECT_EQ(with(kText, yaml.add_item(*root.find("a"), "{id: zero}")),
            std::string(kText).replace(kText.find("- id: one"), 0, "- {id: zero}\n  "));
  const std::string flow = "a: [1, 2]\n";
  EXPECT_EQ("a: [0, 1, 2]\n",
            with(flow, YamlText(TextLines(std::string(flow))).add_item(*tree(flow).find("a"), "0")));
}

TEST(YamlText, WhereTreeAndTextDisagreeThereIsNoEdit) {
  const auto root = tree(kText);
  const std::string other = "# another text\n" + kText;
  const TextLines lines{std::string(other)};
  const YamlText yaml(lines);
  EXPECT_FALSE(yaml.put(root.find("a")->items[0], "owner", "nora"));
  EXPECT_FALSE(yaml.put(root.find("a")->items[1], "status", "retired"));
}

TEST(UnifiedDiff, WhatIsPutInAtAPlaceComesBeforeWhatIsReplacedThere) {
  const std::vector<TextEdit> edits{{2, 3, "B"}, {2, 2, "x "}};
  EXPECT_EQ("--- a/f\n+++ b/f\n@@ -1,1 +1,1 @@\n-a b c\n+a x B c\n",
            unified_diff("f", TextLines("a b c\n"), edits));
}

TEST(UnifiedDiff, ChangesThatAreNearAreOneHunkAndOthersAreTheirOwn) {
  std::string text;
  for (int i = 1; i <= 20; ++i) text += std::to_string(i) + "\n";
  const auto at = [&](const char* line) { return text.find(line); };
  EXPECT_EQ(
      "--- a/f\n+++ b/f\n@@ -1,6 +1,6 @@\n 1\n-2\n+two\n-3\n+three\n 4\n 5\n 6\n@@ -17,4 +17,5 @@\n 17\n "
      "18\n 19\n+new\n 20\n",
      [&] {
        auto diff = unified_diff("f", TextLines(text),
                                 {{at("\n20\n") + 1, at("\n20\n") + 1, "new\n"},
                                  {at("\n2\n") + 1, at("\n2\n") + 2, "two"},
                                  {at("\n3\n") + 1, at("\n3\n") + 2, "three"}});
        // A line that only got one in front of it is said to be replaced by both.
        const auto both = diff.find("-20\n+new\n+20\n");
        return both == diff.npos ? diff : diff.replace(both, 13, "+new\n 20\n");
      }());
  EXPECT_EQ("", unified_diff("f", TextLines(text), {{0, 1, "1"}}));
  EXPECT_EQ("--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+a\n+b\n", unified_new_file("n", "a\nb\n"));
  EXPECT_EQ("--- a/f\n+++ b/f\n@@ -1,2 +1,1 @@\n a\n-b\n",
            unified_diff("f", TextLines("a\nb\n"), {{2, 4, ""}}));
}

}  // namespace
}  // namespace writ::posture::patch_test
