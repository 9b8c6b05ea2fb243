#include "http/forwarded.h"

#include <gtest/gtest.h>

namespace writ::http::forwarded_test {
namespace {

Networks proxies() {
  Networks made;
  EXPECT_TRUE(made.add("10.0.0.0/8"));
  EXPECT_TRUE(made.add("2001:db8:1::/48"));
  return made;
}

// The caller's address, or "refused".
std::string caller(const Headers& headers, const std::string& peer = "10.0.0.1",
                   ForwardedBy by = ForwardedBy::kEither) {
  const auto told = client_address(headers, *Address::parse(peer), proxies(), by);
  return told ? told->text() : "refused";
}
std::string by_x(const std::string& value) {
  return caller({{"X-Forwarded-For", value}});
}
std::string by_forwarded(const std::string& value) {
  return caller({{"Forwarded", value}});
}

TEST(Forwarded, AStrangersWordIsNotTaken) {
  EXPECT_EQ(caller({{"X-Forwarded-For", "192.0.2.9"}}, "203.0.113.5"), "203.0.113.5");
  EXPECT_EQ(caller({{"Forwarded", "for=192.0.2.9"}}, "203.0.113.5"), "203.0.113.5");
  EXPECT_EQ(caller({{"X-Forwarded-For", "garbage"}}, "203.0.113.5"), "203.0.113.5");
}

TEST(Forwarded, IsReadFromTheRightAsFarAsTheOperatorsProxiesGo) {
  EXPECT_EQ(caller({}), "10.0.0.1");  // a proxy's own request
  EXPECT_EQ(by_x("192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(by_x("1.1.1.1, 192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(by_x("1.1.1.1,192.0.2.9 ,\t10.0.0.7"), "192.0.2.9");
  EXPECT_EQ(by_x("garbage, 192.0.2.9"), "192.0.2.9");  // the caller's own word
  EXPECT_EQ(by_x("10.0.0.9, 10.0.0.7"), "10.0.0.9");   // all of it within
  EXPECT_EQ(caller({{"X-Forwarded-For", "1.1.1.1"}, {"x-forwarded-for", "192.0.2.9"}}), "192.0.2.9");
}

TEST(Forwarded, TakesAddressesAsProxiesWriteThem) {
  EXPECT_EQ(by_x("192.0.2.9:4711"), "192.0.2.9");
  EXPECT_EQ(by_x("2001:db8::9"), "2001:db8::9");
  EXPECT_EQ(by_x("[2001:db8::9]:4711"), "2001:db8::9");
  EXPECT_EQ(by_x("::ffff:192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(by_forwarded("for=192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(by_forwarded("for=\"[2001:db8::9]:4711\""), "2001:db8::9");
  EXPECT_EQ(by_forwarded("For=1.1.1.1, proto=https; FOR=\"192.0.2.9\" ;by=10.0.0.1, for=10.0.0.7"),
            "192.0.2.9");
}

TEST(Forwarded, WhatAProxyWroteAndNobodyUnderstandsIsRefused) {
  for (const auto* value :
       {"", "garbage", "192.0.2.9,", "192.0.2.9, unknown", "192.0.2.256", "192.0.2.9:port", "[2001:db8::9",
        "[192.0.2.9]:1", "fe80::1%eth0", "192.0.2.9, garbage, 10.0.0.7"})
    EXPECT_EQ(by_x(value), "refused") << value;
  for (const auto* value :
       {"", "for", "for=", "for=unknown", "for=_hidden", "proto=https", "for=192.0.2.9,", "for=\"192.0.2.9",
        "for=192.0.2.9;for=192.0.2.8", "for=192.0.2.9 by=10.0.0.1", "for=2001:db8::9", "=192.0.2.9"})
    EXPECT_EQ(by_forwarded(value), "refused") << value;
}

TEST(Forwarded, AQuoteThatACallerOpensHidesNothing) {
  EXPECT_EQ(by_forwarded("for=1.1.1.1;x=\", for=192.0.2.9"), "refused");
  EXPECT_EQ(by_forwarded("for=1.1.1.1;x=\", for=192.0.2.9;host=\"a\""), "refused");
  EXPECT_EQ(by_forwarded("for=1.1.1.1;x=\"\\\", for=\"192.0.2.9\""), "refused");
}

TEST(Forwarded, TwoFieldsThatDisagreeAreRefusedUnlessOneIsChosen) {
  const Headers both = {{"Forwarded", "for=192.0.2.8"}, {"X-Forwarded-For", "192.0.2.9"}};
  EXPECT_EQ(caller(both), "refused");
  EXPECT_EQ(caller(both, "10.0.0.1", ForwardedBy::kForwarded), "192.0.2.8");
  EXPECT_EQ(caller(both, "10.0.0.1", ForwardedBy::kXForwardedFor), "192.0.2.9");
  EXPECT_EQ(caller(both, "10.0.0.1", ForwardedBy::kNobody), "10.0.0.1");
  EXPECT_EQ(caller({{"Forwarded", "for=192.0.2.9"}, {"X-Forwarded-For", "192.0.2.9"}}), "192.0.2.9");
}

TEST(Forwarded, MoreEntriesThanTheLimitAreRefused) {
  std::string old = "1.1.1.1", standard = "for=1.1.1.1";
  for (int i = 0; i < 63; ++i) {
    old += ", 192.0.2.9";
    standard += ", for=192.0.2.9";
  }
  EXPECT_EQ(by_x(old), "192.0.2.9");
  EXPECT_EQ(by_forwarded(standard), "192.0.2.9");
  EXPECT_EQ(by_x(old + ", 192.0.2.9"), "refused");
  EXPECT_EQ(by_forwarded(standard + ", for=192.0.2.9"), "refused");
}

}  // namespace
}  // namespace writ::http::forwarded_test
