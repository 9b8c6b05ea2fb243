#include "report/html.h"

#include <gtest/gtest.h>

namespace writ::report::html_test {
namespace {

TEST(Html, TextOfAStrangerNeverBecomesMarkup) {
  EXPECT_EQ(text("<script>alert('1' & \"2\")</script>").html(),
            "&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;");
}

TEST(Html, AValueOfAnAttributeNeverEndsIt) {
  EXPECT_EQ(element("span", {{"title", "\" onclick=\"steal()"}}, text("x")).html(),
            "<span title=\"&quot; onclick=&quot;steal()\">x</span>");
}

TEST(Html, WhatHidesOrTurnsTextIsShownByItsNumber) {
  EXPECT_EQ(text("admin\u202Egpj").html(), "admin\u27E8U+202E\u27E9gpj");
  EXPECT_EQ(text(std::string_view("a\0b\x7F", 4)).html(), "a\u27E8U+0000\u27E9b\u27E8U+007F\u27E9");
  EXPECT_EQ(text("pay\u200Bpal").html(), "pay\u27E8U+200B\u27E9pal");
  EXPECT_EQ(text("\U000E0041").html(), "\u27E8U+E0041\u27E9");
}

TEST(Html, BytesThatAreNotUtf8AreReplacedOneByOne) {
  EXPECT_EQ(text("\xC0\xBC"
                 "script")
                .html(),
            "\uFFFD\uFFFDscript");                               // an overlong `<`
  EXPECT_EQ(text("\xED\xA0\x80").html(), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(text("\xF0\x9F").html(), "\uFFFD\uFFFD");            // cut short
  EXPECT_EQ(text("\xE2<").html(), "\uFFFD&lt;");
}

TEST(Html, TextInAnyLanguageStaysAsItIs) {
  EXPECT_EQ(text("Zoë 田中 🙂\n\t").html(), "Zoë 田中 🙂\n\t");
}

TEST(Html, OnlyHttpsIsALinkToTheWeb) {
  EXPECT_EQ(link_to("https://example.com/?a=1&b=2", text("here")).html(),
            "<a rel=\"noreferrer\" href=\"https://example.com/?a=1&amp;b=2\">here</a>");
  EXPECT_EQ(link_to("javascript:alert(1)", text("here")).html(), "here (javascript:alert(1))");
  EXPECT_EQ(link_to(" https://example.com", text("here")).html().find("href"), std::string::npos);
}

TEST(Html, ALinkWithinThePageStaysWithinIt) {
  EXPECT_EQ(link_within("a\"b/c:d", text("x")).html(), "<a href=\"#a%22b%2Fc%3Ad\">x</a>");
}

TEST(Html, ATableFillsShortRowsAndRefusesLongOnes) {
  EXPECT_EQ(table({"a", "b"}, {{text("1")}}, "Two").html(),
            "<div class=\"wide\"><table><caption>Two</caption><thead><tr><th scope=\"col\">a</th><th "
            "scope=\"col\">b</th></tr></thead>"
            "<tbody><tr><td>1</td><td></td></tr></tbody></table></div>");
  EXPECT_THROW(table({"a"}, {{text("1"), text("2")}}), std::logic_error);
}

TEST(Html, HeadingsOfASectionAreALevelLowerAndTextIsNoHeading) {
  const auto inside = element("h2", "a < b <h2>") + element("h4", "c") + element("hr", Markup());
  EXPECT_EQ(section("s\"1", "Title & all", inside).html(),
            "<section id=\"s&quot;1\"><h2>Title &amp; all</h2><h3>a &lt; b "
            "&lt;h2&gt;</h3><h5>c</h5><hr></section>");
  EXPECT_EQ(section("s", "t", section("u", "v", section("w", "x", element("h4", "y")))).html(),
            "<section id=\"s\"><h2>t</h2><section id=\"u\"><h3>v</h3><section id=\"w\"><h4>x</h4><h5>y</h5>"
            "</section></section></section>");
}

TEST(Html, APageNamesNothingOutsideIt) {
  const std::string whole = page("Who reaches what & how", unfolding(text("more"), element("p", "hidden")));
  EXPECT_NE(whole.find("<title>Who reaches what &amp; how</title>"), std::string::npos);
  EXPECT_NE(whole.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(whole.find("<script"), std::string::npos);
  EXPECT_EQ(whole.find("src="), std::string::npos);
  EXPECT_EQ(whole.find("url("), std::string::npos);
  EXPECT_EQ(whole.find("http:"), std::string::npos);
  EXPECT_NE(whole.find("<details><summary>more</summary><p>hidden</p></details>"), std::string::npos);
}

}  // namespace
}  // namespace writ::report::html_test
