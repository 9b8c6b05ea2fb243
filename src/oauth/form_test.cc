#include "oauth/form.h"

#include <gtest/gtest.h>

namespace writ::oauth::form_test {
namespace {

TEST(Form, DecodesNamesAndValues) {
  const auto form = Form::parse("grant_type=urn%3Aietf%3Ax&a+b=c%20d+e&empty=&bare").value();
  EXPECT_EQ(form.find("grant_type"), "urn:ietf:x");
  EXPECT_EQ(form.find("a b"), "c d e");
  EXPECT_EQ(form.find("absent"), std::nullopt);
}

TEST(Form, AParameterWithoutAValueCountsAsAbsent) {
  const auto form = Form::parse("empty=&bare").value();
  EXPECT_EQ(form.find("empty"), std::nullopt);
  EXPECT_EQ(form.find("bare"), std::nullopt);
}

TEST(Form, AnEmptyBodyHasNoParameters) {
  EXPECT_EQ(Form::parse("").value().find("a"), std::nullopt);
}

TEST(Form, RefusesAParameterGivenTwice) {
  for (const auto* body : {"a=1&a=1", "a=&a=1", "a=1&%61=2"})
    EXPECT_FALSE(Form::parse(body).has_value()) << body;
}

TEST(Form, RefusesWhatIsNotAForm) {
  for (const auto* body : {"a=%", "a=%4", "a=%zz", "%=1", "a=1&&b=2", "&", "a=1&b=%0a", "a=\x01", "a=%00",
                           "a=%ff", "a=\xc3", "a=%7f"}) {
    EXPECT_FALSE(Form::parse(body).has_value()) << body;
  }
}

TEST(Form, KeepsTheLimitOfParameters) {
  std::string body = "p0=1";
  for (int i = 1; i < 32; ++i) body += "&p" + std::to_string(i) + "=1";
  EXPECT_TRUE(Form::parse(body).has_value());
  EXPECT_EQ(Form::parse(body + "&one=more").error().code, ErrorCode::kLimit);
}

TEST(Form, KeepsTheLimitOfBytes) {
  EXPECT_TRUE(Form::parse("a=" + std::string(kMaxFormBytes - 2, 'x')).has_value());
  EXPECT_EQ(Form::parse("a=" + std::string(kMaxFormBytes - 1, 'x')).error().code, ErrorCode::kLimit);
}

TEST(Form, ReadsNothingBeyondAnExactBuffer) {
  for (const std::string_view body : {"a=%", "a=%4", "a", "a=", "=", "a=1&", "%", "a=\xc3"}) {
    const std::vector<char> exact(body.begin(), body.end());
    (void)Form::parse({exact.data(), exact.size()});
  }
}

TEST(Form, KnowsItsContentType) {
  for (const auto* value : {"application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded",
                            "application/x-www-form-urlencoded; charset=UTF-8"}) {
    EXPECT_TRUE(is_form_content_type(value)) << value;
  }
  for (const auto* value : {"", "application/json", "application/x-www-form-urlencoded-2", "text/plain",
                            "application/x-www-form-urlencoded; charset=utf-16"}) {
    EXPECT_FALSE(is_form_content_type(value)) << value;
  }
}

}  // namespace
}  // namespace writ::oauth::form_test
