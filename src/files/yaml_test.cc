#include "files/yaml.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files/document.h"

namespace writ::files::yaml_test {
namespace {

using ::testing::HasSubstr;

// All issues, one a line, as `writ check` prints them.
std::string issues_of(std::string_view text) {
  Issues issues;
  parse_yaml(text, "w.yaml", issues);
  std::string out;
  for (const Issue& issue : issues.all()) out += render(issue) + "\n";
  return out;
}

YamlNode parsed(std::string_view text) {
  Issues issues;
  auto node = parse_yaml(text, "w.yaml", issues);
  EXPECT_FALSE(issues.has_errors()) << issues_of(text);
  return node.value();
}

TEST(Yaml, ReadsEveryKindOfValue) {
  const auto node = parsed("t: text\nq: \"1\"\ni: -7\nf: 1.5\nb: true\nn: null\ne:\nl: [1, x]\nm: {a: b}\n");
  EXPECT_EQ(to_json(node).dump(),
            R"({"t":"text","q":"1","i":-7,"f":1.5,"b":true,"n":null,"e":null,"l":[1,"x"],"m":{"a":"b"}})");
}

TEST(Yaml, TakesTheOldBooleansAsText) {
  EXPECT_EQ(to_json(parsed("[yes, no, on, off, 0x10, 1e]")).dump(), R"(["yes","no","on","off","0x10","1e"])");
}

TEST(Yaml, KnowsWhereEverythingStands) {
  const auto node = parsed("a: 1\nb:\n  - x\n  - y: 2\n");
  const YamlNode& y = node.find("b")->items[1];
  EXPECT_EQ(y.line, 4);
  EXPECT_EQ(y.column, 5);
  EXPECT_EQ(y.entries[0].line, 4);
  EXPECT_EQ(y.entries[0].value.column, 8);
}

TEST(Yaml, RefusesAKeyGivenTwice) {
  EXPECT_EQ(issues_of("a: 1\nb: 2\na: 3\n"), "w.yaml:3:1: error: key `a` is given twice\n");
}

TEST(Yaml, ReportsEveryKeyGivenTwice) {
  EXPECT_EQ(issues_of("a: 1\na: 2\nb: {c: 1, c: 2}\n"),
            "w.yaml:2:1: error: key `a` is given twice\nw.yaml:3:11: error: key `c` is given twice\n");
}

TEST(Yaml, SaysThatATabIndentsTheLine) {
  EXPECT_EQ(issues_of("a:\n\tb: 1\n"),
            "w.yaml:2:1: error: not valid YAML: found character that cannot start any token\n"
            "  help: a tab indents this line; YAML is indented with spaces\n");
  EXPECT_NE(issues_of("a:\n  b: [1\n  \tc: 2\n").find("a tab indents this line"), std::string::npos);
  EXPECT_EQ(issues_of("a: [1\nb: 2\n").find("a tab"), std::string::npos);
}

TEST(Yaml, RefusesAnchorsAliasesAndTags) {
  EXPECT_EQ(issues_of("a: &x 1\n"), "w.yaml:1:4: error: anchors are not supported; write the value out\n");
  EXPECT_NE(issues_of("a: &x [1]\nb: *x\n"), "");
  EXPECT_EQ(issues_of("a: !!str 1\n"),
            "w.yaml:1:4: error: tags are not supported, found `tag:yaml.org,2002:str`\n");
}

TEST(Yaml, RefusesASecondDocument) {
  EXPECT_EQ(issues_of("a: 1\n---\nb: 2\n"),
            "w.yaml:2:1: error: a second document begins here, expected one\n");
}

TEST(Yaml, RefusesAKeyThatIsNoText) {
  EXPECT_EQ(issues_of("[a]: 1\n"), "w.yaml:1:1: error: a key must be text\n");
}

TEST(Yaml, RefusesDeepNesting) {
  EXPECT_EQ(issues_of(std::string(kMaxYamlDepth + 1, '[') + std::string(kMaxYamlDepth + 1, ']')),
            fmt::format("w.yaml:1:{}: error: nested deeper than 32 levels\n", kMaxYamlDepth + 1));
}

TEST(Yaml, RefusesBytesThatAreNotUtf8) {
  EXPECT_EQ(issues_of("a: \xff\n"), "w.yaml:1:4: error: not UTF-8 text\n");
  EXPECT_EQ(issues_of(std::string_view("a: \0\n", 5)), "w.yaml:1:4: error: not UTF-8 text\n");
  EXPECT_EQ(issues_of("a: é\nb: ü\xc3\n"), "w.yaml:2:5: error: not UTF-8 text\n");
}

// YAML 1.1 ends a line at each of these, YAML 1.2 at none of them.
TEST(Yaml, RefusesLineEndsThatOnlySomeReadersKnow) {
  for (const auto& [sign, name] :
       {std::pair{"\u0085", "U+0085"}, {"\u2028", "U+2028"}, {"\u2029", "U+2029"}}) {
    const auto issues = issues_of(fmt::format("a: x{}b: y\n", sign));
    EXPECT_EQ(issues.substr(0, issues.find(" ends")), fmt::format("w.yaml:1:5: error: {}", name));
  }
  EXPECT_EQ(to_json(parsed(R"(a: "x\Ly")")).dump(), "{\"a\":\"x\u2028y\"}");
}

TEST(Yaml, RefusesControlCharacters) {
  EXPECT_EQ(issues_of("a: \x01\n"),
            "w.yaml:1:4: error: not valid YAML: control characters are not allowed\n");
}

TEST(Yaml, ReadsAddressesAndJsonInFlow) {
  EXPECT_EQ(
      to_json(parsed("a: [https://x.example/y?z=1#f, 127.0.0.1:80, \"::1\"]\nb: {\"c\":1,\"d\":[true]}\n"))
          .dump(),
      R"({"a":["https://x.example/y?z=1#f","127.0.0.1:80","::1"],"b":{"c":1,"d":[true]}})");
}

TEST(Yaml, ReadsAByteOrderMarkAndADirectiveOfItsVersion) {
  EXPECT_EQ(to_json(parsed("\uFEFFa: 1\n")).dump(), R"({"a":1})");
  EXPECT_EQ(to_json(parsed("%YAML 1.2\n---\na: 1\n...\n")).dump(), R"({"a":1})");
  EXPECT_NE(issues_of("%YAML 2.0\n---\na: 1\n"), "");
}

TEST(Yaml, AFileOfCommentsIsEmpty) {
  EXPECT_EQ(issues_of("# a\n\n# b\n"), "w.yaml:1:1: error: the file is empty, expected a map\n");
}

TEST(Yaml, RefusesATextLargerThanTheLimit) {
  EXPECT_EQ(issues_of(std::string(kMaxYamlBytes + 1, ' ')),
            fmt::format("w.yaml: error: larger than {} bytes\n", kMaxYamlBytes));
}

TEST(Yaml, ReportsBrokenSyntaxWithItsPlace) {
  const auto issues = issues_of("a: [1\nb: 2\n");
  EXPECT_EQ(issues.substr(0, 7), "w.yaml:") << issues;
  EXPECT_NE(issues.find("not valid YAML"), issues.npos) << issues;
}

TEST(Yaml, RefusesAnEmptyFile) {
  EXPECT_EQ(issues_of(""), "w.yaml:1:1: error: the file is empty, expected a map\n");
}

// Of a document that others wrote: as JSON, or what is wrong.
std::string document_of(std::string_view text) {
  Issues issues;
  const auto json = parse_document(text, "d.yaml", issues);
  std::string out = json ? json->dump() : std::string();
  for (const auto& issue : issues.all()) out += render(issue) + "\n";
  return out;
}

TEST(Document, AnchorsAreWrittenOutAndMergeKeysFilledIn) {
  EXPECT_EQ(document_of("a: &x {k: 1, l: [*y]}\n"), "d.yaml:1:18: error: the alias `y` stands for nothing\n");
  EXPECT_EQ(document_of("a: &x {k: &y 1}\nb: [*x, *y]\n*y : c\n"),
            R"({"a":{"k":1},"b":[{"k":1},1],"1":"c"})");
  EXPECT_EQ(document_of("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\nc: {<<: [{k: 4}, *x]}\n"),
            R"({"a":{"k":1,"l":2},"b":{"k":3,"l":2},"c":{"k":4,"l":2}})");
  EXPECT_EQ(document_of("a: {'': 1}\n"), R"({"a":{"":1}})");
  EXPECT_EQ(document_of("a: &x [*x]\n"), "d.yaml:1:8: error: the alias `x` stands for nothing\n");
}

TEST(Document, AliasesOfAliasesHaveAnEnd) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i)
    text += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  EXPECT_THAT(document_of(text), HasSubstr("aliases repeat more than 500000 values"));
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 300; ++i) deep += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_THAT(document_of(deep), HasSubstr("nested deeper than 256 levels"));
}

TEST(Yaml, WhatJsonMayHaveAsItIsComesBackAsTheSameTextOnceItIsEscaped) {
  const std::string text = "al\u2028ice \u2029 \u0085 \x7f \ufeff \u009b \uffff \u00e9 \U0001f600 \\ \" end";
  std::string json;
  codec::append_json_string(json, text);
  Issues issues;
  const auto read = parse_yaml("name: " + with_yaml_escapes(json), "a.yaml", issues);
  ASSERT_TRUE(read) << (issues.all().empty() ? "" : render(issues.all().front()));
  EXPECT_EQ(read->find("name")->text, text);
  EXPECT_EQ(*codec::parse_json(with_yaml_escapes(json))->if_string(), text);
}

}  // namespace
}  // namespace writ::files::yaml_test
