#include "gateway/fact_finder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <random>

namespace writ::gateway::fact_finder_test {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kParameters = {"order", "amount"};

struct Sent {
  std::string query = {};
  std::string body = {};
  std::string type = "application/json";
  http::Headers headers = {};
};

FactSpec spec(std::string from, std::string type) {
  return {FactSpec::Of::kResource, "fact", std::move(from), std::move(type)};
}

// The value as Cedar writes it, or `-` and why there is none.
std::string found(std::string from, std::string type, Sent sent) {
  http::Request request;
  request.query = sent.query;
  request.headers = sent.headers;
  if (!sent.type.empty()) request.headers.add("Content-Type", sent.type);
  const std::vector<std::string_view> values = {"o-1", "7"};
  const auto facts = FactFinder::make({spec(std::move(from), std::move(type))}, kParameters).value();
  const auto all = facts.find(request, values, sent.body);
  EXPECT_EQ(all->notes.size(), 1U);
  if (all->attributes.empty()) return "-" + std::string(all->notes[0].gap);
  EXPECT_EQ(all->notes[0].gap, "");
  return all->attributes[0].second.to_string();
}

std::string wrong(FactSpec spec) {
  const auto made = FactFinder::make({std::move(spec)}, kParameters);
  return made ? "" : made.error().message;
}

TEST(FactFinder, FindsEachTypeWhereTheRouteSays) {
  EXPECT_EQ(found("path order", "string", {}), R"("o-1")");
  EXPECT_EQ(found("path amount", "long", {}), "7");
  EXPECT_EQ(found("query kind", "string", {.query = "kind=a%20b"}), R"("a b")");
  EXPECT_EQ(found("query urgent", "bool", {.query = "urgent=true"}), "true");
  EXPECT_EQ(found("header X-Reason", "string", {.headers = {{"x-reason", "broken"}}}), R"("broken")");
  EXPECT_EQ(found("body /n", "long", {.body = R"({"n":-12})"}), "-12");
  EXPECT_EQ(found("body /n", "decimal", {.body = R"({"n":12.50})"}), R"(decimal("12.5000"))");
  EXPECT_EQ(found("body /n", "decimal", {.body = R"({"n":"-0.5"})"}), R"(decimal("-0.5000"))");
  EXPECT_EQ(found("body /a/b", "bool", {.body = R"({"a":{"b":false}})"}), "false");
  EXPECT_EQ(found("body /to", "set of string", {.body = R"({"to":["a","a"]})"}), R"(["a"])");
  EXPECT_EQ(found("body /n", "set of long", {.body = R"({"n":[7]})"}), "[7]");
  EXPECT_EQ(found("body /who", "Writ::User", {.body = R"({"who":"nora"})"}), R"(Writ::User::"nora")");
}

TEST(FactFinder, WhatIsAbsentIsNotToldAndTheNoteSaysWhy) {
  EXPECT_EQ(found("query kind", "string", {}), "-the query does not have it");
  EXPECT_EQ(found("header X-Reason", "string", {}), "-the header does not have it");
  EXPECT_EQ(found("body /n", "long", {}), "-there is no body");
  EXPECT_EQ(found("body /n", "long", {.body = "{}"}),
            "-the body does not have it, or has what some reader takes for it");
}

TEST(FactFinder, WhatIsGivenTwiceIsNotTold) {
  EXPECT_EQ(found("query kind", "string", {.query = "kind=a&kind=a"}), "-the query has it twice");
  EXPECT_EQ(found("header X-Reason", "string", {.headers = {{"X-Reason", "a"}, {"x-reason", "a"}}}),
            "-the header has it twice, or a field like it");
  EXPECT_EQ(found("body /n", "long", {.body = R"({"n":1,"n":1})"}),
            "-the body is not JSON that can be read in one way only");
}

TEST(FactFinder, WhatAnotherReaderCouldFindElsewhereIsNotTold) {
  for (const auto& sent :
       {Sent{.query = "n=9", .body = R"({"n":1})"}, Sent{.query = "N=9", .body = R"({"n":1})"},
        Sent{.body = R"({"n":1,"N":9})"}, Sent{.body = R"({"n":1,"n ":9})"},
        Sent{.body = R"({"n":1})", .type = "application/json; charset=utf-16"},
        Sent{.body = R"({"n":1})", .type = "text/plain"}, Sent{.body = R"({"n":1})", .type = ""},
        Sent{.body = R"({"n":1})", .headers = {{"Content-Encoding", "gzip"}}},
        Sent{.body = R"({"n":1} )"
                     "x"}})
    EXPECT_THAT(found("body /n", "long", sent), HasSubstr("-")) << sent.query << sent.body;
  EXPECT_THAT(found("path amount", "long", {.query = "amount=9"}), HasSubstr("-the query has a parameter"));
  EXPECT_THAT(found("query n", "long", {.query = "n=1&N=9"}), HasSubstr("-the query can be read"));
  EXPECT_THAT(found("query n", "long", {.query = "n=1;n=9"}), HasSubstr("-the query can be read"));
  EXPECT_THAT(found("query n", "long", {.query = "n=1", .type = "application/x-www-form-urlencoded"}),
              HasSubstr("-the body may have it too"));
  EXPECT_THAT(found("query n", "long", {.query = "n=1", .body = R"({"N":9})"}),
              HasSubstr("-the body may have it too"));
  EXPECT_EQ(found("query n", "long", {.query = "n=1", .body = R"({"m":9})"}), "1");
  EXPECT_THAT(found("header X-N", "long", {.headers = {{"X-N", "1"}, {"X_N", "9"}}}),
              HasSubstr("-the header has"));
  EXPECT_THAT(found("header X-N", "string", {.headers = {{"X-N", "1, 9"}}}), HasSubstr("-it has a comma"));
}

// One reader of a query takes `+` for a space, another one for itself.
TEST(FactFinder, APlusThatMayBeASpaceIsNotTold) {
  EXPECT_THAT(found("query kind", "string", {.query = "kind=wire+transfer"}), HasSubstr("-it has a `+`"));
  EXPECT_THAT(found("query who", "Writ::User", {.query = "a=1&who=+nora"}), HasSubstr("-it has a `+`"));
  EXPECT_EQ(found("query kind", "string", {.query = "kind=wire%2Btransfer"}), R"("wire+transfer")");
  EXPECT_EQ(found("query kind", "string", {.query = "kind=wire%20transfer"}), R"("wire transfer")");
  EXPECT_EQ(found("query kind", "string", {.query = "kind=wire&note=a+b"}), R"("wire")");
  EXPECT_EQ(found("body /kind", "string", {.body = R"({"kind":"a+b"})"}), R"("a+b")");
}

TEST(FactFinder, ATextThatAReaderInCCutsAtItsNulIsNotTold) {
  EXPECT_THAT(found("body /kind", "string", {.body = R"({"kind":"wire\u0000"})"}),
              HasSubstr("-it has a NUL"));
  EXPECT_THAT(found("body /who", "Writ::User", {.body = R"({"who":"nora\u0000x"})"}),
              HasSubstr("-it has a NUL"));
  EXPECT_THAT(found("body /to", "set of string", {.body = R"({"to":["a","b\u0000"]})"}),
              HasSubstr("-it has a NUL"));
  EXPECT_THAT(found("query kind", "string", {.query = "kind=wire%00"}), HasSubstr("-it has a NUL"));
}

TEST(FactFinder, AValueOfAnotherTypeIsNotTold) {
  for (const auto* text : {"", "+1", "01", "-0", "1.0", "1e3", "0x1", "9007199254740993", " 1"})
    EXPECT_THAT(found("query n", "long", {.query = fmt::format("n={}", text)}), HasSubstr("-it ")) << text;
  for (const auto* json : {"1.0", "1e3", "\"1\"", "true", "null", "[1]", "{}", "9007199254740993"})
    EXPECT_THAT(found("body /n", "long", {.body = fmt::format(R"({{"n":{}}})", json)}),
                HasSubstr("-it is not"))
        << json;
  for (const auto* json : {"1", "null", "\"true\""})
    EXPECT_THAT(found("body /n", "bool", {.body = fmt::format(R"({{"n":{}}})", json)}),
                HasSubstr("-it is not"))
        << json;
  EXPECT_THAT(found("query n", "bool", {.query = "n=True"}), HasSubstr("-it is neither"));
  EXPECT_THAT(found("body /n", "string", {.body = R"({"n":1})"}), HasSubstr("-it is not a text"));
  EXPECT_THAT(found("body /n", "set of string", {.body = R"({"n":"a"})"}), HasSubstr("-it is not a list"));
  EXPECT_THAT(found("body /n", "set of string", {.body = R"({"n":["a",1]})"}),
              HasSubstr("-it is not a text"));
  EXPECT_THAT(found("body /n", "Writ::User", {.body = R"({"n":""})"}), HasSubstr("-it is empty"));
  for (const auto* json :
       {"4.0", "4e1", "-0", "1234567890123456", "9223372036854775808", "true", "null", "[4]"})
    EXPECT_THAT(found("body /n", "Writ::User", {.body = fmt::format(R"({{"n":{}}})", json)}),
                ::testing::StartsWith("-"))
        << json;
}

TEST(FactFinder, AnIntegerInABodyIsAnEntitysId) {
  EXPECT_EQ(found("body /n", "Writ::User", {.body = R"({"n":42})"}), R"(Writ::User::"42")");
  EXPECT_EQ(found("body /n", "Writ::User", {.body = R"({"n":-7})"}), R"(Writ::User::"-7")");
  EXPECT_EQ(found("body /n", "set of Writ::User", {.body = R"({"n":[42]})"}), R"([Writ::User::"42"])");
}

TEST(FactFinder, WhatIsTooLongIsNotTold) {
  const std::string fits(kMaxFactBytes, 'x');
  EXPECT_EQ(found("query n", "string", {.query = "n=" + fits}), "\"" + fits + "\"");
  EXPECT_THAT(found("query n", "string", {.query = "n=" + fits + "x"}), HasSubstr("-it is longer"));
  std::string list = "1";
  for (std::size_t i = 1; i < kMaxFactElements; ++i) list += ",1";
  EXPECT_EQ(found("body /n", "set of long", {.body = R"({"n":[)" + list + "]}"}), "[1]");
  EXPECT_THAT(found("body /n", "set of long", {.body = R"({"n":[)" + list + ",1]}"}),
              HasSubstr("-it has more"));
}

TEST(FactFinder, RefusesWhatCouldNotBeFoundInOneWay) {
  EXPECT_THAT(wrong(spec("somewhere n", "long")), HasSubstr("does not say where it is"));
  EXPECT_THAT(wrong(spec("body n", "long")), HasSubstr("does not say where it is"));
  EXPECT_THAT(wrong(spec("path missing", "long")), HasSubstr("the path has no parameter `missing`"));
  EXPECT_THAT(wrong(spec("query nämé", "long")), HasSubstr("other readers"));
  EXPECT_THAT(wrong(spec("query n", "number")), HasSubstr("is not a type"));
  EXPECT_THAT(wrong(spec("query n", "set of string")), HasSubstr("in a `body` only"));
  EXPECT_THAT(wrong(spec("body /n", "set of set of string")), HasSubstr("a set of sets"));
}

// A guard lets pass what has no tenant.
TEST(FactFinder, WhatGuardsGoByIsNotFoundInARequest) {
  for (const auto* name : {"tenant", "environment", "forPurposes", "taskLabels"}) {
    auto guarded = spec("body /n", "string");
    guarded.name = name;
    EXPECT_THAT(wrong(guarded), HasSubstr("a guard goes by this attribute")) << name;
    guarded.of = FactSpec::Of::kInput;
    EXPECT_EQ(wrong(guarded), "") << name;
  }
}

TEST(FactFinder, ARouteFindsSoManyAndNoMore) {
  std::vector<FactSpec> many(kMaxFacts, spec("query n", "long"));
  EXPECT_TRUE(FactFinder::make(many, kParameters));
  many.push_back(spec("query n", "long"));
  EXPECT_EQ(FactFinder::make(many, kParameters).error().code, ErrorCode::kLimit);
}

// Whatever is done to a request that tells a fact: it tells the same one, or none. Never another.
TEST(FactFinder, ARequestThatIsTamperedWithTellsTheSameOrNothing) {
  std::mt19937 random(7);
  const std::string body = R"({"a":{"n":12.5},"m":1})";
  const auto right = found("body /a/n", "decimal", {.body = body});
  for (int i = 0; i < 3000; ++i) {
    auto tampered = body;
    // What is put in is never inside the number itself.
    constexpr std::string_view kPieces[] = {"\"n\":99,", "\"N\":99,",         "\"a.n\":99,",
                                            " ",         "\"a\":{\"n\":99},", "}"};
    constexpr std::size_t kPlaces[] = {0, 1, 6, body.npos};
    const auto at = std::min(kPlaces[random() % 4], tampered.size());
    tampered.insert(at, kPieces[random() % 6]);
    const auto now =
        found("body /a/n", "decimal", {.query = random() % 4 == 0 ? "n=99" : "", .body = tampered});
    EXPECT_TRUE(now == right || now.starts_with('-')) << tampered << " tells " << now;
  }
}

}  // namespace
}  // namespace writ::gateway::fact_finder_test
