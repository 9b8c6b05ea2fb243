#include "oauth/refusal.h"

#include <gtest/gtest.h>

#include "codec/json.h"

namespace writ::oauth::refusal_test {
namespace {

using codec::Json;

TEST(Refusal, SaysItInOauthsWordsAndInWrits) {
  const auto response = to_response({.error = OauthError::kInvalidTarget,
                                     .description = "no policy permits `x`",
                                     .reason = Reason::kPolicyNoPermit,
                                     .party = "Writ::User::\"nora\"",
                                     .policies = {"a"}},
                                    "r-1");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(response.headers.find("Pragma"), "no-cache");
  const auto json = codec::parse_json(response.body).value();
  EXPECT_EQ(*json.find("error"), Json("invalid_target"));
  EXPECT_EQ(*json.find("reason"), Json("policy_no_permit"));
  EXPECT_EQ(*json.find("message"), Json("no policy permits `x`"));
  EXPECT_EQ(*json.find("party"), Json("Writ::User::\"nora\""));
  EXPECT_EQ(*json.find("request_id"), Json("r-1"));
}

// RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
TEST(Refusal, TheDescriptionIsPrintableAsciiAndTheMessageIsWhole) {
  const auto json =
      codec::parse_json(to_response({OauthError::kInvalidRequest, "a \"b\\\" ü\n", std::nullopt}).body)
          .value();
  EXPECT_EQ(*json.find("error_description"), Json("a ?b?? ???"));
  EXPECT_EQ(*json.find("message"), Json("a \"b\\\" ü\n"));
}

TEST(Refusal, EachErrorHasItsStatus) {
  const auto status = [](OauthError error) { return to_response({error, "x", std::nullopt}).status; };
  EXPECT_EQ(status(OauthError::kInvalidClient), 401);
  EXPECT_EQ(status(OauthError::kServerError), 503);
  for (const auto error :
       {OauthError::kInvalidRequest, OauthError::kUnauthorizedClient, OauthError::kUnsupportedGrantType,
        OauthError::kUnsupportedTokenType, OauthError::kInvalidScope, OauthError::kInvalidTarget,
        OauthError::kInvalidDpopProof})
    EXPECT_EQ(status(error), 400) << error_name(error);
}

}  // namespace
}  // namespace writ::oauth::refusal_test
