#include "http/target.h"

#include <gtest/gtest.h>

namespace writ::http::target_test {
namespace {

std::string path_of(std::string_view target) {
  const auto parsed = parse_target(target);
  return parsed ? parsed->path : "refused";
}

TEST(Target, DecodesOnce) {
  EXPECT_EQ(path_of("/"), "/");
  EXPECT_EQ(path_of("/a/b"), "/a/b");
  EXPECT_EQ(path_of("/a/b/"), "/a/b/");
  EXPECT_EQ(path_of("/%61%2D%7e"), "/a-~");
  EXPECT_EQ(path_of("/f%C3%BCr/50%25"), "/für/50%");
  EXPECT_EQ(path_of("/a%20b"), "/a b");
  EXPECT_EQ(path_of("/a:b@c!$&'()*+,=d"), "/a:b@c!$&'()*+,=d");
  EXPECT_EQ(path_of("/a.b/..c/d../.well-known/..."), "/a.b/..c/d../.well-known/...");
}

// What has no escape is taken in one step, and says the same.
TEST(Target, EveryByteIsTakenTheSameWhetherOrNotSomethingIsEscaped) {
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '?') continue;  // the path ends there
    for (const std::size_t before : {0, 1, 20}) {
      const auto rest = std::string(before, 'b') + static_cast<char>(byte) + "cdefghijklmnopqrstuvwxyz";
      const auto plain = path_of("/a" + rest), escaped = path_of("/%61" + rest);
      EXPECT_EQ(plain, escaped) << byte;
      if (plain == "refused" || byte == '%') continue;
      EXPECT_EQ(plain, "/a" + rest) << byte;
    }
  }
}

// RFC 3986 §6.2.2.
TEST(Target, TheEncodedPathKeepsReservedCharactersAsTheyWereSent) {
  const auto encoded = [](std::string_view target) { return parse_target(target)->encoded_path; };
  EXPECT_EQ(encoded("/a%2Bb+"), "/a%2Bb+");
  EXPECT_EQ(encoded("/%26%3D%2C%40%3A%24%21"), "/%26%3D%2C%40%3A%24%21");
  EXPECT_EQ(encoded("/&=,@:$!"), "/&=,@:$!");
  EXPECT_EQ(encoded("/%2b%c3%bc"), "/%2B%C3%BC");
  EXPECT_EQ(encoded("/%61%7e%2D%5F%2e%30"), "/a~-_.0");
  EXPECT_EQ(encoded("/50%25?a=%61"), "/50%25");
  EXPECT_EQ(encoded("http://a"), "/");
  EXPECT_EQ(encoded("http://a?b"), "/");
  EXPECT_EQ(encoded("http://a/%41%3a?b"), "/A%3A");
}

// "%%32B" must not become "%2B".
TEST(Target, WhatHasAnEscapeThatIsNoneIsNoUri) {
  std::string out;
  for (const auto* uri : {"%", "%4", "%zz", "%%32B", "a%2"})
    EXPECT_FALSE(append_normal_escapes(out, uri)) << uri;
}

TEST(Target, RefusesWhatAnUpstreamCouldReadDifferently) {
  for (const std::string_view target :
       {"",           "a",        "*",       "//",         "//a",     "/a//b",         "/a//",
        "/.",         "/..",      "/a/.",    "/a/..",      "/a/../b", "/a/./b",        "/%2e%2e/b",
        "/a/.%2E",    "/%2E",     "/a%2fb",  "/a%2Fb",     "/a%5cb",  "/a\\b",         "/a%00b",
        "/a%0ab",     "/a%7f",    "/a;b=c",  "/a%3Bb",     "/..;/a",  "/%252e%252e/a", "/%25%32e/a",
        "/%25%34%31", "/a%252fb", "/a%",     "/a%2",       "/a%zz",   "/a b",          "/a\x7f",
        "/\xc3\xbc",  "/%ff",     "/%c0%af", "/%ed%a0%80", "/a#b",    "/a\"b",         "/a<b",
        "/{a}",       "/a|b",     "/a^b",    "/a`b",       "/a[b]"}) {
    EXPECT_EQ(path_of(target), "refused") << target;
  }
}

TEST(Target, KeepsTheQueryAndChecksIt) {
  EXPECT_EQ(parse_target("/a?b=c&d=%20/?")->query, "b=c&d=%20/?");
  EXPECT_EQ(parse_target("/a?")->query, "");
  EXPECT_EQ(parse_target("/a?filter[x]=1")->query, "filter[x]=1");
  EXPECT_FALSE(parse_target("/a?b=%zz"));
  EXPECT_FALSE(parse_target("/a?b=c d"));
  EXPECT_FALSE(parse_target("/a?b#c"));
  EXPECT_FALSE(parse_target("/a?b\\c"));
}

TEST(Target, TakesTheAbsoluteForm) {
  const auto parsed = parse_target("http://API.example:80/a?b");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->host, "api.example:80");
  EXPECT_EQ(parsed->path, "/a");
  EXPECT_EQ(parsed->query, "b");
  EXPECT_EQ(path_of("http://a"), "/");
  EXPECT_EQ(path_of("http://a?b"), "/");
  EXPECT_EQ(path_of("http://"), "refused");
  EXPECT_EQ(path_of("http:///a"), "refused");
  EXPECT_EQ(path_of("http://user@a/"), "refused");
  EXPECT_EQ(path_of("ftp://a/"), "refused");
}

TEST(Target, EncodesCanonically) {
  for (const std::string_view path : {"/", "/a/b", "/für/50%", "/a b", "/{a}|^[x]", "/a:b@c!$&'()*+,=d"}) {
    const std::string encoded = encode_path(path);
    EXPECT_EQ(path_of(encoded), path) << encoded;
  }
  EXPECT_EQ(encode_path("/a b/%"), "/a%20b/%25");
}

TEST(Query, AParameterGivenTwiceIsNotGuessed) {
  EXPECT_EQ(query_parameter("a=1&b=2", "b").value, "2");
  EXPECT_EQ(query_parameter("a=%41+%2B", "a").value, "A++");
  EXPECT_EQ(query_parameter("a", "a").state, QueryState::kOne);
  EXPECT_EQ(query_parameter("a=1", "b").state, QueryState::kAbsent);
  EXPECT_EQ(query_parameter("a=1&%61=2", "a").state, QueryState::kMany);
}

}  // namespace
}  // namespace writ::http::target_test
