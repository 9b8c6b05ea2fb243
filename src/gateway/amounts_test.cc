#include "gateway/amounts.h"

#include <gmock/gmock.h>

namespace writ::gateway {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kParameters = {"account", "amount"};

std::string found(std::string_view source, std::string_view query, std::string_view body = "",
                  std::string_view type = "application/json",
                  std::vector<std::string_view> values = {"a", "7"}) {
  http::Request request;
  request.query = query;
  if (!type.empty()) request.headers.add("Content-Type", type);
  const auto amount = AmountSource::parse(source, kParameters).value().find(request, values, body);
  return amount ? amount->text() : "not told";
}

TEST(AmountSource, FindsItWhereTheRouteSays) {
  EXPECT_EQ(found("query amount", "a=1&amount=1000.50"), "1000.5");
  EXPECT_EQ(found("path amount", ""), "7");
  EXPECT_EQ(found("body /amount", "", R"({"amount":1000.50})"), "1000.5");
  EXPECT_EQ(found("body /lines/0/net", "", R"({"lines":[{"net":"20.25"}]})"), "20.25");
  EXPECT_EQ(found("body /amount", "", R"({"amount":3})", "Application/Vnd.acme+json; charset=utf-8"), "3");
  EXPECT_EQ(found("none", ""), "0");
}

TEST(AmountSource, AParameterThatIsAbsentOrGivenTwiceIsNotTold) {
  EXPECT_EQ(found("query amount", ""), "not told");
  EXPECT_EQ(found("query amount", "amount"), "not told");
  EXPECT_EQ(found("query amount", "amount=1&amount=1"), "not told");
  EXPECT_EQ(found("query amount", "amount=1&%61mount=900"), "not told");
  EXPECT_EQ(found("body /amount", "", R"({"amount":1,"amount":900})"), "not told");
  EXPECT_EQ(found("body /amount", "", R"({"amount":1,"\u0061mount":900})"), "not told");
}

TEST(AmountSource, WhatIsNoNumberNegativeOrTooGreatIsNotTold) {
  for (const auto* text :
       {"", "-1", "-0", "1e3", "1.00001", "922337203685477.5808", "+1", "%2B1", "01", "0x10"})
    EXPECT_EQ(found("query amount", std::string("amount=") + text), "not told") << text;
  for (const auto* json : {"-1", "1e3", "0.10000000000000000001", "99999999999999999999", "true", "null",
                           "[1]", R"({"a":1})", R"("-1")"})
    EXPECT_EQ(found("body /amount", "", std::string(R"({"amount":)") + json + "}"), "not told") << json;
  EXPECT_EQ(found("path amount", "", "", "", {"a", "seven"}), "not told");
}

TEST(AmountSource, ABodyThatIsNoJsonIsNotRead) {
  const std::string body = R"({"amount":3})";
  EXPECT_EQ(found("body /amount", "", body, ""), "not told");
  EXPECT_EQ(found("body /amount", "", body, "text/plain"), "not told");
  EXPECT_EQ(found("body /amount", "", "", "application/json"), "not told");
  EXPECT_EQ(found("body /amount", "", body + "}"), "not told");
  EXPECT_EQ(found("body /none", "", body), "not told");
}

TEST(AmountSource, AnEncodedBodyIsNotRead) {
  http::Request request;
  request.headers.add("Content-Type", "application/json");
  request.headers.add("Content-Encoding", "identity");
  EXPECT_FALSE(AmountSource::parse("body /amount", {}).value().find(request, {}, R"({"amount":3})"));
}

TEST(AmountSource, RefusesAPlaceThatIsNone) {
  for (const auto* text : {"", "amount", "query", "query ", "query a b", "query a&b", "body amount", "body ",
                           "body /a~2", "header X"}) {
    const auto made = AmountSource::parse(text, kParameters);
    ASSERT_FALSE(made) << text;
    EXPECT_THAT(made.error().message, HasSubstr("expected `query NAME`")) << text;
  }
  EXPECT_EQ(AmountSource::parse("path none", kParameters).error().message,
            "the path has no parameter `none`");
}

}  // namespace
}  // namespace writ::gateway
