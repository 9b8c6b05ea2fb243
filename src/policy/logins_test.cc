#include "policy/logins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cedar/parse.h"

namespace writ::policy::logins_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

decision::Logins of(std::string_view text) {
  return logins_in(cedar::parse_policies(text).value());
}

TEST(Logins, WherePoliciesAskForNoLoginNothingIsTried) {
  const auto logins = of(R"(permit (principal, action, resource) when { context.purpose == "support" };)");
  EXPECT_FALSE(logins.read);
  EXPECT_THAT(logins.acrs, IsEmpty());
}

TEST(Logins, TheTextsOfPoliciesThatReadTheLoginAreTried) {
  const auto logins = of(R"(
    permit (principal, action, resource) when { context.purpose == "support" };
    permit (principal, action, resource) when { context.token has acr && context.token.acr == "gold" };
    forbid (principal, action, resource) unless { ["gold", "platinum"].contains(context.token.acr) };)");
  EXPECT_TRUE(logins.read);
  EXPECT_THAT(logins.acrs, ElementsAre("gold", "platinum"));
}

TEST(Logins, AnAgeOfTheLoginNeedsNoText) {
  const auto logins = of(R"(forbid (principal, action, resource)
    unless { context.request.time.durationSince(context.token.authTime) < duration("5m") };)");
  EXPECT_TRUE(logins.read);
}

TEST(Logins, NoMoreTextsAreTriedThanTheLimit) {
  std::string text;
  for (int i = 0; i < 100; ++i)
    text +=
        "permit (principal, action, resource) when { context.token.acr == \"" + std::to_string(i) + "\" };";
  EXPECT_THAT(of(text).acrs, SizeIs(decision::Logins::kMaxAcrs));
}

}  // namespace
}  // namespace writ::policy::logins_test
