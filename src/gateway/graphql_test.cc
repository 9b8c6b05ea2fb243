// GraphQL documents: which operation it is, and its root fields, whatever the document does to hide them.
#include "gateway/graphql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

namespace writ::gateway::graphql_test {
namespace {

using ::testing::HasSubstr;

std::string shown(const Result<GraphqlOperation>& read) {
  if (!read) return "-" + read.error().message;
  return fmt::format("{} {} [{}]", kind_name(read->kind), read->name, fmt::join(read->fields, ","));
}

std::string of(std::string_view document, std::optional<std::string_view> name = std::nullopt) {
  return shown(read_graphql(document, name));
}

std::string of_request(std::string_view body) {
  return shown(read_graphql_request(codec::parse_json(body).value()));
}

TEST(Graphql, SaysWhatTheOperationDoes) {
  EXPECT_EQ(of("{ orders { id } }"), "query  [orders]");
  EXPECT_EQ(of("query Mine($id: ID! = \"a\" @d, $l: [[Int!]]!) @live { order(id: $id) { id } me }"),
            "query Mine [me,order]");
  EXPECT_EQ(of("mutation{pay(order:7,as:CARD,at:{x:[1,-2.5e3,null,true]}){id}}"), "mutation  [pay]");
  EXPECT_EQ(of("subscription S { made { id } }"), "subscription S [made]");
  EXPECT_EQ(of("query mutation { subscription }"), "query mutation [subscription]");
}

TEST(Graphql, AnAliasOrAFragmentHidesNothing) {
  EXPECT_EQ(of("{ harmless: deleteAll, b: deleteAll }"), "query  [deleteAll]");
  EXPECT_EQ(of("{ ... { a } ... on Query @skip(if: true) { b } ...F } fragment F on Query { c ...G } "
               "fragment G on Query { d ...F }"),
            "query  [a,b,c,d]");
  EXPECT_EQ(of("fragment F on Query { a } { x { ...Other } ...F }"), "query  [a,x]");
}

TEST(Graphql, TextsAndCommentsAreNoStructure) {
  EXPECT_EQ(of("# mutation { a }\n{ b(t: \"} mutation { c\", u: \"\"\"\"} \\\"\"\" mutation { \"\"\", v: "
               "\"\\\"\\u007B\") }"),
            "query  [b]");
  EXPECT_EQ(of("\xEF\xBB\xBF{,,a,}"), "query  [a]");
  EXPECT_EQ(of("{ a } # \rmutation M { b }", "M"),
            "-the GraphQL document has an operation without a name beside others");
}

// graphql-java's grammar ends a comment at U+2028, as the drafts of the specification did.
TEST(Graphql, ACommentThatEndsEarlierForAnotherReaderHidesNoField) {
  for (const auto* end : {"\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c"}) {
    EXPECT_THAT(of(std::string("{ orders #") + end + " deleteCustomer(id: 7) { id }\n}"),
                HasSubstr("some readers end a line"))
        << end;
    EXPECT_THAT(of(std::string("query A { a } #") + end + " mutation B { b }"),
                HasSubstr("some readers end a line"))
        << end;
  }
  EXPECT_THAT(of("{ a(x: \"\"\"\u2028\"\"\") }"), HasSubstr("some readers end a line"));
  EXPECT_EQ(of("{ a(x: \"\\u2028\") } # ä日🙂\n"), of("{ a }"));
}

TEST(Graphql, TheNameSaysWhichOperationItIs) {
  constexpr auto kTwo = "query A { a } mutation B { b }";
  EXPECT_EQ(of(kTwo, "A"), "query A [a]");
  EXPECT_EQ(of(kTwo, "B"), "mutation B [b]");
  EXPECT_THAT(of(kTwo), HasSubstr("more than one operation, and none is named"));
  EXPECT_THAT(of(kTwo, "C"), HasSubstr("does not have the operation that is named"));
  EXPECT_THAT(of("{ a }", ""), HasSubstr("does not have the operation that is named"));
  EXPECT_THAT(of("query A { a } mutation A { b }", "A"), HasSubstr("two operations of one name"));
  EXPECT_THAT(of("{ a } { b }"), HasSubstr("without a name beside others"));
  EXPECT_THAT(of("fragment F on Query { a }"), HasSubstr("has no operation"));
}

TEST(Graphql, WhatIsNoExecutableDocumentIsNotRead) {
  for (const auto* document : {"",
                               " ",
                               "{",
                               "}",
                               "{ }",
                               "{ a",
                               "{ a }}",
                               "query",
                               "query {",
                               "type T { a: Int }",
                               "extend { a }",
                               "{ a } schema { query: Q }",
                               "fragment on on Q { a }",
                               "fragment F { a } { b }",
                               "fragment F($x: Int) on Q { a } { b }",
                               "query ($x) { a }",
                               "query () { a }",
                               "{ a() }",
                               "{ a(x) }",
                               "{ a(x:) }",
                               "{ a(x: 01) }",
                               "{ a(x: 1a) }",
                               "{ a(x: 1.) }",
                               "{ a(x: -) }",
                               "{ a(x: .5) }",
                               "{ a(x: \"\n\") }",
                               "{ a(x: \"\\q\") }",
                               "{ a(x: \"\\u12\") }",
                               "{ a(x: \"b) }",
                               "{ a(x: \"\"\"b) }",
                               "{ a: }",
                               "{ : a }",
                               "{ ... }",
                               "{ ...on }",
                               "{ a @ }",
                               "{ a? }",
                               "{ a; b }",
                               "{ a\x01 }",
                               "{ \xC3\xA4 }",
                               "{ a(x: $) }",
                               "{ a(x: {b}) }",
                               "{ a(x: [1) }",
                               "{ ...Gone }",
                               "{ ..F } fragment F on Q { a }",
                               "{ ...F } fragment F on Q { ...F }",
                               "{ ...F } fragment F on Q { a } fragment F on Q { b }"})
    EXPECT_THAT(of(document), HasSubstr("-the GraphQL document ")) << document;
  EXPECT_THAT(of("{ a(x: \"\xff\") }"), HasSubstr("not UTF-8"));
}

TEST(Graphql, DepthAndTokensHaveALimit) {
  const auto nested = [](std::size_t depth) {
    std::string open, close;
    for (std::size_t i = 0; i < depth; ++i) open += "{a", close += "}";
    return open + close;
  };
  EXPECT_EQ(of(nested(kMaxGraphqlDepth)), "query  [a]");
  EXPECT_THAT(of(nested(kMaxGraphqlDepth + 1)), HasSubstr("is more than 64 deep"));
  EXPECT_THAT(of("{ a(x: " + std::string(100'000, '[') + ") }"), HasSubstr("is more than 64 deep"));
  std::string many = "{";
  for (std::size_t i = 0; i < kMaxGraphqlTokens - 2; ++i) many += " a";
  EXPECT_EQ(of(many + "}"), "query  [a]");
  EXPECT_THAT(of(many + " a}"), HasSubstr("more than 20000 tokens"));
}

TEST(Graphql, ARequestIsOneDocumentAndNothingThatSomeServerGoesBy) {
  EXPECT_EQ(of_request(R"({"query":"{ a }","operationName":null,"variables":{"x":1},"extensions":{}})"),
            "query  [a]");
  EXPECT_EQ(of_request(R"({"query":"query A { a } query B { b }","operationName":"B"})"), "query B [b]");
  for (const auto* body :
       {R"([])", R"([{"query":"{ a }"}])", R"("{ a }")", R"({})", R"({"query":null})",
        R"({"query":"{ a }","id":"7"})", R"({"query":"{ a }","doc_id":"7"})",
        R"({"query":"{ a }","Query":"{ b }"})", R"({"query":"{ a }","operationName":7})",
        R"({"query":"{ a }","variables":[1]})", R"({"query":"{ a }","extensions":{"persistedQuery":null}})",
        R"({"extensions":{"persistedQuery":{"version":1}}})"})
    EXPECT_THAT(of_request(body), HasSubstr("-")) << body;
  EXPECT_THAT(of_request(R"([{"query":"{ a }"}])"), HasSubstr("send one at a time"));
  EXPECT_THAT(of_request(R"({"query":"{ a }","extensions":{"persistedQuery":{}}})"),
              HasSubstr("persisted query"));
}

}  // namespace
}  // namespace writ::gateway::graphql_test
