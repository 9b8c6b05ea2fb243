#include "token/presented.h"

#include <gtest/gtest.h>
#include <vector>

namespace writ::token::presented_test {
namespace {

std::string outcome(std::vector<std::string_view> authorization, std::vector<std::string_view> dpop = {}) {
  const auto result = Presented::from_values(authorization, dpop);
  return result ? std::string(result->token()) : std::string(reason_code(result.error().reason));
}

TEST(Presented, TakesTheTokenOfEitherScheme) {
  EXPECT_EQ(outcome({"Bearer abc.def.ghi"}), "abc.def.ghi");
  EXPECT_EQ(outcome({"bearer  abc"}), "abc");
  const std::string_view authorization[] = {"DPoP abc"}, dpop[] = {"proof"};
  const auto presented = Presented::from_values(authorization, dpop).value();
  EXPECT_EQ(presented.scheme(), Scheme::kDpop);
  EXPECT_EQ(presented.proof(), "proof");
}

TEST(Presented, WithoutATokenItIsMissing) {
  EXPECT_EQ(outcome({}), "token_missing");
  for (const auto* value :
       {"", "Bearer", "Bearer ", "Bearer   ", "Basic YTpi", "Bearerabc", " Bearer abc", "Bearer\tabc"}) {
    EXPECT_EQ(outcome({value}), "token_missing") << value;
  }
}

TEST(Presented, RefusesASecondAuthorizationHeader) {
  EXPECT_EQ(outcome({"Bearer abc", "Bearer abc"}), "token_malformed");
  EXPECT_EQ(outcome({"Basic YTpi", "Bearer abc"}), "token_malformed");
}

TEST(Presented, RefusesASecondProof) {
  EXPECT_EQ(outcome({"DPoP abc"}, {"p", "p"}), "token_malformed");
}

TEST(Presented, RefusesCharactersNoTokenHas) {
  for (const auto* value : {"Bearer a b", "Bearer a,b", "Bearer a\"", "Bearer a=b", "Bearer =",
                            "Bearer \xc3\xa9", "Bearer a\x01", "Bearer abc ", "Bearer abc, Bearer def"}) {
    EXPECT_EQ(outcome({value}), "token_malformed") << value;
  }
}

TEST(Presented, KeepsTheLimitOfTheToken) {
  EXPECT_EQ(outcome({"Bearer " + std::string(kMaxTokenBytes, 'a')}), std::string(kMaxTokenBytes, 'a'));
  EXPECT_EQ(outcome({"Bearer " + std::string(kMaxTokenBytes + 1, 'a')}), "token_malformed");
}

TEST(Presented, KeepsTheLimitOfTheProof) {
  EXPECT_EQ(outcome({"DPoP abc"}, {std::string(kMaxProofBytes, 'a')}), "abc");
  EXPECT_EQ(outcome({"DPoP abc"}, {std::string(kMaxProofBytes + 1, 'a')}), "token_malformed");
}

TEST(Presented, LooksAtAllHeadersOfAMessage) {
  http::Headers headers{{"host", "a"}, {"AUTHORIZATION", "Bearer abc"}, {"dpop", "p"}};
  EXPECT_EQ(Presented::from_headers(headers).value().token(), "abc");
  headers.add("authorization", "Bearer abc");
  EXPECT_EQ(Presented::from_headers(headers).error().reason, Reason::kTokenMalformed);
}

}  // namespace
}  // namespace writ::token::presented_test
