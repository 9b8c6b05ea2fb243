#include "policytest/report.h"

#include <gtest/gtest.h>

namespace writ::policytest::report_test {
namespace {

TEST(XmlText, EscapesMarkup) {
  EXPECT_EQ(xml_text("a < b && \"c\" > 'd'\n\t"), "a &lt; b &amp;&amp; &quot;c&quot; &gt; 'd'\n\t");
}

TEST(XmlText, ReplacesWhatXmlCannotHold) {
  EXPECT_EQ(xml_text(std::string_view("a\0b\x1b", 4)),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  EXPECT_EQ(xml_text("\xef\xbf\xbe\xef\xbf\xbf!"), "\xef\xbf\xbd\xef\xbf\xbd!");
  EXPECT_EQ(xml_text("\xc3\xa4"), "\xc3\xa4");
}

}  // namespace
}  // namespace writ::policytest::report_test
