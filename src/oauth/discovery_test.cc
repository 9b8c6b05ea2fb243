#include "oauth/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::oauth::discovery_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kIssuer = "https://idp.example/realms/acme";

std::string said(std::string_view document, std::string_view issuer = kIssuer) {
  const auto read = read_discovery(document, issuer);
  return read ? *read : read.error().message;
}

TEST(Discovery, TheDocumentIsBehindTheIssuerOrBeforeItsPath) {
  EXPECT_THAT(discovery_urls(kIssuer),
              ElementsAre("https://idp.example/realms/acme/.well-known/openid-configuration",
                          "https://idp.example/.well-known/oauth-authorization-server/realms/acme"));
  EXPECT_THAT(discovery_urls("https://idp.example"),
              ElementsAre("https://idp.example/.well-known/openid-configuration",
                          "https://idp.example/.well-known/oauth-authorization-server"));
  EXPECT_THAT(discovery_urls("https://tenant.example/"),
              ElementsAre("https://tenant.example/.well-known/openid-configuration",
                          "https://tenant.example/.well-known/oauth-authorization-server"));
}

TEST(Discovery, TheDocumentSaysWhereTheKeysAre) {
  EXPECT_EQ(said(R"({"issuer":"https://idp.example/realms/acme","jwks_uri":"https://keys.example/a?b=c",
                     "claims_supported":["sub"]})"),
            "https://keys.example/a?b=c");
}

TEST(Discovery, ADocumentOfAnotherIssuerIsRefused) {
  for (const char* other : {"https://idp.example/realms/acme/", "https://idp.example/realms/Acme",
                            "HTTPS://idp.example/realms/acme", "http://idp.example/realms/acme",
                            "https://idp.example:443/realms/acme", "https://x@idp.example/realms/acme",
                            "https://idp.example/realms/other", "https://evil.example", ""})
    EXPECT_THAT(said(std::string(R"({"issuer":")") + other + R"(","jwks_uri":"https://keys.example/"})"),
                HasSubstr("not of `https://idp.example/realms/acme`"))
        << other;
}

TEST(Discovery, WhatIsNoDocumentIsRefused) {
  for (
      const char* document :
      {"", "[]", "<html>", R"({"jwks_uri":"https://keys.example/"})", R"({"issuer":7})",
       R"({"issuer":"https://idp.example/realms/acme"})",
       R"({"issuer":"https://idp.example/realms/acme","jwks_uri":["https://keys.example/"]})",
       R"({"issuer":"https://idp.example/realms/acme","jwks_uri":"file:///etc/passwd"})",
       R"({"issuer":"https://idp.example/realms/acme","jwks_uri":"/keys"})",
       R"({"issuer":"https://evil.example","issuer":"https://idp.example/realms/acme","jwks_uri":"https://k/"})"})
    EXPECT_FALSE(read_discovery(document, kIssuer)) << document;
}

TEST(Freshness, IsWhatCacheControlSays) {
  using std::chrono::seconds;
  const auto fresh = [](std::initializer_list<const char*> fields) {
    http::Headers headers;
    for (const char* field : fields) headers.add("cache-control", field);
    return fresh_for(headers);
  };
  EXPECT_EQ(fresh({}), std::nullopt);
  EXPECT_EQ(fresh({"public"}), std::nullopt);
  EXPECT_EQ(fresh({"max-age=3600"}), seconds(3600));
  EXPECT_EQ(fresh({"public, Max-Age=\"60\", must-revalidate"}), seconds(60));
  EXPECT_EQ(fresh({"s-maxage=5"}), std::nullopt);
  EXPECT_EQ(fresh({"max-age=100", "max-age=10"}), seconds(10));
  EXPECT_EQ(fresh({"max-age=100, no-cache"}), seconds(0));
  EXPECT_EQ(fresh({"no-store"}), seconds(0));
  EXPECT_EQ(fresh({"max-age=99999999999999999999"}), seconds(std::int64_t{1} << 31));
  for (const char* wrong : {"max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=x", "=,,;"})
    EXPECT_EQ(fresh({wrong}), std::nullopt) << wrong;
}

}  // namespace
}  // namespace writ::oauth::discovery_test
