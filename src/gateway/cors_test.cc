#include "gateway/cors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace writ::gateway::cors_test {
namespace {

using ::testing::HasSubstr;

Cors cors_for(std::vector<std::string> origins, bool credentials = false) {
  return Cors::with({.origins = std::move(origins), .credentials = credentials}).value();
}

http::Request preflight_from(std::string_view origin, std::string_view fields = "") {
  http::Request request;
  request.method = "OPTIONS";
  request.headers.add("Origin", origin);
  request.headers.add("Access-Control-Request-Method", "PUT");
  if (!fields.empty()) request.headers.add("Access-Control-Request-Headers", fields);
  return request;
}

std::string error_of(CorsSpec spec) {
  const auto made = Cors::with(std::move(spec));
  return made ? std::string() : made.error().message;
}

TEST(CorsTest, APreflightOfANamedPageIsToldMethodsFieldsAndAge) {
  const auto answer = cors_for({"https://shop.example"})
                          .preflight(preflight_from("https://shop.example", "authorization, content-type"),
                                     "GET, PUT", *ForwardedHeaders::standard());
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Methods"), "GET, PUT");
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Headers"), "authorization, content-type");
  EXPECT_EQ(answer.headers.find("Access-Control-Max-Age"), "600");
  EXPECT_FALSE(answer.headers.contains("Access-Control-Allow-Credentials"));
  EXPECT_TRUE(answer.headers.has_token("Vary", "Origin") || answer.headers.count("Vary") == 2);
}

TEST(CorsTest, APreflightOfAnotherPageIsToldNothing) {
  for (const auto* origin :
       {"https://evil.example", "https://shop.example.evil.example", "http://shop.example",
        "https://SHOP.example", "https://shop.example:8443", "null", ""}) {
    const auto answer = cors_for({"https://shop.example"}, true)
                            .preflight(preflight_from(origin), "GET", *ForwardedHeaders::standard());
    EXPECT_FALSE(answer.headers.contains("Access-Control-Allow-Origin")) << origin;
    EXPECT_FALSE(answer.headers.contains("Access-Control-Allow-Credentials")) << origin;
    EXPECT_FALSE(answer.headers.contains("Access-Control-Allow-Methods")) << origin;
  }
}

TEST(CorsTest, AFieldThatTheApiWouldNotGetIsNotAllowed) {
  const auto answer =
      cors_for({"*"}).preflight(preflight_from("https://any.example", "X-User-Id, dpop,,  accept ,bad name"),
                                "GET", *ForwardedHeaders::standard());
  EXPECT_EQ(answer.headers.find("Access-Control-Allow-Headers"), "dpop, accept");
}

TEST(CorsTest, TheWordOfTheApiIsTakenOutOfItsAnswer) {
  http::Headers answer{{"Access-Control-Allow-Origin", "*"},
                       {"access-control-allow-credentials", "true"},
                       {"Vary", "Accept"},
                       {"Content-Type", "text/plain"}};
  cors_for({"https://shop.example"}).mark(answer, {{"Origin", "https://evil.example"}});
  EXPECT_FALSE(answer.contains("Access-Control-Allow-Origin"));
  EXPECT_FALSE(answer.contains("Access-Control-Allow-Credentials"));
  EXPECT_EQ(answer.count("Vary"), 2u);
  EXPECT_TRUE(answer.contains("Content-Type"));
}

TEST(CorsTest, AnAnswerVariesByOriginAlsoForWhoSendsNone) {
  http::Headers answer;
  cors_for({"https://shop.example"}).mark(answer, {});
  EXPECT_EQ(answer.find("Vary"), "Origin");
  EXPECT_FALSE(answer.contains("Access-Control-Allow-Origin"));
}

TEST(CorsTest, TwoOriginsInOneRequestAreNobodys) {
  http::Headers answer;
  cors_for({"https://shop.example"})
      .mark(answer, {{"Origin", "https://shop.example"}, {"Origin", "https://evil.example"}});
  EXPECT_FALSE(answer.contains("Access-Control-Allow-Origin"));
}

TEST(CorsTest, CredentialsAreForNamedPagesOnly) {
  http::Headers answer;
  cors_for({"https://shop.example"}, true).mark(answer, {{"Origin", "https://shop.example"}});
  EXPECT_EQ(answer.find("Access-Control-Allow-Credentials"), "true");
  EXPECT_THAT(error_of({.origins = {"*"}, .credentials = true, .expose = {}}), HasSubstr("cookies"));
}

TEST(CorsTest, AnyPageGetsTheSameAnswerSoThatItCanBeCached) {
  http::Headers answer;
  cors_for({"*"}).mark(answer, {{"Origin", "https://any.example"}});
  EXPECT_EQ(answer.find("Access-Control-Allow-Origin"), "*");
  EXPECT_FALSE(answer.contains("Vary"));
}

TEST(CorsTest, WhatAPageMayReadIsNamed) {
  const auto cors = Cors::with({.origins = {"*"}, .expose = {"X-Total"}}).value();
  http::Headers answer;
  cors.mark(answer, {{"Origin", "https://any.example"}});
  EXPECT_EQ(answer.find("Access-Control-Expose-Headers"),
            "WWW-Authenticate, Retry-After, X-Request-Id, X-Total");
}

TEST(CorsTest, AnOriginThatNoBrowserSendsIsAnError) {
  for (const auto* origin :
       {"null", "shop.example", "https://", "https://shop.example/", "https://shop.example/app",
        "https://Shop.example", "https://shop.example:443", "http://shop.example:80",
        "https://shop.example:", "https://shop.example:08", "https://user@shop.example",
        "https://*.shop.example", "https://bücher.example", "HTTPS://shop.example", ""}) {
    EXPECT_THAT(error_of({.origins = {origin}, .expose = {}}), HasSubstr("is not an origin")) << origin;
  }
  for (const auto* origin : {"https://shop.example", "http://localhost:3000", "http://[::1]:8080",
                             "https://xn--bcher-kva.example", "capacitor://localhost"})
    EXPECT_EQ(error_of({.origins = {origin}, .expose = {}}), "") << origin;
}

TEST(CorsTest, EveryOriginStandsAlone) {
  EXPECT_THAT(error_of({.origins = {"*", "https://shop.example"}, .expose = {}}), HasSubstr("every origin"));
  EXPECT_THAT(error_of({.origins = {}, .expose = {}}), HasSubstr("allows no page"));
  EXPECT_THAT(error_of({.origins = {"*"}, .expose = {"*"}}), HasSubstr("header field"));
}

}  // namespace
}  // namespace writ::gateway::cors_test
