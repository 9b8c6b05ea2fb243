#include "gateway/amounts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace writ::gateway::amounts_test {
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

// Whoever holds a number as a double has another one.
TEST(AmountSource, ANumberOfMoreDigitsThanADoubleHoldsIsNotTold) {
  EXPECT_EQ(found("query amount", "amount=123456789012345"), "123456789012345");
  EXPECT_EQ(found("query amount", "amount=12345678901.2345"), "12345678901.2345");
  EXPECT_EQ(found("body /amount", "", R"({"amount":0.1234})"), "0.1234");
  for (const auto* text :
       {"9007199254740993", "123456789012.3456", "922337203685477.5807", "1000000000000000"}) {
    EXPECT_EQ(found("query amount", std::string("amount=") + text), "not told") << text;
    EXPECT_EQ(found("body /amount", "", std::string(R"({"amount":)") + text + "}"), "not told") << text;
    EXPECT_EQ(found("body /amount", "", std::string(R"({"amount":")") + text + "\"}"), "not told") << text;
    EXPECT_EQ(found("path amount", "", "", "", {"a", text}), "not told") << text;
  }
}

TEST(AmountSource, AMemberThatSomeReaderTakesForItIsNotTold) {
  for (const auto* twin :
       {"Amount", "AMOUNT", "amount ", " amount", "a-mount", "amount[]", "ａｍｏｕｎｔ", "amount\u200b",
        "àmount", "amount\\u0000", "amount\\u0000x", "amoun\\u1d57", "amount\\t"}) {
    EXPECT_EQ(found("body /amount", "", fmt::format(R"({{"amount":1,"{}":1000}})", twin)), "not told")
        << twin;
    EXPECT_EQ(found("body /amount", "", fmt::format(R"({{"{}":1000}})", twin)), "not told") << twin;
    EXPECT_EQ(found("body /a/amount", "", fmt::format(R"({{"a":{{"{}":1000,"amount":1}}}})", twin)),
              "not told")
        << twin;
  }
  for (const auto* twin : {"A", "a ", "a.amount", "a[amount]", "aAmount", "ａ"})
    EXPECT_EQ(
        found("body /a/amount", "", fmt::format(R"({{"a":{{"amount":1}},"{}":{{"amount":1000}}}})", twin)),
        "not told")
        << twin;
  EXPECT_EQ(found("body /a/0/net", "", R"({"a":[{"net":1}],"a[0].net":2})"), "not told");
  for (const auto* other : {"currency", "amounts", "net_amount", "größe", "日付", "сумма"})
    EXPECT_EQ(found("body /amount", "", fmt::format(R"({{"{}":1000,"amount":1}})", other)), "1") << other;
  // Elsewhere it is nobody's twin.
  EXPECT_EQ(found("body /amount", "", R"({"amount":1,"tax":{"Amount":1000}})"), "1");
}

TEST(AmountSource, AParameterThatSomeReaderTakesForItIsNotTold) {
  for (const auto* other :
       {"Rows=900",     "ROWS=900",    "rows[]=900",    "rows[0]=900",      "rows[a][b]=900",
        "rows.x=900",   "rows.=900",   "[rows]=900",    "%20rows=900",      "rows%20=900",
        "+rows=900",    "rows%00=900", "rows%00x=900",  "r%6Fws=900",       "%2572ows=900",
        "ro-ws=900",    "ro_ws=900",   "row%C5%BF=900", "%EF%BD%92ows=900", "rows%5B%5D=900",
        "a=1;rows=900", "a;b",         "x%FF=1",        "a%20b=1",          "a/b=1",
        "Rows"}) {
    EXPECT_EQ(found("query rows", std::string("rows=1&") + other), "not told") << other;
    EXPECT_EQ(found("query rows", std::string(other) + "&rows=1"), "not told") << other;
  }
  for (const auto* other :
       {"page[size]=2", "filter.from=a", "$top=3", "rows_per_page=4", "row=5", "q=%3B%00+", "", "=6"})
    EXPECT_EQ(found("query rows", std::string("rows=1&") + other), "1") << other;
  EXPECT_EQ(found("query $top", "$top=5&$skip=1"), "5");
}

// Frameworks hand out path, query and body as one.
TEST(AmountSource, WhatAnotherPartOfTheRequestSaysOfItIsNotOverlooked) {
  const std::string body = R"({"amount":1})";
  for (const auto* query :
       {"amount=1000", "Amount=1000", "amount", "a=1;amount=1000", "amount[]=1", "%61mount=1"}) {
    EXPECT_EQ(found("body /amount", query, body), "not told") << query;
    EXPECT_EQ(found("path amount", query), "not told") << query;
  }
  EXPECT_EQ(found("body /amount", "page=2&q=a;b", body), "1");
  EXPECT_EQ(found("path amount", "page=2"), "7");
  for (const auto* type :
       {"application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=b", "application/xml",
        "text/plain", "application/json; charset=utf-16", "application/yaml"})
    EXPECT_EQ(found("query amount", "amount=1", "amount=1000", type), "not told") << type;
  for (const auto* type : {"application/octet-stream", "Image/PNG", "text/csv; charset=utf-8"})
    EXPECT_EQ(found("query amount", "amount=1", "amount,1000", type), "1") << type;
}

TEST(AmountSource, ABodyWithoutATypeIsAFormToSomeReaders) {
  EXPECT_EQ(found("query amount", "amount=1", "amount=900", ""), "not told");
  EXPECT_EQ(found("query amount", "amount=1", "", ""), "1");
  EXPECT_EQ(found("path amount", "", "amount=900", ""), "not told");
  EXPECT_EQ(found("path amount", "", "", ""), "7");
}

// Spring's binding to an object lets the field of a form win over the variable of the path.
TEST(AmountSource, AFormsFieldThatIsTakenForThePathsParameterIsNotOverlooked) {
  for (const auto* type :
       {"application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded;charset=utf-8",
        "multipart/form-data; boundary=b", " multipart/mixed;boundary=b"})
    EXPECT_EQ(found("path amount", "", "amount=900", type), "not told") << type;
  for (const auto* type : {"application/json", "text/plain", "application/octet-stream"})
    EXPECT_EQ(found("path amount", "", R"({"amount":900})", type), "7") << type;
}

// Rails, Laravel and others let the members of a JSON body win over the query's parameters.
TEST(AmountSource, AMemberOfTheBodyThatIsTakenForTheQuerysParameterIsNotOverlooked) {
  for (const auto* body :
       {R"({"amount":900})", R"({"Amount":900})", R"({"a":1,"amount.net":900})", R"({"amount[]":9})",
        R"({"\u0061mount":9})", R"({"amount":1})", "{", R"({"a":1,"a":2})"})
    EXPECT_EQ(found("query amount", "amount=5", body), "not told") << body;
  for (const auto* body : {R"({"note":"amount"})", R"({"lines":[{"amount":3}]})", "[]", ""})
    EXPECT_EQ(found("query amount", "amount=5", body), "5") << body;
}

TEST(AmountSource, OfABodyThatWasNotReadNobodyKnowsThatItSaysNothing) {
  http::Request request;
  request.query = "amount=5";
  const auto source = AmountSource::parse("query amount", kParameters).value();
  EXPECT_FALSE(source.find(request, {}, std::nullopt));
  request.headers.add("Content-Type", "application/json");
  EXPECT_FALSE(source.find(request, {}, std::nullopt));
  EXPECT_TRUE(source.find(request, {}, ""));
}

TEST(AmountSource, ABodyThatIsNoUtf8OrSaysMoreOfItselfIsNotRead) {
  const std::string body = R"({"amount":3})";
  for (const auto* type :
       {"application/json", "application/json;charset=utf-8", "Application/JSON ; Charset=UTF-8",
        "application/json; charset=\"utf-8\"", "application/merge-patch+json"})
    EXPECT_EQ(found("body /amount", "", body, type), "3") << type;
  for (const auto* type :
       {"application/json; charset=utf-16", "application/json; charset=utf-7",
        "application/json; charset=latin1", "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset=\"utf-16\"", "application/json; version=1", "application/json;",
        "application/json; charset = utf-8", "application/json, text/plain", "application/json, a/b+json",
        "application/json\tx", "text/json", "application/x+json/y", "application/ +json", "application/jsonp",
        "json"})
    EXPECT_EQ(found("body /amount", "", body, type), "not told") << type;
  EXPECT_EQ(found("body /amount", "", "\xef\xbb\xbf" + body), "not told");
}

TEST(AmountSource, ABodyOfTwoTypesOrAPartOfOneIsNotRead) {
  using Field = std::pair<const char*, const char*>;
  for (const auto& [name, value] :
       {Field("Content-Type", "application/json"), Field("content-type", "text/plain"),
        Field("Content-Range", "bytes 0-9/20")}) {
    http::Request request;
    request.headers.add("Content-Type", "application/json");
    request.headers.add(name, value);
    EXPECT_FALSE(AmountSource::parse("body /amount", {}).value().find(request, {}, R"({"amount":3})"))
        << name;
  }
}

TEST(AmountSource, ANameThatOtherReadersReadOtherwiseIsNoPlace) {
  for (const auto* text : {"query größe", "query rows[]", "query a.b", "query --", "query a/b", "body /größe",
                           "body /a b", "body /", "body /a/", "body /a/--"}) {
    const auto made = AmountSource::parse(text, kParameters);
    ASSERT_FALSE(made) << text;
    EXPECT_THAT(made.error().message, HasSubstr("other readers could take other names for it")) << text;
  }
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
  for (const auto* text :
       {"", "amount", "query", "query ", "body amount", "body ", "body /a~2", "header X"}) {
    const auto made = AmountSource::parse(text, kParameters);
    ASSERT_FALSE(made) << text;
    EXPECT_THAT(made.error().message, HasSubstr("expected `query NAME`")) << text;
  }
  EXPECT_EQ(AmountSource::parse("path none", kParameters).error().message,
            "the path has no parameter `none`");
}

}  // namespace
}  // namespace writ::gateway::amounts_test
